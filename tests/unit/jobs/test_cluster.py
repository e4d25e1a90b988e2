import json
from typing import Any

import httpx
import pytest

from jobs.cluster import Cluster, ClusterUnavailable, Job, StopFailed

URL = "http://127.0.0.1:8081"


def an_entry(
    name: Any = "dedup", state: Any = "RUNNING", running: Any = 4, total: Any = 4, started_at: Any = 1, jid: Any = "a1"
) -> Any:
    return {"jid": jid, "name": name, "state": state, "start-time": started_at, "tasks": {"running": running, "total": total}}


def a_cluster(answers: Any) -> Any:
    """A cluster that answers by path; a list is answered one by one."""

    def answer(request: Any) -> Any:
        found = answers[request.url.path]
        if isinstance(found, list):
            found = found.pop(0)
        if isinstance(found, Exception):
            raise found
        return httpx.Response(200, json=found)

    return Cluster(URL, transport=httpx.MockTransport(answer))


@pytest.mark.parametrize("state", ["INITIALIZING", "CREATED", "RUNNING", "FAILING", "RESTARTING", "RECONCILING", "CANCELLING"])
def test_a_job_that_has_not_ended_is_there(state: Any) -> None:
    with a_cluster({"/jobs/overview": {"jobs": [an_entry(state=state)]}}) as cluster:
        assert cluster.job("dedup").is_there


@pytest.mark.parametrize("state", ["FINISHED", "FAILED", "CANCELED", "SUSPENDED"])
def test_a_job_that_has_ended_is_not(state: Any) -> None:
    with a_cluster({"/jobs/overview": {"jobs": [an_entry(state=state)]}}) as cluster:
        assert cluster.job("dedup") is None


def test_a_job_runs_when_every_task_does() -> None:
    entries = [an_entry(running=3), an_entry(state="RESTARTING"), an_entry(running=0, total=0), an_entry()]
    with a_cluster({"/jobs/overview": {"jobs": entries}}) as cluster:
        assert [job.is_running for job in cluster.jobs()] == [False, False, False, True]


def test_an_ended_run_does_not_hide_the_one_that_is_there() -> None:
    entries = [an_entry(jid="new", started_at=2), an_entry(jid="old", started_at=1, state="FINISHED")]
    with a_cluster({"/jobs/overview": {"jobs": entries}}) as cluster:
        assert cluster.job("dedup").id == "new"


def test_a_cluster_that_does_not_answer_is_named() -> None:
    with (
        a_cluster({"/jobs/overview": httpx.ConnectError("refused")}) as cluster,
        pytest.raises(ClusterUnavailable, match=URL),
    ):
        cluster.jobs()


def test_an_error_of_the_cluster_is_told() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(503, text="no leader yet"))
    with Cluster(URL, transport=transport) as cluster, pytest.raises(ClusterUnavailable, match="no leader yet"):
        cluster.jobs()


def stopping(*statuses: Any) -> Any:
    return {
        "/jobs/overview": {"jobs": [an_entry()]},
        "/jobs/a1/stop": {"request-id": "r1"},
        "/jobs/a1/savepoints/r1": list(statuses),
    }


def test_a_stop_waits_for_the_savepoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    seen = []
    statuses = [{"status": {"id": "IN_PROGRESS"}}, {"status": {"id": "COMPLETED"}, "operation": {"location": "file:/s1"}}]
    with a_cluster(stopping(*statuses)) as cluster:
        job = cluster.job("dedup")
        progress = lambda: seen.append(1)  # noqa: E731
        assert cluster.stop_with_savepoint(job, "file:///s", patience_seconds=60, progress=progress) == "file:/s1"
    assert seen == [1]


def test_a_stop_that_fails_gives_the_innermost_reason() -> None:
    trace = "java.util.A: outer\n\tat x\nCaused by: B: middle\n\tat y\nCaused by: C: no checkpoint now\n\t... 3 more"
    failed = {"status": {"id": "COMPLETED"}, "operation": {"failure-cause": {"stack-trace": trace}}}
    with a_cluster(stopping(failed)) as cluster, pytest.raises(StopFailed, match=r"^C: no checkpoint now$"):
        cluster.stop_with_savepoint(cluster.job("dedup"), "file:///s", patience_seconds=60, progress=lambda: None)


def test_a_stop_asks_for_the_folder_of_the_job_and_does_not_drain() -> Any:
    bodies = []

    def answer(request: Any) -> Any:
        if request.method == "POST":
            bodies.append(json.loads(request.content))
        return httpx.Response(200, json={"request-id": "r", "status": {"id": "COMPLETED"}, "operation": {"location": "file:/s"}})

    with Cluster(URL, transport=httpx.MockTransport(answer)) as cluster:
        job = Job("a1", "dedup", "RUNNING", started_at_ms=0, tasks_running=4, tasks_total=4)
        cluster.stop_with_savepoint(job, "file:///s/dedup", patience_seconds=60, progress=lambda: None)
    assert bodies == [{"targetDirectory": "file:///s/dedup", "drain": False}]
