"""An organiser who puts elections into a running stack's catalogue: with a file and the command line, as any organiser does."""

import json
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from compose.settings import CHECKOUT
from tests.integration.log_of_votes import eventually

# The ingress reads the catalogue every second.
KNOWN_WITHIN_SECONDS = 15.0


@dataclass(frozen=True)
class Organiser:
    """``folder`` takes the elections' files. Each election gets an id of its own."""

    environment: Mapping[str, str] = field(repr=False)
    folder: Path

    def create(self, name: str, *, open_at_once: bool = True, **content: Any) -> str:
        """Create an election and return its id. ``content`` replaces or adds to what its file says."""
        election_id = f"{name}-{uuid.uuid4().hex[:8]}"
        file = self.folder / f"{election_id}.yaml"
        file.write_text(election_document(election_id, **content))
        self._run("create", str(file), *(["--open"] if open_at_once else []))
        return election_id

    def close(self, election_id: str) -> None:
        self._run("close", election_id)

    def _run(self, *arguments: str) -> None:
        command = [self.environment["PYTHON"], "-m", "elections", *arguments]
        done = subprocess.run(command, cwd=CHECKOUT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def election_document(election_id: str, **content: Any) -> str:
    """The file of an election that can be open now. ``content`` replaces or adds to what it says."""
    document = {
        "id": election_id,
        "title": f"The election {election_id}",
        "opens_at": from_now(timedelta(hours=-1)),
        "closes_at": from_now(timedelta(hours=12)),
        "results": "live",
        "candidates": [{"id": "alice", "name": "Alice"}, {"id": "bob", "name": "Bob"}],
        **content,
    }
    return json.dumps(document)  # which is YAML, too


def from_now(delta: timedelta) -> str:
    """A time as an election's file has it, in whole seconds."""
    return (datetime.now(UTC) + delta).isoformat(timespec="seconds")


def wait_until_shown(api: httpx.Client, election_id: str, status: str = "open") -> None:
    """Return once the ingress shows the election with this status."""

    def shown() -> bool:
        answer = api.get(f"/elections/{election_id}")
        return answer.status_code == httpx.codes.OK and answer.json()["status"] == status

    eventually(shown, f"{election_id} is {status}", KNOWN_WITHIN_SECONDS)
