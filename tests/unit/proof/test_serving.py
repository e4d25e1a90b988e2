"""What operators are told about conservation."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from proof import display
from proof.alarm import Alarm
from proof.cover import Balance, Interval
from proof.metrics import METRICS
from proof.serving import FRESH_SECONDS, answering, application
from proof.watch import View

ELECTION = "election-2025-01"
BALANCE = Balance(10, 5, 2, Counter(election_not_open=1), 1, 1)


def view(**changed: Any) -> View:
    return View(
        **{"at": 1_000.0, "elections": {ELECTION: BALANCE}, "behind": 0, "read": 20, "runs": 3, "settled_at": 1_000.0, **changed}
    )


def asked(found: View | None, path: str, now: float = 1_001.0) -> httpx.Response:
    transport = httpx.WSGITransport(application(lambda: found, lambda: now))
    with httpx.Client(transport=transport, base_url="http://proof") as client:
        return client.get(path)


def test_the_document_has_the_figures_of_each_election_and_of_all() -> None:
    document = asked(view(), "/conservation").json()
    figures = {
        "votesIn": 10,
        "accepted": 5,
        "duplicates": 2,
        "rejectedOtherwise": {"election_not_open": 1},
        "deadLettered": 1,
        "inFlight": 1,
        "exact": True,
    }
    assert document["elections"] == {ELECTION: figures}
    assert document["total"] == figures
    assert document["exact"] is True
    assert document["at"] == "1970-01-01T00:16:40.000Z"
    assert document["alarms"] == []


def test_it_is_not_exact_with_a_gap_an_alarm_a_sum_that_does_not_come_out_or_before_it_has_read_as_far_as_dedup() -> None:
    assert view().is_exact
    assert not view(gaps=[Interval(0, 1, 2)]).is_exact
    assert not view(wrong={Alarm.OVERLAP: 1}).is_exact
    assert not view(elections={ELECTION: Balance(cast=2, accepted=1)}).is_exact
    assert not view(settled_at=None).is_exact
    assert view(behind=1).is_exact


def test_an_alarm_is_named_with_its_place() -> None:
    found = view(wrong={Alarm.GAP: 2, Alarm.OVERLAP: 0}, words={Alarm.GAP: ["votes-in 0@7–8"]}, gaps=[Interval(0, 7, 9)])
    document = json.loads(display.as_json(found))
    (alarm,) = document["alarms"]
    assert (alarm["alarm"], alarm["records"], alarm["where"]) == ("gap", 2, ["votes-in 0@7–8"])
    assert document["unaccounted"] == {"records": 2, "intervals": [{"partition": 0, "start": 7, "end": 9}]}
    assert "gap: 2, records of votes-in that dedup has passed" in display.text(found)
    assert display.verdict(found) == "WRONG: gap."


def test_the_text_shows_the_sum() -> None:
    shown = display.text(view())
    assert "votes-in                10" in shown
    assert "+ election_not_open      1" in shown
    assert "EXACT" in shown


def test_metrics_have_every_name_of_the_list() -> None:
    text = asked(view(wrong={Alarm.GAP: 0}), "/metrics").text
    for metric in METRICS:
        assert f"# TYPE {metric.name} {metric.kind}" in text
    assert f'conservation_votes{{election="{ELECTION}",outcome="duplicate"}} 2.0' in text
    assert 'conservation_alarm_records{alarm="gap"} 0.0' in text
    assert "conservation_exact 1.0" in text
    assert "conservation_age_seconds 1.0" in text


@pytest.mark.parametrize(
    ("found", "now", "status"), [(None, 0.0, 503), (view(), 1_001.0, 200), (view(), 1_000.0 + FRESH_SECONDS, 503)]
)
def test_it_is_ready_while_its_figures_are_fresh(found: View | None, now: float, status: int) -> None:
    assert asked(found, "/readyz", now).status_code == status


def test_before_the_first_comparison_there_is_no_document_and_it_is_alive() -> None:
    assert asked(None, "/conservation").status_code == 503
    assert asked(None, "/healthz").status_code == 200
    assert "conservation_age_seconds NaN" in asked(None, "/metrics").text
    assert asked(None, "/else").status_code == 404


def test_it_answers_on_a_port() -> None:
    with answering("127.0.0.1", 0, application(view, lambda: 1_001.0)) as port:
        assert httpx.get(f"http://127.0.0.1:{port}/conservation").status_code == 200


def test_the_runbook_lists_every_metric() -> None:
    lines = (Path(__file__).parents[3] / "docs" / "runbooks" / "proof.md").read_text().splitlines()
    for metric in METRICS:
        assert any(line.startswith(f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels)}") for line in lines), (
            metric.name
        )
