-- The valid votes, each with its place among those of its key and the id of the first of them. An invalid vote takes no place.
-- One window for both, hence one operator, whose state is a count and an id per voter.
CREATE TEMPORARY VIEW ranked_votes AS
SELECT
    vote.vote_key AS vote_key,
    vote.vote_id AS vote_id,
    vote.election_id AS election_id,
    vote.voter_sub AS voter_sub,
    vote.candidate_id AS candidate_id,
    vote.cast_at AS cast_at,
    vote.catalogue_version AS catalogue_version,
    appended_at,
    `partition` AS source_partition,
    `offset` AS source_offset,
    settled,
    COUNT(*) OVER votes_so_far AS place,
    FIRST_VALUE(vote.vote_id) OVER votes_so_far AS first_vote_id
FROM read_records
WHERE vote.error IS NULL AND vote.reason IS NULL
WINDOW votes_so_far AS (
    PARTITION BY vote.vote_key
    ORDER BY arrival
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
)
