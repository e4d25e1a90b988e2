"""What the web application is told by its environment. The defaults are those of the local stack; the secrets have none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

_REDIS_SCHEMES = frozenset({"redis", "rediss", "redis+cluster", "rediss+cluster"})


class SettingsError(ValueError):
    """A setting is missing or makes no sense. Correct the variable that the message names and start again."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """URLs have no slash at the end. All but ``voting_api_url`` are what the browser sees."""

    session_secret: bytes = field(repr=False)
    """Of this application alone, the same in all its processes. Another one signs everybody out."""
    client_secret: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 3000
    web_url: str = "http://localhost:3000"
    identity_url: str = "http://localhost:4455"
    kratos_public_url: str = "http://localhost:4433"
    hydra_public_url: str = "http://localhost:4444"
    voting_api_url: str = "http://localhost:4000"
    redis_url: str = "redis://127.0.0.1:6379/0"
    client_id: str = "voter-app"
    stream_listeners: int = 2000
    """How many browsers can follow live results at one process."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read every setting. Raises ``SettingsError``, which names the variable."""
        return cls(
            session_secret=_key(environ, "WEB_SESSION_SECRET"),
            client_secret=_secret(environ, "VOTER_APP_CLIENT_SECRET"),
            host=_text(environ, "WEB_HOST", cls.host),
            port=_number(environ, "WEB_PORT", cls.port, 65535),
            web_url=_url(environ, "WEB_URL", cls.web_url),
            identity_url=_url(environ, "IDENTITY_URL", cls.identity_url),
            kratos_public_url=_url(environ, "KRATOS_PUBLIC_URL", cls.kratos_public_url),
            hydra_public_url=_url(environ, "HYDRA_PUBLIC_URL", cls.hydra_public_url),
            voting_api_url=_url(environ, "VOTING_API_URL", cls.voting_api_url),
            redis_url=_redis_url(environ, "REDIS_URL", cls.redis_url),
            stream_listeners=_number(environ, "WEB_STREAM_LISTENERS", cls.stream_listeners, 100_000),
        )

    @property
    def secure(self) -> bool:
        """Whether browsers come over TLS."""
        return self.web_url.startswith("https://")

    @property
    def redirect_uri(self) -> str:
        return f"{self.web_url}/post-login"


def _text(environ: Mapping[str, str], name: str, default: str) -> str:
    value = environ.get(name, default)
    if not value or value != value.strip():
        raise SettingsError(f"{name} is empty or has spaces around it")
    return value


def _number(environ: Mapping[str, str], name: str, default: int, most: int) -> int:
    value = environ.get(name, str(default))
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= most:
        raise SettingsError(f"{name} is {value!r}, not a number from 1 to {most}")
    return int(value)


def _url(environ: Mapping[str, str], name: str, default: str) -> str:
    value = _text(environ, name, default)
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"{name} is {value!r}, not an http or https URL")
    if parts.path or parts.query or parts.fragment or parts.username:
        raise SettingsError(f"{name} is {value!r}: it must have no path, query, fragment or user")
    return value


def _redis_url(environ: Mapping[str, str], name: str, default: str) -> str:
    """The value may hold a password, so no message shows it."""
    value = _text(environ, name, default)
    parts = urlsplit(value)
    if parts.scheme not in _REDIS_SCHEMES or not parts.hostname:
        raise SettingsError(f"{name} is not a URL with one of the schemes {', '.join(sorted(_REDIS_SCHEMES))}")
    return value


def _key(environ: Mapping[str, str], name: str) -> bytes:
    value = environ.get(name, "")
    if not re.fullmatch(r"(?:[0-9a-f]{2}){16,64}", value):
        raise SettingsError(f"{name} must be set: 16 to 64 random bytes in lower-case hexadecimal")
    return bytes.fromhex(value)


def _secret(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if len(value) < 16 or not value.isascii() or not value.isprintable():
        raise SettingsError(f"{name} must be set: at least 16 printable ASCII characters")
    return value
