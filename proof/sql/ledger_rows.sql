-- The rows of some buckets, below the recount's end offsets.
SELECT
    election_id,
    election_id || ':' || voter_sub AS vote_key,
    vote_id,
    candidate_id,
    (extract(epoch FROM voted_at) * 1000)::bigint AS appended_at_ms,
    source_partition,
    source_offset
FROM votes_ledger
LEFT JOIN unnest(%(partitions)s::integer[], %(ends)s::bigint[]) AS log (source_partition, log_end) USING (source_partition)
CROSS JOIN LATERAL (SELECT sha256(convert_to(election_id || ':' || voter_sub, 'UTF8')) AS key_hash) AS hashed
WHERE (log_end IS NULL OR source_offset IS NULL OR source_offset < log_end)
  AND get_byte(key_hash, 0) * 4 + get_byte(key_hash, 1) / 64 = ANY (%(buckets)s::integer[])
