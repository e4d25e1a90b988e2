-- A row for each vote, no voter twice. A voter who has a row keeps it: the trigger takes the update for a repeat or records a
-- conflict, and the row is not counted as written either way.
INSERT INTO votes_ledger (election_id, voter_sub, candidate_id, voted_at, vote_id, source_partition, source_offset)
SELECT election_id, voter_sub, candidate_id, to_timestamp(voted_at_ms / 1000.0), vote_id, source_partition, source_offset
FROM unnest(
    %(election_id)b::text[],
    %(voter_sub)b::text[],
    %(candidate_id)b::text[],
    %(voted_at_ms)b::bigint[],
    %(vote_id)b::text[],
    %(source_partition)b::integer[],
    %(source_offset)b::bigint[]
) AS sent (election_id, voter_sub, candidate_id, voted_at_ms, vote_id, source_partition, source_offset)
ON CONFLICT (election_id, voter_sub) DO UPDATE SET
    candidate_id = excluded.candidate_id,
    voted_at = excluded.voted_at,
    vote_id = excluded.vote_id,
    source_partition = excluded.source_partition,
    source_offset = excluded.source_offset
