#!/bin/sh
# Starts the JobManager in the foreground; the arguments are its dynamic properties (-D key=value).
# Environment: FLINK_HOME, FLINK_STATE_DIR and what Flink's own scripts read.
#
# Flink 2.3.0 records the result of a job that failed while it was initialized (restoring from a savepoint that does not fit, say)
# without the id of its application, never marks it clean although nothing of the job is left, and refuses to start a JobManager
# that finds it ("Application ID is missing in the recovered job result"): one bad submission would keep all jobs down. Such
# results are taken away. A result with an id is left alone, for Flink finishes that job's clean-up from it.
set -eu

for result in "$FLINK_STATE_DIR"/ha/job-result-store/*/*_DIRTY.json; do
    if [ -f "$result" ] && ! grep -q '"application-id"' "$result"; then
        echo "forgetting the failed start in $result"
        rm -f "$result"
    fi
done

exec "$FLINK_HOME/bin/jobmanager.sh" start-foreground "$@"
