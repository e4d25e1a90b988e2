"""The catalogue that votes are judged by: every version of every election, as the topic ``elections`` published it."""

from collections.abc import Iterable

from proof.findings import Findings, Kind
from proof.records import UNKNOWN, Catalogue, ElectionVersion, Published, Unreadable


def collect(records: Iterable[Published | Unreadable], findings: Findings) -> Catalogue:
    """The versions, given the records in the order of the topic. What is wrong with records goes to ``findings``.

    The first record of a version is the one that holds: a version never changes, and is published again as it was. The topic
    is compacted, so a later record that says something else could push the first one out, and so could one under another
    version's key: what the verdicts rest on would change.
    """
    catalogue: dict[tuple[str, int], ElectionVersion] = {}
    for record in records:
        if isinstance(record, Unreadable):
            findings.add(Kind.UNREADABLE, UNKNOWN, str(record))
            continue
        name = f"version {record.version} (elections@{record.offset})"
        if record.key != f"{record.election_id}:{record.version}".encode():
            findings.add(Kind.CATALOGUE, record.election_id, f"{name} has another key than its own")
        if catalogue.setdefault((record.election_id, record.version), record.terms) != record.terms:
            findings.add(Kind.CATALOGUE, record.election_id, f"{name} says something else than an earlier record of it")
    return catalogue
