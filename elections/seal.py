"""Whether an election may be sealed: a function of what the record holds about it.

What the proof found out stands in its reports, in the same database: the organisers' command line reads them, and imports nothing
of the proof's, nor reads a single vote. A report covers what sealing asks for: dedup has passed its end offsets, the verdicts
cover the log exactly, and ledger, totals and Redis say what the log says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Report:
    """The newest recount of an election. ``ends`` are offsets of votes-in by partition, the ones after the last replayed."""

    report_id: str
    started_at: datetime
    agrees: bool
    is_conserved: bool
    ends: Mapping[int, int]
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Evidence:
    """What the record says. ``ends`` were noted at ``noted_at``, after the close; both are empty before that."""

    ends: Mapping[int, int]
    noted_at: datetime | None
    report: Report | None
    letters_without_ruling: int
    totals_are_those_of_report: bool


def reasons_against(evidence: Evidence) -> list[str]:
    """Everything that keeps an election from being sealed, each with what to do."""
    if not evidence.ends or evidence.noted_at is None:
        return ["the end of its votes in the log is not noted: python -m elections close"]
    report, again = evidence.report, "python -m proof recount"
    reasons = []
    if report is None:
        reasons.append(f"there is no recount of it: {again}")
    elif report.started_at < evidence.noted_at or report.ends.keys() != evidence.ends.keys():
        reasons.append(f"the newest recount is of before its close: {again}")
    elif any(report.ends[partition] < end for partition, end in evidence.ends.items()):
        reasons.append(f"the newest recount does not reach the end of its votes in the log: {again}")
    elif not report.agrees:
        reasons.append(f"the newest recount ({report.report_id}) disagrees: see its findings")
    elif not report.is_conserved:
        reasons.append(f"the newest recount ({report.report_id}) has records without exactly one verdict")
    elif not evidence.totals_are_those_of_report:
        reasons.append(f"the totals have changed since the newest recount: {again}")
    if evidence.letters_without_ruling:
        reasons.append(f"{evidence.letters_without_ruling} dead letters have no ruling: python -m proof adjudicate")
    return reasons
