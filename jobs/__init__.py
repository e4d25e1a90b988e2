"""What happens to a vote after it is in the log: dedup, tally and ledger, as Flink jobs, and the command line that runs them."""
