-- jobs/functions: the functions and the format of the jobs' SQL. The jar goes with the job.
ADD JAR '${jar}'
