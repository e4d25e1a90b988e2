-- jobs/functions: reads a record and judges it.
CREATE TEMPORARY SYSTEM FUNCTION read_vote AS 'voting.jobs.ReadVote' LANGUAGE JAVA
