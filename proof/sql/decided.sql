-- The first valid vote of a key counts, every later one is a duplicate of it; all of a key's lie in one partition.
CREATE TEMPORARY VIEW decided AS
SELECT
    election_id,
    CASE WHEN place = 1 THEN 'accepted' ELSE 'duplicate' END AS outcome,
    candidate_id,
    vote_key,
    vote_id,
    appended_at_ms,
    `partition`,
    `offset`,
    bucket,
    digest
FROM (
    SELECT
        vote.election_id AS election_id,
        vote.candidate_id AS candidate_id,
        vote.vote_key AS vote_key,
        vote.vote_id AS vote_id,
        vote.appended_at_ms AS appended_at_ms,
        `partition`,
        `offset`,
        vote.bucket AS bucket,
        vote.digest AS digest,
        ROW_NUMBER() OVER (PARTITION BY vote.vote_key ORDER BY `offset`) AS place
    FROM judged
    WHERE vote.outcome IS NULL
)
