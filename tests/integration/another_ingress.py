"""An ingress beside the stack's own: with settings of its own, on a port of its own, on the stack's log and stores."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from compose.settings import CHECKOUT
from tests.integration.log_of_votes import eventually
from tests.stacks import free_ports

UP_WITHIN_SECONDS = 60.0
# Longer than the ingress gives itself (``Deadlines.stop_seconds``).
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class AnotherIngress:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self, path: str) -> bool:
        try:
            return httpx.get(f"{self.url}{path}", timeout=5.0, trust_env=False).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """Tell it to end and return its exit code."""
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)


@contextmanager
def another_ingress(
    environment: Mapping[str, str], folder: Path, up_when: str = "/readyz", module: str = "ingress", **settings: str
) -> Iterator[AnotherIngress]:
    """Started when the path ``up_when`` answers with 200; ended at the end, if it is still there. ``folder`` takes its log.

    ``module`` is another program that serves the ingress.
    """
    (port,) = free_ports(1)
    log = folder / f"ingress-{port}.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [environment["PYTHON"], "-m", module],
            cwd=CHECKOUT,
            env={**environment, "INGRESS_PORT": str(port), **settings},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        started = AnotherIngress(process, port, log)
        try:

            def up() -> bool:
                assert process.poll() is None, f"it ended with {process.returncode}:\n{log.read_text(errors='replace')}"
                return started.answers(up_when)

            eventually(up, f"{up_when} of another ingress", UP_WITHIN_SECONDS)
            yield started
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
