-- votes_ledger below the recount's end offsets, summed up as proof/digests.py does.
SELECT
    election_id,
    candidate_id,
    get_byte(key_hash, 0) * 4 + get_byte(key_hash, 1) / 64 AS bucket,
    count(*) AS votes,
    sum(digest) AS digest
FROM (
    SELECT
        election_id,
        candidate_id,
        sha256(convert_to(election_id || ':' || voter_sub, 'UTF8')) AS key_hash,
        ('x' || substr(encode(sha256(convert_to(concat(
            election_id, ':', voter_sub, '|', vote_id, '|', candidate_id, '|', (extract(epoch FROM voted_at) * 1000)::bigint, '|',
            source_partition, '|', source_offset
        ), 'UTF8')), 'hex'), 1, 15))::bit(60)::bigint AS digest
    FROM votes_ledger
    LEFT JOIN unnest(%(partitions)s::integer[], %(ends)s::bigint[]) AS log (source_partition, log_end) USING (source_partition)
    WHERE log_end IS NULL OR source_offset IS NULL OR source_offset < log_end
) AS rows
GROUP BY 1, 2, 3
