-- The newest total of each candidate; vote_totals itself refuses one that is behind what it has.
CREATE TEMPORARY VIEW total_rows AS
SELECT
    election_id,
    candidate_id,
    `count`,
    DATE_FORMAT(as_of, 'yyyy-MM-dd HH:mm:ss.SSS') || '+00' AS updated_at,
    generation
FROM candidate_totals
