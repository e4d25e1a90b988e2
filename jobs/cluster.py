"""The Flink cluster through its REST API: which jobs there are, how they are, stopping one with a savepoint."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import httpx

REQUEST_TIMEOUT_SECONDS = 10.0
# A job that ended stays in the overview for an hour; these states say that it will not run again.
_ENDED = frozenset({"FINISHED", "FAILED", "CANCELED", "SUSPENDED"})


class ClusterUnavailable(Exception):
    """The JobManager cannot answer now. Start it, or correct FLINK_REST_URL, and try again."""


class StopFailed(Exception):
    """The job has not stopped and goes on. The message has Flink's reason; correct it and stop the job again."""


@dataclass(frozen=True)
class Job:
    """A job as the cluster lists it."""

    id: str
    name: str
    state: str
    started_at_ms: int
    tasks_running: int
    tasks_total: int

    @property
    def is_there(self) -> bool:
        """Whether it runs or will: a job that restarts, or that a JobManager recovers, must not be submitted a second time."""
        return self.state not in _ENDED

    @property
    def is_running(self) -> bool:
        """Whether every task of it processes records."""
        return self.state == "RUNNING" and 0 < self.tasks_total == self.tasks_running


@dataclass(frozen=True)
class Checkpoints:
    """How a job's checkpoints are; times in milliseconds since the epoch.

    ``state_bytes`` is the size of all state in the last one, however much of it older ones had already.
    """

    completed: int
    failed: int
    last_completed_at_ms: int | None
    state_bytes: int | None


class Cluster:
    """Client of one JobManager. Blocking. Every method raises ``ClusterUnavailable``."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=REQUEST_TIMEOUT_SECONDS, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def jobs(self) -> list[Job]:
        """All jobs, ended ones too, oldest first."""
        found = [
            Job(
                id=entry["jid"],
                name=entry["name"],
                state=entry["state"],
                started_at_ms=entry["start-time"],
                tasks_running=entry["tasks"]["running"],
                tasks_total=entry["tasks"]["total"],
            )
            for entry in self._get("/jobs/overview")["jobs"]
        ]
        return sorted(found, key=lambda job: job.started_at_ms)

    def job(self, name: str) -> Job | None:
        """The job of this name that is there, or ``None``."""
        return next((job for job in reversed(self.jobs()) if job.name == name and job.is_there), None)

    def checkpoints(self, job: Job) -> Checkpoints:
        answer = self._get(f"/jobs/{job.id}/checkpoints")
        last = answer["latest"]["completed"]
        return Checkpoints(
            completed=answer["counts"]["completed"],
            failed=answer["counts"]["failed"],
            last_completed_at_ms=last["latest_ack_timestamp"] if last else None,
            state_bytes=last["state_size"] if last else None,
        )

    def restarts(self, job: Job) -> int:
        """How often the job has restarted since it was submitted or since a JobManager took it over."""
        metrics = self._get(f"/jobs/{job.id}/metrics", get="numRestarts")
        return int(metrics[0]["value"]) if metrics else 0

    def last_failure(self, job: Job) -> str | None:
        """The innermost cause of the newest failure that the cluster remembers of this job."""
        entries = self._get(f"/jobs/{job.id}/exceptions", maxExceptions="1")["exceptionHistory"]["entries"]
        return _reason(str(entries[0]["stacktrace"])) if entries else None

    def stop_with_savepoint(self, job: Job, folder: str, *, patience_seconds: float, progress: Callable[[], None]) -> str:
        """Stop a job and return where its savepoint is. Blocks, calling ``progress`` about once a second.

        Everything that the job has read is in its outputs, committed, when this returns. Raises ``StopFailed``.
        """
        started = self._request("POST", f"/jobs/{job.id}/stop", json={"targetDirectory": folder, "drain": False})
        give_up_at = time.monotonic() + patience_seconds
        while time.monotonic() < give_up_at:
            status = self._get(f"/jobs/{job.id}/savepoints/{started['request-id']}")
            if status["status"]["id"] == "COMPLETED":
                operation = status["operation"]
                if "location" in operation:
                    return str(operation["location"])
                raise StopFailed(_reason(operation["failure-cause"]["stack-trace"]))
            progress()
            time.sleep(1)
        raise StopFailed(f"no savepoint after {patience_seconds:.0f} s")

    def cancel(self, job: Job) -> None:
        """End a job. Its last checkpoints stay. Returns when the cluster has taken the order."""
        self._request("PATCH", f"/jobs/{job.id}", params={"mode": "cancel"})

    def _get(self, path: str, **parameters: str) -> Any:
        return self._request("GET", path, params=parameters)

    def _request(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            answer = self._client.request(method, path, **arguments)
        except httpx.TransportError as error:
            raise ClusterUnavailable(f"no Flink JobManager answers at {self.url} (FLINK_REST_URL): {error}") from error
        if answer.is_error:
            raise ClusterUnavailable(f"Flink at {self.url} answers {answer.status_code} to {method} {path}: {answer.text[:300]}")
        return answer.json() if answer.content else None


def _reason(stack_trace: str) -> str:
    """The innermost cause that a Java stack trace names."""
    causes = [line for line in stack_trace.splitlines() if line and not line.startswith(("\t", "..."))]
    return causes[-1].removeprefix("Caused by: ") if causes else "Flink gives no reason"
