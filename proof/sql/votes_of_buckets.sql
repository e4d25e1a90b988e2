-- The votes that count, and those that were accepted, of the buckets whose sums differ.
SELECT 'recount' AS side, election_id, vote_key, vote_id, candidate_id, appended_at_ms, `partition`, `offset`, bucket
FROM decided
WHERE outcome = 'accepted' AND bucket IN (${buckets})
UNION ALL
SELECT
    'accepted',
    vote.election_id,
    vote.vote_key,
    vote.vote_id,
    vote.candidate_id,
    vote.appended_at_ms,
    CAST(vote.source_partition AS INT),
    vote.source_offset,
    vote.bucket
FROM read_accepted_votes
WHERE vote.bucket IN (${buckets})
