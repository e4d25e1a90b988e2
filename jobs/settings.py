"""Settings of the jobs and of their command line, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict


class SettingsError(Exception):
    """A setting is missing or makes no sense. The message names the environment variable; correct it and start again."""


@dataclass(frozen=True)
class Settings:
    """What a job needs to know of the system around it."""

    kafka_bootstrap_servers: str
    schema_registry_url: str
    redis_url: str = field(repr=False)
    database_url: str = field(repr=False)
    topics_environment: str
    # Of the totals that tally writes; a higher one replaces all lower ones. The command line finds out which it is.
    generation: int
    # The jar of jobs/functions. It goes with the job that needs it.
    functions_jar: Path
    # The last source offset of each partition of votes-in that dedup's outputs cover: none of them is read again.
    covered_offsets: Mapping[int, int]
    # As covered_offsets; but they are read, for what is remembered of them alone.
    settled_offsets: Mapping[int, int]
    # Of the names of all that a rebuild has of its own (jobs.replay); empty for the jobs that are live.
    suffix: str = ""
    # By topic, then by id: the texts of the schemas that the registry had when the job was submitted (jobs.registered_schemas).
    schemas: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    @staticmethod
    def from_environment(environ: Mapping[str, str]) -> "Settings":
        """Raises ``SettingsError``."""
        return Settings(
            kafka_bootstrap_servers=_text(environ, "KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"),
            schema_registry_url=_url(environ, "SCHEMA_REGISTRY_URL", "http://127.0.0.1:8085/apis/ccompat/v7", ("http", "https")),
            redis_url=_url(environ, "REDIS_URL", "redis://127.0.0.1:6379/0", ("redis", "rediss")),
            database_url=_database_url(environ),
            topics_environment=_text(environ, "TOPICS_ENVIRONMENT", "local"),
            generation=_number(environ, "TALLY_GENERATION", default=1, least=1, most=2**31 - 1),
            functions_jar=_path(environ, "JOBS_FUNCTIONS_JAR"),
            covered_offsets=_offsets(environ, "DEDUP_COVERED_OFFSETS"),
            settled_offsets=_offsets(environ, "DEDUP_SETTLED_OFFSETS"),
        )


@dataclass(frozen=True)
class ClusterSettings:
    """What the command line needs to know of the Flink cluster that runs the jobs."""

    rest_url: str
    # Holds checkpoints/<job>/ and savepoints/<job>/. The cluster and the command line see the same folder under this path.
    state_dir: Path
    home: Path
    parallelism: int

    @staticmethod
    def from_environment(environ: Mapping[str, str]) -> "ClusterSettings":
        """Raises ``SettingsError``."""
        return ClusterSettings(
            rest_url=_url(environ, "FLINK_REST_URL", "http://127.0.0.1:8081", ("http", "https")).rstrip("/"),
            state_dir=_path(environ, "FLINK_STATE_DIR"),
            home=_path(environ, "FLINK_HOME"),
            parallelism=_number(environ, "JOBS_PARALLELISM", default=2, least=1, most=32768),
        )


def _text(environ: Mapping[str, str], name: str, default: str | None) -> str:
    value = environ.get(name) or default
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def _url(environ: Mapping[str, str], name: str, default: str, schemes: tuple[str, ...]) -> str:
    value = _text(environ, name, default)
    try:
        parts = urlsplit(value)
        reachable = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        reachable = False
    if not reachable:
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        raise SettingsError(f"{name} must be a URL that starts with {wanted} and names a host")
    return value


def _database_url(environ: Mapping[str, str]) -> str:
    url = _url(environ, "DATABASE_URL", "postgresql://voting:voting@127.0.0.1:5432/voting", ("postgresql",))
    try:
        named = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        named = {}
    if not {"user", "dbname"} <= named.keys():
        raise SettingsError("DATABASE_URL must be postgresql://user:password@host:port/name, with parameters that libpq knows")
    return url


def _path(environ: Mapping[str, str], name: str) -> Path:
    path = Path(_text(environ, name, None).removeprefix("file://"))
    if not path.is_absolute():
        raise SettingsError(f"{name} must be an absolute path on this machine, not {path}")
    return path


def _offsets(environ: Mapping[str, str], name: str) -> Mapping[int, int]:
    """``partition:offset,partition:offset``, empty for none."""
    entries = [entry.split(":") for entry in (environ.get(name) or "").split(",") if entry]
    try:
        return {int(partition): int(offset) for partition, offset in entries}
    except ValueError:
        raise SettingsError(f"{name} must be a list of partition:offset, not {environ[name]!r}") from None


def _number(environ: Mapping[str, str], name: str, *, default: int, least: int, most: int) -> int:
    value = environ.get(name) or str(default)
    try:
        number = int(value)
    except ValueError:
        raise SettingsError(f"{name} must be a whole number, not {value!r}") from None
    if not least <= number <= most:
        raise SettingsError(f"{name} must be from {least} to {most}, not {number}")
    return number
