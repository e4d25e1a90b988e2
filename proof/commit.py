"""Writing the commitments of an election: from the log to the file of leaves, in memory that grows with one partition only."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from proof import catalogue, commitments, verdicts
from proof.commitments import Summary
from proof.decoding import Decoder
from proof.findings import Findings
from proof.leaves import BadLeaves, Progress, Sorter
from proof.log import Log, Range
from proof.records import Cast, Catalogue
from proof.settings import Settings
from proof.sources import failing_as
from schemas import topics
from schemas.registry import Registry


class CannotCommit(Exception):
    """The commitments were not written, and what was there before is as it was. The message says why; put it right, try again."""


def run(
    settings: Settings,
    election_id: str,
    target: Path,
    progress: Callable[[str], Progress],
    within: Mapping[int, Range] | None = None,
) -> tuple[Mapping[int, Range], Summary]:
    """``write`` for a running system, within these ranges of votes-in or all of it: what was read, and what it came to.

    ``progress`` is asked for each of the two steps. Raises ``CannotCommit``.
    """
    try:
        with (
            failing_as(CannotCommit),
            Registry(settings.schema_registry_url) as registry,
            Log(settings.kafka_bootstrap_servers) as log,
        ):
            decoder = Decoder(registry)
            there = log.ranges("votes-in")
            ranges = there if within is None else within
            if not all(_has(there.get(partition), wanted) for partition, wanted in ranges.items()):
                raise CannotCommit("votes-in has not all of these offsets, or has them no longer")
            if len(ranges) != topics.load(settings.topics_environment)["votes-in"].partitions:
                raise CannotCommit("votes-in has another number of partitions than the contract says")
            # Asked for after votes-in: a version is in the log before any vote can name it.
            findings = Findings()
            versions = catalogue.collect(decoder.elections(log.messages("elections", log.ranges("elections"))), findings)
            for found in findings:
                raise CannotCommit(f"the catalogue is not to be relied on: {found.text}")
            summary = write(
                lambda partition: decoder.cast(log.messages("votes-in", {partition: ranges[partition]})),
                ranges,
                versions,
                election_id,
                target,
                progress,
            )
    except OSError as error:
        raise CannotCommit(f"{target} cannot be written: {error.strerror}") from error
    return ranges, summary


def write(
    read: Callable[[int], Iterable[Cast]],
    ranges: Mapping[int, Range],
    versions: Catalogue,
    election_id: str,
    target: Path,
    progress: Callable[[str], Progress],
) -> Summary:
    """Write the leaves of an election's votes within the ranges of votes-in to ``target``, whole or not at all.

    ``read`` gives the records of one partition within its range, in their order; the ranges are of all partitions. The same
    records give the same file. Raises ``CannotCommit``, and what ``read`` raises.
    """
    if all(election_id != known for known, _ in versions):
        raise CannotCommit(f"there is no election {election_id}")
    show, offsets, passed = progress("offsets"), sum(end - start for start, end in ranges.values()), 0
    with Sorter(target) as sorter:
        for partition, (start, end) in ranges.items():
            for vote_id, verdict in verdicts.of_partition(
                _shown(read(partition), start, passed, offsets, show), len(ranges), versions, election_id
            ):
                sorter.add(commitments.leaf(commitments.commitment(election_id, vote_id), verdict))
            passed += end - start
        show(offsets, offsets)
        try:
            return sorter.finish(progress("leaves"))
        except BadLeaves as error:
            raise CannotCommit(f"{election_id}: {error}") from error


def contents(election_id: str, ranges: Mapping[int, Range], summary: Summary) -> dict[str, object]:
    """What a manifest says of commitments: whose they are, from which offsets of votes-in, and what they come to."""
    return {
        "electionId": election_id,
        "votesIn": [{"partition": partition, "from": start, "to": end} for partition, (start, end) in sorted(ranges.items())],
        "commitments": summary.contents(),
    }


def ranges_of(stated: Mapping[str, Any]) -> dict[int, Range]:
    """The ranges of votes-in that a manifest's contents state. Raises ``CannotCommit``."""
    try:
        ranges = {each["partition"]: Range(each["from"], each["to"]) for each in stated["votesIn"]}
        whole = all(isinstance(number, int) for partition, found in ranges.items() for number in (partition, *found))
    except (KeyError, TypeError):
        whole = False
    if not whole:
        raise CannotCommit("the manifest states no offsets of votes-in")
    return ranges


def _has(there: Range | None, wanted: Range) -> bool:
    return there is not None and there.start <= wanted.start <= wanted.end <= there.end


def _shown(records: Iterable[Cast], start: int, passed: int, offsets: int, show: Progress) -> Iterable[Cast]:
    for number, record in enumerate(records):
        if number % 10_000 == 0:
            show(passed + record.position.offset - start, offsets)
        yield record
