-- Every later vote of a key, with the id of the one that counts.
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
WHERE place > 1
