import itertools
import json
from typing import Any

import pytest

from jobs import plans
from jobs.start import SQL_JOBS


def a_node(number: int, kind: str, table: str | None = None) -> dict[str, Any]:
    node: dict[str, Any] = {"id": number, "type": f"stream-exec-{kind}_1", "description": f"{kind} {table}"}
    if table is not None:
        node["scanTableSource" if kind == "table-source-scan" else "dynamicTableSink"] = {"table": {"identifier": table}}
    return node


def a_plan(*nodes: dict[str, Any]) -> plans.Plan:
    edges = [{"source": one["id"], "target": other["id"]} for one, other in itertools.pairwise(nodes)]
    return {"flinkVersion": "2.3", "nodes": list(nodes), "edges": edges}


FORMER = a_plan(
    a_node(1, "table-source-scan", "votes_in"),
    a_node(2, "calc"),
    a_node(3, "over-aggregate"),
    a_node(4, "sink", "votes_accepted"),
)


def test_what_holds_state_keeps_its_number_and_all_else_gets_new_ones() -> None:
    changed = a_plan(
        a_node(21, "table-source-scan", "votes_in"),
        a_node(22, "calc"),
        a_node(23, "calc"),
        a_node(24, "over-aggregate"),
        a_node(25, "sink", "votes_accepted"),
        a_node(26, "sink", "votes_rejected"),
    )
    kept = plans.keep_numbers(changed, FORMER)
    assert [node["id"] for node in kept["nodes"]] == [1, 5, 6, 3, 4, 7]
    assert [(edge["source"], edge["target"]) for edge in kept["edges"]] == [(1, 5), (5, 6), (6, 3), (3, 4), (4, 7)]


def test_a_plan_that_drops_state_is_refused() -> None:
    changed = a_plan(a_node(1, "table-source-scan", "votes_in"), a_node(2, "sink", "votes_accepted"))
    with pytest.raises(ValueError, match=r"nothing takes the state of .*over-aggregate"):
        plans.keep_numbers(changed, FORMER)


def test_plans_are_the_same_however_they_are_numbered() -> None:
    assert plans.same_work(FORMER, plans.keep_numbers(plans.numbered(FORMER), FORMER))
    assert not plans.same_work(FORMER, a_plan(*FORMER["nodes"][:3]))


@pytest.mark.parametrize("job", SQL_JOBS)
def test_no_version_of_a_kept_plan_loses_the_state_of_the_one_before(job: str) -> None:
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in plans.versions(job)]
    assert kept
    for former, later in itertools.pairwise(kept):
        held = plans.stateful(former)
        assert {key: plans.stateful(later)[key] for key in held} == held


@pytest.mark.parametrize("job", SQL_JOBS)
def test_a_kept_plan_holds_no_address_and_no_path(job: str) -> None:
    text = plans.versions(job)[-1].read_text(encoding="utf-8")
    for secret in ("127.0.0.1", "bootstrap", "file:", "postgresql", ".jar"):
        assert secret not in text
