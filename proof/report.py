"""An audit for people (a table and a verdict) and for machines (JSON)."""

import json
from collections.abc import Iterable
from dataclasses import asdict

from proof.audit import Audit
from proof.findings import KEPT_OF_EACH_KIND, Figures

_COLUMNS = {
    "cast": "cast",
    "accepted": "accepted",
    "duplicates": "duplicates",
    "rejected_otherwise": "otherwise rejected",
    "dead_letters": "dead letters",
    "in_flight": "in flight",
    "redis_total": "Redis",
    "aurora_total": "Aurora totals",
    "ledger_rows": "Aurora ledger rows",
}


def table(figures: dict[str, Figures]) -> str:
    """One row per figure, one column per election; narrow, because elections are few and figures are many."""
    rows = [["", *figures]]
    rows += [[title, *(f"{getattr(each, name):,}" for each in figures.values())] for name, title in _COLUMNS.items()]
    return "\n".join(aligned(rows))


def text(audit: Audit) -> str:
    """The table of the elections that have votes, every discrepancy that was kept in words, and the verdict."""
    lines = [table({name: figures for name, figures in audit.figures.items() if figures != Figures()} or audit.figures), ""]
    for (kind, election_id), count in audit.findings.counts.items():
        lines.append(f"{kind}, {election_id}: {count:,}")
        lines += [f"  {found.text}" for found in audit.findings if (found.kind, found.election_id) == (kind, election_id)]
        if count > KEPT_OF_EACH_KIND:
            lines.append(f"  … and {count - KEPT_OF_EACH_KIND:,} more")
    return "\n".join([*lines, verdict(audit)])


def verdict(audit: Audit) -> str:
    """One line."""
    if audit.agrees:
        return "AGREE: every vote in the log has exactly one verdict, and ledger, totals and Redis say the same."
    kinds = sorted({str(kind) for kind, _ in audit.findings.counts})
    return f"DISAGREE: {sum(audit.findings.counts.values()):,} discrepancies ({', '.join(kinds)})."


def as_json(audit: Audit) -> str:
    return json.dumps(
        {
            "agrees": audit.agrees,
            "elections": {election_id: asdict(figures) for election_id, figures in audit.figures.items()},
            "discrepancies": [
                {"kind": kind, "electionId": election_id, "count": count}
                for (kind, election_id), count in audit.findings.counts.items()
            ],
            "findings": [{"kind": found.kind, "electionId": found.election_id, "text": found.text} for found in audit.findings],
        },
        indent=2,
    )


def aligned(rows: list[list[str]]) -> Iterable[str]:
    """Lines of columns, the first one to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
