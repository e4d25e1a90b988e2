-- Every record with what its bytes and the catalogue say: judge() is proof/judging.py.
CREATE TEMPORARY VIEW judged AS
SELECT
    `partition`,
    `offset`,
    judge(`key`, `value`, `partition`, `offset`, CAST(appended_at AS TIMESTAMP(3))) AS vote
FROM votes_in
