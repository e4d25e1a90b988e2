-- One row for each vote that counts.
CREATE TEMPORARY VIEW ledger_rows AS
SELECT
    election_id,
    voter_sub,
    candidate_id,
    DATE_FORMAT(accepted_at, 'yyyy-MM-dd HH:mm:ss.SSS') || '+00' AS voted_at,
    vote_id,
    source_partition,
    source_offset
FROM accepted_votes
