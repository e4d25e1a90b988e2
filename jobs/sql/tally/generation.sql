-- jobs/functions: which rebuild this job is. The jar goes with the job.
CREATE TEMPORARY SYSTEM FUNCTION generation AS 'voting.jobs.Generation' LANGUAGE JAVA USING JAR '${jar}'
