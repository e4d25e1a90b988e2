-- As settled_votes.
CREATE TEMPORARY TABLE settled_totals (settled BOOLEAN) WITH ('connector' = 'blackhole')
