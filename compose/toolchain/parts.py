"""The parts that are fetched or built: Kafka, Flink's connectors, the jobs' functions, the schema registry, Hydra, Kratos and
process-compose.

Jars come through Maven and are compared with the committed ``SHA256SUMS`` beside their ``pom.xml``; Go modules are compared with
the committed ``go.sum`` by Go itself. To move to another version, change the manifest, fetch, look at what came, and write the
new sums (``sha256sum * > SHA256SUMS`` in the fetched folder).
"""

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from compose.toolchain import cache

HERE = Path(__file__).parent
CHECKOUT = HERE.parent.parent


class BuildFailed(Exception):
    """A part could not be fetched or built; the message says which, and ends with what the tool said."""


@dataclass(frozen=True)
class Part:
    """Something that ``build`` makes from the files of ``manifest`` in an empty folder."""

    name: str
    what: str
    manifest: tuple[Path, ...]
    build: Callable[[Path], None]

    @property
    def path(self) -> Path:
        return cache.path_of(self.name, self.manifest)

    @property
    def ready(self) -> bool:
        return self.path.exists()

    def ensure(self) -> Path:
        """Build the part unless it is there. Raises ``BuildFailed``."""
        return cache.built(self.name, self.manifest, self.build)


def _run(what: str, command: list[str], cwd: Path, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        check=False,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise BuildFailed(f"{what}: '{' '.join(command)}' ended with {done.returncode}:\n{said}")


def _check_sums(what: str, folder: Path, sums: Path) -> None:
    """Raise ``BuildFailed`` unless the folder holds exactly the files of a ``SHA256SUMS`` list, each with its hash."""
    wanted = {name: digest for digest, name in (line.split() for line in sums.read_text().splitlines())}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    if found != wanted:
        different = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        raise BuildFailed(f"{what}: not what {sums.relative_to(CHECKOUT)} lists: {', '.join(different)}")


def _maven(what: str, source: Path, goal: str = "copy-dependencies") -> Callable[[Path], None]:
    def fetch(folder: Path) -> None:
        command = [f"dependency:{goal}", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
        _run(what, ["mvn", "-q", "-B", "-ntp", "-f", str(source / "pom.xml"), *command], source)
        _check_sums(what, folder, source / "SHA256SUMS")

    return fetch


def _registry(source: Path) -> Callable[[Path], None]:
    fetch = _maven("schema registry", source, "copy")

    def unpack(folder: Path) -> None:
        fetch(folder)
        archive = next(folder.glob("*.tar.gz"))
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        archive.unlink()

    return unpack


def _go(what: str, source: Path, package: str, *options: str) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        # Built from a copy, so that no build writes into the checkout; -mod=readonly refuses what go.sum does not list.
        with cache.exclusive("go"):  # Go takes every core; two builds at once are no faster and need twice the memory
            workspace = folder / "source"
            shutil.copytree(source, workspace)
            output = folder / source.name
            command = ["go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", *options, "-o", str(output), package]
            _run(what, command, workspace, {"GOFLAGS": "", "GOWORK": "off"})
            shutil.rmtree(workspace)

    return build


def _jar(what: str, source: Path, name: str) -> Callable[[Path], None]:
    """A Maven module's jar. Its tests are run first, so there is no jar of code that fails them."""

    def build(folder: Path) -> None:
        workspace = folder / "source"
        shutil.copytree(source, workspace, ignore=shutil.ignore_patterns("target"))
        _run(what, ["mvn", "-q", "-B", "-ntp", "-f", str(workspace / "pom.xml"), "package"], workspace)
        shutil.move(workspace / "target" / name, folder / name)
        shutil.rmtree(workspace)

    return build


def _module(name: str) -> tuple[Path, ...]:
    return tuple(path for path in (HERE / name).iterdir() if path.is_file())


KAFKA = Part("kafka", "Apache Kafka 4.1.2 (jars)", _module("kafka"), _maven("Kafka", HERE / "kafka"))
REGISTRY = Part("registry", "Apicurio Registry 3.0.9", _module("registry"), _registry(HERE / "registry"))
_FLINK_CONF = CHECKOUT / "flink-conf"
CONNECTORS = Part(
    "flink-connectors",
    "Flink's connectors (jars)",
    (_FLINK_CONF / "pom.xml", _FLINK_CONF / "SHA256SUMS"),
    _maven("Flink's connectors", _FLINK_CONF),
)
_FUNCTIONS = CHECKOUT / "jobs" / "functions"
FUNCTIONS = Part(
    "vote-functions",
    "the jobs' functions (Java)",
    tuple(path for path in _FUNCTIONS.rglob("*") if path.suffix in {".java", ".xml"} and "target" not in path.parts),
    _jar("the jobs' functions", _FUNCTIONS, "vote-functions.jar"),
)
PROCESS_COMPOSE = Part(
    "process-compose",
    "process-compose 1.85.0 (Go, about a minute)",
    _module("process-compose"),
    _go("process-compose", HERE / "process-compose", "github.com/f1bonacc1/process-compose"),
)
KRATOS = Part(
    "kratos",
    "Ory Kratos 1.3.1 (Go, one to two minutes)",
    _module("kratos"),
    _go("Kratos", HERE / "kratos", ".", "-tags", "sqlite,json1"),
)
HYDRA = Part(
    "hydra",
    "Ory Hydra 2.3.0 (Go, about two minutes)",
    _module("hydra"),
    _go("Hydra", HERE / "hydra", ".", "-tags", "sqlite,json1"),
)
# Not part of the system: benchmarks build it when they run.
VEGETA = Part(
    "vegeta",
    "vegeta 12.12.0 (Go, half a minute)",
    _module("vegeta"),
    _go("vegeta", HERE / "vegeta", "github.com/tsenart/vegeta/v12"),
)
ALL = (KAFKA, REGISTRY, CONNECTORS, FUNCTIONS, PROCESS_COMPOSE, KRATOS, HYDRA)
