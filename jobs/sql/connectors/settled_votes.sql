-- A view that writes as it is read has to be read: nothing is kept of it.
CREATE TEMPORARY TABLE settled_votes (settled BOOLEAN) WITH ('connector' = 'blackhole')
