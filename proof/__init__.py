"""What auditors run: independent checks that the log, the verdicts and the projections agree.

It shares the contracts with the jobs and no code of theirs, so that a mistake there shows here.
"""
