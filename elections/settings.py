"""Settings of the organisers' command line, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self


class SettingsError(ValueError):
    """A variable is missing or out of range; the message names it. Correct the environment and start again."""


@dataclass(frozen=True)
class Settings:
    database_url: str = field(repr=False)
    kafka_bootstrap_servers: str
    schema_registry_url: str
    redis_url: str = field(repr=False)
    # How long an early close is seen before it takes effect: longer than every ingress takes to refresh its catalogue (2 s) and
    # then to answer the requests that it had taken under the former version (6 s).
    close_notice_seconds: float

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Raises ``SettingsError``."""
        return cls(
            database_url=_url(environ, "DATABASE_URL", "postgresql://voting:voting@127.0.0.1:5432/voting", ("postgresql://",)),
            kafka_bootstrap_servers=_text(environ, "KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"),
            schema_registry_url=_url(
                environ, "SCHEMA_REGISTRY_URL", "http://127.0.0.1:8085/apis/ccompat/v7", ("http://", "https://")
            ),
            redis_url=_url(environ, "REDIS_URL", "redis://127.0.0.1:6379/0", ("redis://", "rediss://")),
            close_notice_seconds=_seconds(environ, "ELECTIONS_CLOSE_NOTICE_SECONDS", 10.0, 1.0, 3600.0),
        )


def _text(environ: Mapping[str, str], name: str, default: str) -> str:
    value = environ.get(name, default).strip()
    if not value:
        raise SettingsError(f"{name} is empty")
    return value


def _url(environ: Mapping[str, str], name: str, default: str, schemes: tuple[str, ...]) -> str:
    value = _text(environ, name, default)
    if not value.startswith(schemes):
        raise SettingsError(f"{name} does not begin with {' or '.join(schemes)}")
    return value


def _seconds(environ: Mapping[str, str], name: str, default: float, lowest: float, highest: float) -> float:
    text = environ.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        raise SettingsError(f"{name} is not a number: {text!r}") from None
    if not lowest <= value <= highest:
        raise SettingsError(f"{name} is {value:g}, not between {lowest:g} and {highest:g}")
    return value
