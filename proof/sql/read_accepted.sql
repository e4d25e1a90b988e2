-- What was accepted of votes before the end offsets: read_accepted() is proof/judging.py.
CREATE TEMPORARY VIEW read_accepted_votes AS
SELECT vote
FROM (SELECT read_accepted(`value`) AS vote FROM votes_accepted)
WHERE vote.election_id IS NOT NULL
