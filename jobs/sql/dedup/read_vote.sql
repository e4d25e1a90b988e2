-- jobs/functions: reads a record and judges it. The jar goes with the job.
CREATE TEMPORARY SYSTEM FUNCTION read_vote AS 'voting.jobs.ReadVote' LANGUAGE JAVA USING JAR '${jar}'
