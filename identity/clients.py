"""The OAuth2 clients of ``hydra/clients/``, brought into Hydra."""

import json
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

from identity.hydra_api import Hydra
from identity.settings import Settings

HERE = Path(__file__).parent / "hydra" / "clients"


def all_clients(settings: Settings) -> Iterator[dict[str, Any]]:
    """Every client definition with its placeholders filled in. Raises ``KeyError`` for a placeholder that has no setting.

    The files are parsed before they are filled in, so that no value can change their structure.
    """
    values = {"WEB_URL": settings.web_url, "VOTER_APP_CLIENT_SECRET": settings.voter_app_client_secret}

    def fill(node: Any) -> Any:
        if isinstance(node, dict):
            return {name: fill(child) for name, child in node.items()}
        if isinstance(node, list):
            return [fill(child) for child in node]
        return Template(node).substitute(values) if isinstance(node, str) else node

    for path in sorted(HERE.glob("*.json")):
        yield fill(json.loads(path.read_text(encoding="utf-8")))


async def apply(settings: Settings, hydra: Hydra) -> dict[str, bool]:
    """Create or update every client and tell which are new. Safe to repeat.

    Raises ``PairwiseSubjects`` before anything is written, and ``Failure``.
    """
    await hydra.check_subject_types()
    return {client["client_id"]: await hydra.apply_client(client) for client in all_clients(settings)}
