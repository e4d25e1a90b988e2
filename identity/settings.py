"""What the identity app is told by its environment. The defaults are those of the local stack."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit


class SettingsError(ValueError):
    """A setting is missing or makes no sense. Correct the variable that the message names and start again."""


class EligibilityPolicy(StrEnum):
    """Who may vote."""

    EVERYONE = "everyone"  # whoever registers, until a roll is imported
    ROLL = "roll"  # who is on the roll, and nobody while it is empty
    NOBODY = "nobody"  # who registers may not; an operator decides


@dataclass(frozen=True, kw_only=True)
class Settings:
    """URLs have no slash at the end. ``identity_url`` and ``web_url`` are what the browser sees."""

    host: str = "127.0.0.1"
    port: int = 4455
    audit_port: int = 9253
    identity_url: str = "http://localhost:4455"
    web_url: str = "http://localhost:3000"
    kratos_public_url: str = "http://localhost:4433"
    kratos_admin_url: str = "http://localhost:4434"
    hydra_public_url: str = "http://localhost:4444"
    hydra_admin_url: str = "http://localhost:4445"
    eligibility_policy: EligibilityPolicy = EligibilityPolicy.EVERYONE
    registration_hook_key: str = field(default="local-registration-hook-key", repr=False)
    token_hook_key: str = field(default="local-token-hook-key", repr=False)
    roll_secret: str = field(default="local-voter-roll-secret", repr=False)
    database_url: str = field(default="postgresql://voting:voting@127.0.0.1:5432/voting", repr=False)
    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    schema_registry_url: str = "http://127.0.0.1:8085/apis/ccompat/v7"
    voter_app_client_secret: str = field(default="my-client-secret", repr=False)

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies of this app are for TLS only: everywhere but on one machine."""
        return self.identity_url.startswith("https://")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read every setting. Raises ``SettingsError``, which names the variable."""
        return cls(
            host=_text(environ, "IDENTITY_HOST", cls.host),
            port=_port(environ, "IDENTITY_PORT", cls.port),
            audit_port=_port(environ, "AUDIT_PORT", cls.audit_port),
            identity_url=_url(environ, "IDENTITY_URL", cls.identity_url),
            web_url=_url(environ, "WEB_URL", cls.web_url),
            kratos_public_url=_url(environ, "KRATOS_PUBLIC_URL", cls.kratos_public_url),
            kratos_admin_url=_url(environ, "KRATOS_ADMIN_URL", cls.kratos_admin_url),
            hydra_public_url=_url(environ, "HYDRA_PUBLIC_URL", cls.hydra_public_url),
            hydra_admin_url=_url(environ, "HYDRA_ADMIN_URL", cls.hydra_admin_url),
            eligibility_policy=_policy(environ, "ELIGIBILITY_POLICY", cls.eligibility_policy),
            registration_hook_key=_secret(environ, "REGISTRATION_HOOK_KEY", cls.registration_hook_key),
            token_hook_key=_secret(environ, "TOKEN_HOOK_KEY", cls.token_hook_key),
            roll_secret=_secret(environ, "ROLL_SECRET", cls.roll_secret),
            database_url=_database_url(environ, "DATABASE_URL", cls.database_url),
            kafka_bootstrap_servers=_text(environ, "KAFKA_BOOTSTRAP_SERVERS", cls.kafka_bootstrap_servers),
            schema_registry_url=_url(environ, "SCHEMA_REGISTRY_URL", cls.schema_registry_url),
            voter_app_client_secret=_secret(environ, "VOTER_APP_CLIENT_SECRET", cls.voter_app_client_secret),
        )


def _text(environ: Mapping[str, str], name: str, default: str) -> str:
    value = environ.get(name, default)
    if not value or value != value.strip():
        raise SettingsError(f"{name} is empty or has spaces around it")
    return value


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    value = environ.get(name, str(default))
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 65535:
        raise SettingsError(f"{name} is {value!r}, not a port number from 1 to 65535")
    return int(value)


def _url(environ: Mapping[str, str], name: str, default: str) -> str:
    value = _text(environ, name, default)
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"{name} is {value!r}, not an http or https URL")
    if parts.query or parts.fragment or parts.username or value.endswith("/"):
        raise SettingsError(f"{name} is {value!r}: it must have no query, fragment, user or slash at the end")
    return value


def _database_url(environ: Mapping[str, str], name: str, default: str) -> str:
    """The value may hold a password: it never appears in the message."""
    value = _text(environ, name, default)
    if urlsplit(value).scheme not in {"postgresql", "postgres"}:
        raise SettingsError(f"{name} is not a postgresql:// URL")
    return value


def _policy(environ: Mapping[str, str], name: str, default: EligibilityPolicy) -> EligibilityPolicy:
    value = environ.get(name, default)
    try:
        return EligibilityPolicy(value)
    except ValueError:
        raise SettingsError(f"{name} is {value!r}, not one of {', '.join(EligibilityPolicy)}") from None


def _secret(environ: Mapping[str, str], name: str, default: str) -> str:
    """The value never appears in the message."""
    value = _text(environ, name, default)
    if len(value) < 16 or not value.isascii() or not value.isprintable():
        raise SettingsError(f"{name} must have at least 16 printable ASCII characters")
    return value
