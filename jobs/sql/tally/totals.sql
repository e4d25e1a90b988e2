-- Absolute number of votes of each candidate. Grouped by the key of the output, so that the planner knows that it is unique;
-- neither id can hold a colon, so the key gives both back.
CREATE TEMPORARY VIEW totals AS
SELECT
    total_key,
    SPLIT_INDEX(total_key, ':', 0) AS election_id,
    SPLIT_INDEX(total_key, ':', 1) AS candidate_id,
    generation() AS generation,
    COUNT(*) AS `count`,
    MAX(accepted_at) AS as_of
FROM (
    SELECT election_id || ':' || candidate_id AS total_key, accepted_at
    FROM votes_accepted
)
GROUP BY total_key
