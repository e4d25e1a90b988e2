-- Where in votes-in those of the votes stand that were refused because their voter has another one, now or earlier.
SELECT DISTINCT refused_partition, refused_offset
FROM ledger_conflicts
JOIN unnest(
    %(election_id)b::text[],
    %(voter_sub)b::text[],
    %(source_partition)b::integer[],
    %(source_offset)b::bigint[]
) AS sent (election_id, voter_sub, refused_partition, refused_offset)
USING (election_id, voter_sub, refused_partition, refused_offset)
ORDER BY refused_partition, refused_offset
