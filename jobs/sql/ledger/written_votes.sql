-- Every vote that counts, written to votes_ledger as it is read; its time in milliseconds since the epoch.
-- No CASE, IF or COALESCE in the arguments: the planner would call the function once for every branch.
CREATE TEMPORARY VIEW written_votes AS
SELECT
    write_vote(
        election_id,
        voter_sub,
        candidate_id,
        EXTRACT(EPOCH FROM accepted_at) * 1000 + EXTRACT(MILLISECOND FROM accepted_at),
        vote_id,
        source_partition,
        source_offset
    ) AS settled
FROM votes_accepted
