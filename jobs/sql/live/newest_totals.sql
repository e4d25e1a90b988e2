-- The totals for Redis, the time in milliseconds since the epoch.
CREATE TEMPORARY VIEW newest_totals AS
SELECT
    election_id,
    candidate_id,
    generation,
    `count`,
    EXTRACT(EPOCH FROM as_of) * 1000 + EXTRACT(MILLISECOND FROM as_of) AS as_of_ms
FROM votes_agg_records
