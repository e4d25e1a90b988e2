"""The ingress's settings, read once from the environment. The defaults are those of the local stack."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ingress.deadlines import Deadlines
from ingress.redis_cluster import SCHEMES
from ingress.reservation import SHORTEST_SECRET_BYTES


class SettingsError(Exception):
    """A setting is missing, malformed or out of range. Correct it and start again."""


@dataclass(frozen=True)
class Settings:
    """Everything that can differ between two instances. URLs that may hold a password do not show in ``repr``."""

    # What keys and choices in Redis are hashed with; the same for all instances. Another one loses all reservations.
    reservation_secret: bytes = field(repr=False)
    # What receipts are signed with (Ed25519); the same for all instances. Only what shows receipts needs it.
    receipt_signing_key: bytes | None = field(default=None, repr=False)
    # Public keys that are published beside that of the signing key (``ingress.receipt_keys``).
    receipt_keys_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = 4000
    workers: int = 1
    # Beyond this many connections new ones wait to be accepted.
    connections: int = 10_000
    # Listeners of the results stream hold their connection; they must leave most of the room to votes.
    stream_listeners: int = 5_000
    # Votes beyond this number at once are answered with 503. By Little's law 2,000 votes in hand at 8,000 a second take 0.25 s
    # each; with more, a worker would only make all of them slower.
    votes_in_hand: int = 2_000
    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    schema_registry_url: str = field(default="http://127.0.0.1:8085/apis/ccompat/v7", repr=False)
    topics_environment: str = "local"
    redis_url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    database_url: str = field(default="postgresql://voting:voting@127.0.0.1:5432/voting", repr=False)
    # Hydra's public address, which is the issuer of the tokens as well.
    hydra_public_url: str = "http://localhost:4444"
    clients: frozenset[str] = frozenset({"voter-app"})
    token_leeway_seconds: float = 5.0
    jwks_refresh_seconds: float = 30.0
    catalogue_refresh_seconds: float = 1.0
    denylist_refresh_seconds: float = 1.0
    results_refresh_seconds: float = 0.5
    # Where the process that confirms reservations answers /readyz and /metrics; 0: nowhere.
    confirm_metrics_port: int = 0
    deadlines: Deadlines = field(default_factory=Deadlines)

    @property
    def jwks_url(self) -> str:
        return f"{self.hydra_public_url}/.well-known/jwks.json"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises ``SettingsError``, which names the variable. An empty variable counts as not set."""
        read = _Reader(environ)
        try:
            deadlines = Deadlines(
                body_seconds=read.number("INGRESS_BODY_SECONDS", Deadlines.body_seconds, 0.1, 60),
                request_seconds=read.number("INGRESS_REQUEST_SECONDS", Deadlines.request_seconds, 0.5, 60),
                redis_seconds=read.number("INGRESS_REDIS_SECONDS", Deadlines.redis_seconds, 0.005, 5),
                message_seconds=read.number("INGRESS_MESSAGE_SECONDS", Deadlines.message_seconds, 0.1, 60),
                pending_seconds=read.number("RESERVATION_PENDING_SECONDS", Deadlines.pending_seconds, 1, 600),
            )
        except ValueError as error:
            names = "INGRESS_REQUEST_SECONDS, INGRESS_MESSAGE_SECONDS, INGRESS_REDIS_SECONDS, RESERVATION_PENDING_SECONDS"
            raise SettingsError(f"{names}: {error}") from error
        return cls(
            reservation_secret=read.secret("RESERVATION_SECRET", SHORTEST_SECRET_BYTES),
            receipt_signing_key=read.key("RECEIPT_SIGNING_KEY"),
            receipt_keys_file=read.path("RECEIPT_KEYS_FILE"),
            host=read.text("INGRESS_HOST", cls.host),
            port=int(read.number("INGRESS_PORT", cls.port, 1, 65_535, whole=True)),
            workers=int(read.number("INGRESS_WORKERS", cls.workers, 1, 64, whole=True)),
            connections=int(read.number("INGRESS_CONNECTIONS", cls.connections, 16, 1_000_000, whole=True)),
            stream_listeners=int(read.number("INGRESS_STREAM_LISTENERS", cls.stream_listeners, 0, 1_000_000, whole=True)),
            votes_in_hand=int(read.number("INGRESS_VOTES_IN_HAND", cls.votes_in_hand, 1, 1_000_000, whole=True)),
            kafka_bootstrap_servers=read.text("KAFKA_BOOTSTRAP_SERVERS", cls.kafka_bootstrap_servers),
            schema_registry_url=read.url("SCHEMA_REGISTRY_URL", cls.schema_registry_url, {"http", "https"}),
            topics_environment=read.text("TOPICS_ENVIRONMENT", cls.topics_environment),
            redis_url=read.url("REDIS_URL", cls.redis_url, {"redis", "rediss", "unix", *SCHEMES}),
            database_url=read.url("DATABASE_URL", cls.database_url, {"postgresql", "postgres"}),
            hydra_public_url=read.url("HYDRA_PUBLIC_URL", cls.hydra_public_url, {"http", "https"}).rstrip("/"),
            clients=read.names("INGRESS_CLIENTS", cls.clients),
            token_leeway_seconds=read.number("INGRESS_TOKEN_LEEWAY_SECONDS", cls.token_leeway_seconds, 0, 60),
            jwks_refresh_seconds=read.number("INGRESS_JWKS_REFRESH_SECONDS", cls.jwks_refresh_seconds, 1, 3600),
            catalogue_refresh_seconds=read.number("INGRESS_CATALOGUE_REFRESH_SECONDS", cls.catalogue_refresh_seconds, 0.1, 2),
            denylist_refresh_seconds=read.number("INGRESS_DENYLIST_REFRESH_SECONDS", cls.denylist_refresh_seconds, 0.1, 1),
            results_refresh_seconds=read.number("INGRESS_RESULTS_REFRESH_SECONDS", cls.results_refresh_seconds, 0.1, 60),
            confirm_metrics_port=int(read.number("CONFIRM_METRICS_PORT", cls.confirm_metrics_port, 0, 65_535, whole=True)),
            deadlines=deadlines,
        )


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str) -> str:
        return self._environ.get(name, "").strip() or default

    def number(self, name: str, default: float, lowest: float, highest: float, *, whole: bool = False) -> float:
        text = self.text(name, str(default))
        try:
            value = float(int(text)) if whole else float(text)
        except ValueError:
            raise SettingsError(f"{name}: {text!r} is not a {'whole ' if whole else ''}number") from None
        if not lowest <= value <= highest:
            raise SettingsError(f"{name}: {text} is not between {lowest} and {highest}")
        return value

    def secret(self, name: str, shortest_bytes: int) -> bytes:
        text = self.text(name, "")
        try:
            value = bytes.fromhex(text)
        except ValueError:
            value = b""
        if len(value) < shortest_bytes:
            raise SettingsError(f"{name}: at least {shortest_bytes} bytes in hexadecimal are needed (openssl rand -hex 32)")
        return value

    def key(self, name: str) -> bytes | None:
        """32 bytes; any will do."""
        if not self.text(name, ""):
            return None
        value = self.secret(name, 32)
        if len(value) != 32:
            raise SettingsError(f"{name}: it has {len(value)} bytes, not 32")
        return value

    def path(self, name: str) -> Path | None:
        text = self.text(name, "")
        return Path(text) if text else None

    def url(self, name: str, default: str, schemes: set[str]) -> str:
        text = self.text(name, default)
        if urlsplit(text).scheme not in schemes:
            raise SettingsError(f"{name}: the address must begin with {' or '.join(sorted(schemes))}")
        return text

    def names(self, name: str, default: frozenset[str]) -> frozenset[str]:
        text = self.text(name, ",".join(default))
        found = frozenset(part.strip() for part in text.split(",") if part.strip())
        if not found:
            raise SettingsError(f"{name}: at least one name is needed")
        return found
