"""Flink's SQL client with the tables of all topics, read from their beginning."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from jobs import kafka_tables, registered_schemas, statements
from jobs.settings import ClusterSettings, Settings

GROUP = "sql-client"
TOPICS = ("votes-in", "votes-unique", "votes-accepted", "votes-rejected", "votes-agg")


class ClientMissing(Exception):
    """There is no SQL client where FLINK_HOME says. Correct it."""


def definitions(settings: Settings) -> str:
    """SQL that a session begins with: one table for each topic that holds Avro, and the raw log."""
    tables = {
        "votes_in": kafka_tables.raw_votes(settings, GROUP),
        "votes_unique": kafka_tables.records(settings, "votes-unique", GROUP),
        "votes_accepted": kafka_tables.records(settings, "votes-accepted", GROUP),
        "votes_rejected": kafka_tables.records(settings, "votes-rejected", GROUP),
        "votes_dlq": kafka_tables.dead_letter_records(settings, GROUP),
        "votes_agg_records": kafka_tables.total_records(settings, GROUP),
    }
    options = {
        "table.local-time-zone": "UTC",
        "sql-client.execution.result-mode": "TABLEAU",
        "parallelism.default": "1",
    }
    texts = [f"SET '{key}' = '{value}'" for key, value in options.items()]
    texts += [statements.read("functions", jar=settings.functions_jar)]
    texts += [statements.read(f"connectors/{table}", options=with_) for table, with_ in tables.items()]
    return "".join(f"{text.strip()};\n" for text in texts)


def run(settings: Settings, cluster: ClusterSettings, file: Path | None) -> bool:
    """Run the client until it ends: with the statements of a file, or for somebody at a keyboard.

    Raises ``ClientMissing``, ``RegistryUnavailable``, ``SchemaNotRegistered``.
    """
    program = cluster.home / "bin" / "sql-client.sh"
    if not program.is_file():
        raise ClientMissing(f"there is no bin/sql-client.sh in {cluster.home} (FLINK_HOME)")
    rest = urlsplit(cluster.rest_url)
    address = {
        "high-availability.type": "NONE",
        "rest.address": rest.hostname or "",
        "rest.port": str(rest.port or (443 if rest.scheme == "https" else 80)),
    }
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "tables.sql"
        start.write_text(definitions(registered_schemas.look_up(settings, TOPICS)), encoding="utf-8")
        print("tables: votes_in, votes_unique, votes_accepted, votes_rejected, votes_dlq, votes_agg_records", file=sys.stderr)
        command = [str(program), *(f"-D{key}={value}" for key, value in address.items()), "-i", str(start)]
        if file is not None:
            command += ["-f", str(file)]
        return subprocess.run(command, env=dict(os.environ), check=False).returncode == 0  # noqa: S603
