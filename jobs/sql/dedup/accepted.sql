-- The vote that counts: the first of its key.
CREATE TEMPORARY VIEW accepted AS
SELECT
    vote_key,
    vote_id,
    election_id,
    voter_sub,
    candidate_id,
    cast_at,
    catalogue_version,
    appended_at AS accepted_at,
    source_partition,
    source_offset
FROM ranked_votes
WHERE place = 1 AND NOT settled
