-- The votes, each with its place among the votes of its key and the id of the first of them.
-- One window for both, hence one operator, whose state is a count and an id per voter.
CREATE TEMPORARY VIEW ranked_votes AS
SELECT
    vote.vote_key AS vote_key,
    vote.vote_id AS vote_id,
    vote.election_id AS election_id,
    vote.voter_sub AS voter_sub,
    vote.candidate_id AS candidate_id,
    CAST(TO_TIMESTAMP_LTZ(vote.cast_at_ms, 3) AS TIMESTAMP(3)) AS cast_at,
    vote.catalogue_version AS catalogue_version,
    CAST(appended_at AS TIMESTAMP(3)) AS appended_at,
    `partition` AS source_partition,
    `offset` AS source_offset,
    COUNT(*) OVER votes_so_far AS place,
    FIRST_VALUE(vote.vote_id) OVER votes_so_far AS first_vote_id
FROM read_records
WHERE vote.error IS NULL
WINDOW votes_so_far AS (
    PARTITION BY vote.vote_key
    ORDER BY arrival
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
)
