"""The recount's job: ``python -m proof.replay`` replays votes-in from its start to given offsets, in a small Flink of its own.

A batch job: it ends. It reads no verdict to come to its own, and writes nothing but its results, as lines of JSON into a file.
``python -m proof recount`` starts it, in a process of its own, for PyFlink brings a JVM with it.
"""

import json
import os
import socket
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import fastavro
import httpx

from proof import binary
from proof.decoding import Readers
from proof.judging import AcceptedReader, Judge
from proof.records import Catalogue, ElectionVersion

if TYPE_CHECKING:
    from pyflink.table import TableEnvironment

SQL = Path(__file__).parent / "sql"
PROGRESS_SECONDS = 5.0
WORKER_MODE = "_python_worker_execution_mode"
_TEXT, _NUMBER = "STRING", "BIGINT"
_JUDGED = {name: _NUMBER if name in {"appended_at_ms", "bucket", "digest"} else _TEXT for name in Judge.COLUMNS}
_ACCEPTED = {
    name: _TEXT if name in {"election_id", "candidate_id", "vote_key", "vote_id"} else _NUMBER for name in AcceptedReader.COLUMNS
}


@dataclass(frozen=True)
class Request:
    """What to replay, and by what. ``buckets``: whose votes to give one by one; none of them, the sums of all.

    Offsets are by partition, schemas by their id in the registry. The end of votes-accepted is where it ended once dedup had
    passed the ends of votes-in.
    """

    kafka_bootstrap_servers: str
    starts: dict[int, int]
    ends: dict[int, int]
    accepted_starts: dict[int, int]
    accepted_ends: dict[int, int]
    vote_schemas: dict[int, str]
    accepted_schemas: dict[int, str]
    catalogue: list[tuple[str, int, str, int, int, list[str], list[str]]]
    parallelism: int
    buckets: list[int]

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> "Request":
        found = json.loads(text)
        by_number = ("starts", "ends", "accepted_starts", "accepted_ends", "vote_schemas", "accepted_schemas")
        return Request(**{**found, **{name: {int(key): each for key, each in found[name].items()} for name in by_number}})

    def versions(self) -> Catalogue:
        return {
            (election_id, version): ElectionVersion(status, opens, closes, frozenset(candidates), frozenset(jurisdictions))
            for election_id, version, status, opens, closes, candidates, jurisdictions in self.catalogue
        }


def statement(name: str, **parameters: str) -> str:
    """The statement of ``sql/<name>.sql``."""
    return Template((SQL / f"{name}.sql").read_text(encoding="utf-8")).substitute(parameters)


def define_rules(table_env: "TableEnvironment", request: Request) -> None:
    """The views ``decided`` and ``read_accepted_votes``, on tables ``votes_in`` and ``votes_accepted``."""
    table_env.create_temporary_system_function(
        "judge", _function(_JudgeFunction(request.vote_schemas, request.versions(), len(request.ends)), _JUDGED)
    )
    table_env.create_temporary_system_function(
        "read_accepted", _function(_AcceptedFunction(request.accepted_schemas, request.ends), _ACCEPTED)
    )
    for view in ("judged", "decided", "read_accepted"):
        table_env.execute_sql(statement(view))


def query(request: Request) -> str:
    if request.buckets:
        return statement("votes_of_buckets", buckets=", ".join(map(str, request.buckets)))
    return statement("sums")


def define_topics(table_env: "TableEnvironment", request: Request) -> None:
    """The tables in Kafka."""
    for table, topic, starts, ends, more in (
        ("votes_in", "votes-in", request.starts, request.ends, {"key.format": "raw", "key.fields": "key"}),
        ("votes_accepted", "votes-accepted", request.accepted_starts, request.accepted_ends, {}),
    ):
        options = {
            "connector": "kafka",
            "topic": topic,
            "properties.bootstrap.servers": request.kafka_bootstrap_servers,
            "properties.isolation.level": "read_committed",
            # A place that the log does not have any more is an error, not a reason to begin elsewhere.
            "properties.auto.offset.reset": "none",
            "scan.startup.mode": "specific-offsets",
            "scan.startup.specific-offsets": _places(starts),
            "scan.bounded.mode": "specific-offsets",
            "scan.bounded.specific-offsets": _places(ends),
            "value.format": "raw",
            **({"value.fields-include": "EXCEPT_KEY", **more} if more else {}),
        }
        table_env.execute_sql(statement(table, options=",\n    ".join(f"'{key}' = '{text}'" for key, text in options.items())))


def environment(request: Request, scratch: Path, rest_port: int) -> "TableEnvironment":
    """A Flink of its own in this process's JVM, in batch mode."""
    # Workers as processes, as on a cluster: as threads of this process they would share one core.
    os.environ[WORKER_MODE] = "process"
    from pyflink.common import Configuration  # noqa: PLC0415 (what only reads Request does without)
    from pyflink.table import EnvironmentSettings, TableEnvironment  # noqa: PLC0415

    configuration = Configuration()
    for key, value in {
        "parallelism.default": str(request.parallelism),
        "rest.port": str(rest_port),
        "rest.bind-port": str(rest_port),
        "rest.bind-address": "127.0.0.1",
        "io.tmp.dirs": str(scratch),
        # What does not fit goes to disk.
        "taskmanager.memory.managed.size": f"{256 * request.parallelism}m",
        "taskmanager.numberOfTaskSlots": str(request.parallelism),
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        "python.fn-execution.bundle.size": "20000",
        "python.fn-execution.arrow.batch.size": "20000",
        "table.local-time-zone": "UTC",
        "pipeline.name": "recount",
    }.items():
        configuration.set_string(key, value)
    return TableEnvironment.create(EnvironmentSettings.new_instance().in_batch_mode().with_configuration(configuration).build())


def run(request: Request, target: Path) -> None:
    """Replay, and write a line for each row of the result."""
    records = sum(request.ends.values()) - sum(request.starts.values())
    with tempfile.TemporaryDirectory(prefix="recount-") as scratch, target.open("w", encoding="utf-8") as lines:
        port = _free_port()
        table_env = environment(request, Path(scratch), port)
        define_topics(table_env, request)
        define_rules(table_env, request)
        with _progress(port, records):
            for row in table_env.execute_sql(query(request)).collect():
                lines.write(json.dumps([int(each) if type(each).__name__ == "Decimal" else each for each in row]) + "\n")


class _JudgeFunction:
    """``judge``: made in each worker from what can be sent there."""

    def __init__(self, schemas: Mapping[int, str], catalogue: Catalogue, partitions: int) -> None:
        self._made_of = schemas, catalogue, partitions
        self._judge: Judge | None = None

    def __call__(self, keys: Any, values: Any, partitions: Any, offsets: Any, appended: Any) -> Any:
        if self._judge is None:
            schemas, catalogue, count = self._made_of
            self._judge = Judge(_readers(schemas), catalogue, count)
        at = appended.to_numpy("datetime64[ms]").astype("int64").tolist()
        return self._judge.batch(keys.tolist(), values.tolist(), partitions.tolist(), offsets.tolist(), at)


class _AcceptedFunction:
    """``read_accepted``."""

    def __init__(self, schemas: Mapping[int, str], ends: Mapping[int, int]) -> None:
        self._made_of = schemas, ends
        self._reader: AcceptedReader | None = None

    def __call__(self, values: Any) -> Any:
        if self._reader is None:
            self._reader = AcceptedReader(_readers(self._made_of[0]), self._made_of[1])
        return self._reader.batch(values.tolist())


def _function(batch: Any, columns: Mapping[str, str]) -> Any:
    from pyflink.table import DataTypes  # noqa: PLC0415
    from pyflink.table.udf import udf  # noqa: PLC0415

    types = {_TEXT: DataTypes.STRING(), _NUMBER: DataTypes.BIGINT()}
    row = DataTypes.ROW([DataTypes.FIELD(name, types[kind]) for name, kind in columns.items()])
    return udf(batch, result_type=row, func_type="pandas")


def _readers(schemas: Mapping[int, str]) -> Readers:
    return {number: binary.reader_of(fastavro.parse_schema(json.loads(text))) for number, text in schemas.items()}


def _places(offsets: Mapping[int, int]) -> str:
    return ";".join(f"partition:{partition},offset:{offset}" for partition, offset in sorted(offsets.items()))


@contextmanager
def _progress(port: int, records: int) -> Iterator[None]:
    """Say every few seconds how many records of votes-in have been judged, and at what rate, while the block lasts."""
    done, began = Event(), time.monotonic()

    def tell() -> None:
        while not done.wait(PROGRESS_SECONDS):
            read = _judged(port)
            if read:
                rate = read / (time.monotonic() - began)
                print(f"recount: {read:,} of {records:,} records judged, {rate:,.0f} a second", file=sys.stderr, flush=True)

    thread = Thread(target=tell, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(2 * PROGRESS_SECONDS)


def _judged(port: int) -> int:
    """What the sources' tasks of votes-in have passed on; 0 while that cannot be told."""
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PROGRESS_SECONDS) as flink:
            jobs = [job["jid"] for job in flink.get("/jobs/overview").json()["jobs"] if job["state"] == "RUNNING"]
            vertices = [vertex for job in jobs for vertex in flink.get(f"/jobs/{job}").json()["vertices"]]
    except (httpx.HTTPError, ValueError, KeyError):
        return 0
    return max((vertex["metrics"]["write-records"] for vertex in vertices if "votes_in" in vertex["name"]), default=0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    run(Request.from_json(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
