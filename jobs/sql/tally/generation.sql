-- jobs/functions: which rebuild this job is.
CREATE TEMPORARY SYSTEM FUNCTION generation AS 'voting.jobs.Generation' LANGUAGE JAVA
