"""What keeps an election from being sealed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from elections.seal import Evidence, Report, reasons_against

NOTED = datetime(2025, 5, 1, 18, 0, 2, tzinfo=UTC)
REPORT = Report(
    "report-1", NOTED + timedelta(seconds=1), agrees=True, is_conserved=True, ends={0: 10, 1: 20}, counts={"alice": 3}
)
EVIDENCE = Evidence({0: 10, 1: 18}, NOTED, REPORT, 0, totals_are_those_of_report=True)


def test_nothing_is_against_it_when_a_recount_after_the_close_agrees() -> None:
    assert reasons_against(EVIDENCE) == []


def test_without_noted_ends_nothing_else_is_looked_at() -> None:
    assert reasons_against(replace(EVIDENCE, ends={}, noted_at=None)) == [
        "the end of its votes in the log is not noted: python -m elections close"
    ]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"report": None}, "there is no recount of it"),
        ({"report": replace(REPORT, started_at=NOTED - timedelta(seconds=1))}, "is of before its close"),
        ({"report": replace(REPORT, ends={0: 10})}, "is of before its close"),
        ({"report": replace(REPORT, ends={0: 9, 1: 20})}, "does not reach the end"),
        ({"report": replace(REPORT, agrees=False)}, "disagrees"),
        ({"report": replace(REPORT, is_conserved=False)}, "records without exactly one verdict"),
        ({"totals_are_those_of_report": False}, "the totals have changed"),
        ({"letters_without_ruling": 2}, "2 dead letters have no ruling"),
    ],
)
def test_each_reason_is_told(changed: dict[str, Any], reason: str) -> None:
    (told,) = reasons_against(replace(EVIDENCE, **changed))
    assert reason in told
