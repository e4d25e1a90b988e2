"""Identifiers, and the key that makes "one vote per identity and election" a matter of log order."""

import re

ELECTION_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
CANDIDATE_ID = ELECTION_ID
VOTER_SUB = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# The ingress writes UUIDs. What reads the log asks for no more than it needs: something short that is safe to print.
VOTE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def vote_key(election_id: str, voter_sub: str) -> str:
    """Key of every record about one voter in one election: ``electionId:sub``. Neither part can hold a colon."""
    return f"{election_id}:{voter_sub}"
