-- Every later vote of a key, with the id of the one that counts, and every vote that is invalid.
CREATE TEMPORARY VIEW rejected AS
SELECT
    vote_key,
    vote_id,
    election_id,
    voter_sub,
    candidate_id,
    cast_at,
    catalogue_version,
    appended_at,
    source_partition,
    source_offset,
    'duplicate' AS reason,
    first_vote_id
FROM ranked_votes
WHERE place > 1 AND NOT settled
UNION ALL
SELECT
    vote.vote_key,
    vote.vote_id,
    vote.election_id,
    vote.voter_sub,
    vote.candidate_id,
    vote.cast_at,
    vote.catalogue_version,
    appended_at,
    `partition`,
    `offset`,
    vote.reason,
    CAST(NULL AS STRING)
FROM read_records
WHERE vote.reason IS NOT NULL AND NOT settled
