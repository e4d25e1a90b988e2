-- Every record of the log with what its bytes and the catalogue say: a vote, with the reason for which it is invalid if it is, or
-- an error for which it can never be counted.
-- A settled record is in the outputs already: it is read for the window alone.
-- PROCTIME() is no clock here: it orders the window below by arrival, which within a key is the order of the log.
CREATE TEMPORARY VIEW read_records AS
SELECT
    `key`,
    `value`,
    `partition`,
    `offset`,
    CAST(appended_at AS TIMESTAMP(3)) AS appended_at,
    read_vote(`key`, `value`, `partition`, `offset`, appended_at) AS vote,
    is_settled(`partition`, `offset`) AS settled,
    PROCTIME() AS arrival
FROM votes_in
