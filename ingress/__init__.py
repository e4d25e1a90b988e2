"""The voting API: takes votes into the log, and tells voters and everybody else what has become of them."""
