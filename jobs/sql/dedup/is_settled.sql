-- jobs/functions: whether the outputs have a record already.
CREATE TEMPORARY SYSTEM FUNCTION is_settled AS 'voting.jobs.IsSettled' LANGUAGE JAVA
