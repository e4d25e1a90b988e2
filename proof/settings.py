"""Settings of the proof, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proof import keys
from schemas import topics


class SettingsError(ValueError):
    """A variable is missing or out of range; the message names it. Correct the environment and start again."""


@dataclass(frozen=True)
class Settings:
    kafka_bootstrap_servers: str
    schema_registry_url: str
    redis_url: str = field(repr=False)
    database_url: str = field(repr=False)
    topics_environment: str
    # The consumer group in which dedup notes up to where it has decided.
    dedup_group: str
    # Where ``python -m proof serve`` answers.
    host: str = "127.0.0.1"
    port: int = 9252
    # How long a record that dedup has passed may be without a verdict. After a crash at the wrong moment it takes until dedup is
    # back, which was seen to be 77 s (three crashes in a row).
    gap_seconds: float = 120.0
    # What manifests are signed with; only what signs one needs it.
    signing_key: Ed25519PrivateKey | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Raises ``SettingsError``."""
        return cls(
            kafka_bootstrap_servers=_text(environ, "KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"),
            schema_registry_url=_url(
                environ, "SCHEMA_REGISTRY_URL", "http://127.0.0.1:8085/apis/ccompat/v7", ("http://", "https://")
            ),
            redis_url=_url(environ, "REDIS_URL", "redis://127.0.0.1:6379/0", ("redis://", "rediss://")),
            database_url=_url(environ, "DATABASE_URL", "postgresql://voting:voting@127.0.0.1:5432/voting", ("postgresql://",)),
            topics_environment=_environment(environ),
            dedup_group=_text(environ, "PROOF_DEDUP_GROUP", "dedup"),
            host=_text(environ, "PROOF_HOST", "127.0.0.1"),
            port=int(_number(environ, "PROOF_PORT", 9252, 0, 65_535)),
            gap_seconds=_number(environ, "PROOF_GAP_SECONDS", 120.0, 1.0, 86_400.0),
            signing_key=_signing_key(environ),
        )


def _text(environ: Mapping[str, str], name: str, default: str) -> str:
    value = environ.get(name, default).strip()
    if not value:
        raise SettingsError(f"{name} is empty")
    return value


def _number(environ: Mapping[str, str], name: str, default: float, lowest: float, highest: float) -> float:
    text = environ.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        raise SettingsError(f"{name} is not a number: {text!r}") from None
    if not lowest <= value <= highest:
        raise SettingsError(f"{name} is {value:g}, not between {lowest:g} and {highest:g}")
    return value


def _url(environ: Mapping[str, str], name: str, default: str, schemes: tuple[str, ...]) -> str:
    value = _text(environ, name, default)
    if not value.startswith(schemes):
        raise SettingsError(f"{name} does not begin with {' or '.join(schemes)}")
    return value


def _signing_key(environ: Mapping[str, str]) -> Ed25519PrivateKey | None:
    text = environ.get("PROOF_SIGNING_KEY", "").strip()
    try:
        return keys.private_key(text) if text else None
    except keys.BadKeys as error:
        raise SettingsError(f"PROOF_SIGNING_KEY: {error}") from None


def _environment(environ: Mapping[str, str]) -> str:
    value = _text(environ, "TOPICS_ENVIRONMENT", "local")
    try:
        topics.load(value)
    except KeyError as error:
        raise SettingsError(f"TOPICS_ENVIRONMENT: {error.args[0]}") from None
    return value
