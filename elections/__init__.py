"""The election catalogue and the organisers' command line: create, open, close, show, list.

PostgreSQL is the catalogue's home; the topic ``elections`` carries the same versions to the jobs, and ``audit-log`` tells who
made them.
"""
