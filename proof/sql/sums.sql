-- Everything that a recount comes to: sums of votes and digests, and the place of each dead letter.
SELECT 'recount' AS side, election_id, outcome, candidate_id, bucket, COUNT(*) AS votes, SUM(CAST(digest AS DECIMAL(38, 0))) AS digest
FROM decided
GROUP BY election_id, outcome, candidate_id, bucket
UNION ALL
SELECT 'recount', vote.election_id, vote.outcome, '', 0, COUNT(*), CAST(0 AS DECIMAL(38, 0))
FROM judged
WHERE vote.outcome IS NOT NULL
GROUP BY vote.election_id, vote.outcome
UNION ALL
SELECT 'dead', vote.election_id, '', '', `partition`, `offset`, CAST(0 AS DECIMAL(38, 0))
FROM judged
WHERE vote.outcome = 'dead_letter'
UNION ALL
SELECT
    'accepted',
    vote.election_id,
    'accepted',
    vote.candidate_id,
    vote.bucket,
    COUNT(*),
    SUM(CAST(vote.digest AS DECIMAL(38, 0)))
FROM read_accepted_votes
GROUP BY vote.election_id, vote.candidate_id, vote.bucket
