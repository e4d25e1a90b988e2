-- Every record of the log with what its bytes say: a vote, or an error for which it can never be counted.
-- PROCTIME() is no clock here: it orders the window below by arrival, which within a key is the order of the log.
CREATE TEMPORARY VIEW read_records AS
SELECT
    `key`,
    `value`,
    `partition`,
    `offset`,
    appended_at,
    read_vote(`key`, `value`, `partition`) AS vote,
    PROCTIME() AS arrival
FROM records
