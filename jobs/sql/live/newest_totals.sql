-- The totals for Redis, the time in milliseconds since the epoch (the difference is an INT, which a thousandfold overflows).
CREATE TEMPORARY VIEW newest_totals AS
SELECT
    election_id,
    candidate_id,
    generation,
    `count`,
    CAST(TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', as_of) AS BIGINT) * 1000
        + EXTRACT(MILLISECOND FROM as_of) AS as_of_ms
FROM votes_agg_records
