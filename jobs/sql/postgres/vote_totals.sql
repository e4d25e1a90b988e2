-- A total for each candidate, no candidate twice. The trigger refuses one that is not ahead of what is there.
INSERT INTO vote_totals (election_id, candidate_id, count, updated_at, generation)
SELECT election_id, candidate_id, votes, to_timestamp(updated_at_ms / 1000.0), generation
FROM unnest(
    %(election_id)b::text[],
    %(candidate_id)b::text[],
    %(votes)b::bigint[],
    %(updated_at_ms)b::bigint[],
    %(generation)b::integer[]
) AS sent (election_id, candidate_id, votes, updated_at_ms, generation)
ON CONFLICT (election_id, candidate_id) DO UPDATE SET
    count = excluded.count,
    updated_at = excluded.updated_at,
    generation = excluded.generation
