"""Compiled plans: what the planner made of a job's SQL, kept in ``plans/`` and run as they are.

The state of an operator is found by the number of its node in the plan. A plan that is compiled anew, from changed SQL or by
another version of Flink, may number its nodes otherwise, and a job that is upgraded would not find its state. Therefore plans
are compiled when the SQL changes, by ``python -m jobs plan --write``, and kept: ``<job>.v<version>.json``, the newest of which is
run. What holds state keeps the number that it had in the version before (``keep_numbers``).

A plan names tables and functions, whose options and jars come from the job that runs it: it holds no address and no path.
(FLIP-190; documentation of Flink, "SQL Upgrades: Compiled Plans".)
"""

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # Loading PyFlink takes a second, and those who only read files do without.
    from pyflink.table import TableEnvironment

FOLDER = Path(__file__).parent / "plans"
_NAME = re.compile(r"(?P<job>[a-z]+)\.v(?P<version>[0-9]+)\.json")
_OPTIONS = {
    "table.plan.compile.catalog-objects": "IDENTIFIER",
    "table.plan.restore.catalog-objects": "IDENTIFIER",
}
Plan = dict[str, Any]


def versions(job: str) -> list[Path]:
    """The plans of a job, oldest first."""
    found = [(match, path) for path in FOLDER.glob("*.json") if (match := _NAME.fullmatch(path.name))]
    return [path for match, path in sorted(found, key=lambda pair: int(pair[0]["version"])) if match["job"] == job]


def next_path(job: str) -> Path:
    return FOLDER / f"{job}.v{len(versions(job)) + 1}.json"


def compiled(table_env: "TableEnvironment", inserts: Mapping[str, str]) -> Plan:
    """The plan of the statements that insert each view into its table. Tables, views and functions are defined already."""
    _set_options(table_env)
    statements = "\n".join(f"INSERT INTO {table} SELECT * FROM {view};" for table, view in inserts.items())  # noqa: S608 (names of ours)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.json"
        table_env.execute_sql(f"COMPILE PLAN '{file.as_uri()}' FOR STATEMENT SET BEGIN\n{statements}\nEND")
        plan: Plan = json.loads(file.read_text(encoding="utf-8"))
        return plan


def execute(table_env: "TableEnvironment", plan: Path) -> None:
    """Submit the job that a plan is. Its tables and functions are defined already."""
    _set_options(table_env)
    table_env.execute_sql(f"EXECUTE PLAN '{plan.as_uri()}'")


def keep_numbers(plan: Plan, former: Plan) -> Plan:
    """The plan with every node that holds state numbered as in the former plan, all others beyond its numbers.

    Sources and sinks are the same if their tables are, other operators if they are of the same type and the n-th of it. Raises
    ``ValueError`` if state of the former plan has no place in the new one: what it held would be lost.
    """
    held, wanted = stateful(former), stateful(plan)
    lost = sorted(str(key) for key in held.keys() - wanted.keys())
    if lost:
        raise ValueError(f"nothing takes the state of {', '.join(lost)} over")
    numbers = {wanted[key]: number for key, number in held.items()}
    beyond = max(node["id"] for node in former["nodes"])
    for node in plan["nodes"]:
        if node["id"] not in numbers:
            beyond += 1
            numbers[node["id"]] = beyond
    return _renumbered(plan, numbers)


def numbered(plan: Plan) -> Plan:
    """The plan with its nodes numbered from 1, whatever else has been compiled in the process before."""
    numbers = {node["id"]: number for number, node in enumerate(plan["nodes"], start=1)}
    return _renumbered(plan, numbers)


def same_work(one: Plan, other: Plan) -> bool:
    """Whether two plans do the same, however their nodes are numbered."""
    return numbered(one) == numbered(other)


def _renumbered(plan: Plan, numbers: Mapping[int, int]) -> Plan:
    return {
        **plan,
        "nodes": [{**node, "id": numbers[node["id"]]} for node in plan["nodes"]],
        "edges": [{**edge, "source": numbers[edge["source"]], "target": numbers[edge["target"]]} for edge in plan["edges"]],
    }


def stateful(plan: Plan) -> dict[tuple[str, str | int], int]:
    """Nodes that keep something over a restart, by what they are."""
    found: dict[tuple[str, str | int], int] = {}
    for node in plan["nodes"]:
        kind = node["type"].rpartition("_")[0].removeprefix("stream-exec-")
        if kind in {"table-source-scan", "sink"}:
            table = node["scanTableSource" if kind == "table-source-scan" else "dynamicTableSink"]["table"]["identifier"]
            found[kind, table] = node["id"]
        elif kind.endswith(("aggregate", "join", "deduplicate", "rank", "normalize")):
            count = sum(1 for known, _ in found if known == kind)
            found[kind, count] = node["id"]
    return found


def _set_options(table_env: "TableEnvironment") -> None:
    for key, value in _OPTIONS.items():
        table_env.get_config().set(key, value)
