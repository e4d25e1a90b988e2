"""A view of conservation for people (a table and a verdict) and for machines (JSON)."""

import json
from datetime import UTC, datetime
from typing import Any

from proof.alarm import MEANINGS
from proof.cover import Balance
from proof.report import aligned
from proof.watch import View


def as_json(view: View) -> str:
    """The document of ``GET /conservation``."""
    return json.dumps(
        {
            "at": datetime.fromtimestamp(view.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "exact": view.is_exact,
            "behindOffsets": view.behind,
            "total": figures(view.total),
            "elections": {election_id: figures(balance) for election_id, balance in view.elections.items()},
            "unaccounted": {
                "records": view.unaccounted,
                "intervals": [{"partition": each.partition, "start": each.start, "end": each.end} for each in view.gaps[:20]],
            },
            "alarms": [
                {"alarm": alarm, "records": view.wrong[alarm], "meaning": MEANINGS[alarm], "where": view.words.get(alarm, [])}
                for alarm in view.alarms
            ],
        },
        indent=2,
    )


def figures(balance: Balance) -> dict[str, Any]:
    """Of one election, or of all."""
    return {
        "votesIn": balance.cast,
        "accepted": balance.accepted,
        "duplicates": balance.duplicates,
        "rejectedOtherwise": dict(sorted(balance.rejected.items())),
        "deadLettered": balance.dead_letters,
        "inFlight": balance.in_flight,
        "exact": balance.is_exact,
    }


def text(view: View) -> str:
    """The figures of each election and of all, what is wrong, and the verdict."""
    columns = {"total": view.total, **view.elections}
    reasons = sorted(view.total.rejected)
    rows = [
        ["", *columns],
        ["votes-in", *(f"{balance.cast:,}" for balance in columns.values())],
        ["= accepted", *(f"{balance.accepted:,}" for balance in columns.values())],
        ["+ duplicates", *(f"{balance.duplicates:,}" for balance in columns.values())],
        *([f"+ {reason}", *(f"{balance.rejected[reason]:,}" for balance in columns.values())] for reason in reasons),
        ["+ dead letters", *(f"{balance.dead_letters:,}" for balance in columns.values())],
        ["+ in flight", *(f"{balance.in_flight:,}" for balance in columns.values())],
    ]
    lines = [*aligned(rows), ""]
    for alarm in view.alarms:
        lines.append(f"{alarm}: {view.wrong[alarm]:,}, {MEANINGS[alarm]}")
        lines += [f"  {where}" for where in view.words.get(alarm, [])]
    return "\n".join([*lines, verdict(view)])


def verdict(view: View) -> str:
    """One line."""
    if view.is_exact:
        return "EXACT: every record that dedup has passed has exactly one verdict, and every sum comes out."
    if view.alarms:
        return f"WRONG: {', '.join(view.alarms)}."
    if view.settled_at is None:
        return f"READING: {view.behind:,} offsets are left."
    return f"NOT YET: {view.unaccounted:,} records that dedup has passed have no verdict."
