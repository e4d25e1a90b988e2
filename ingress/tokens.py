"""Access tokens: who may be believed to be which voter (RFC 9068, RFC 8725).

A token is believed only if everything about it is as Hydra makes it. Whatever is wrong, the answer is the same.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from ingress.problems import INSUFFICIENT_SCOPE, INVALID_TOKEN, UNAVAILABLE, Problem
from ingress.signing_keys import KeysUnknown, SigningKeys
from ingress.strict_json import MalformedJson, read_object
from schemas.ids import VOTER_SUB

AUDIENCE = "voting-api"
VOTE_SCOPE = "vote:cast"
ALGORITHM = "RS256"
# Hydra's tokens have about 1,100 characters.
TOKEN_LIMIT_CHARACTERS = 4096
KEY_ID_LIMIT_CHARACTERS = 128
_TYPES = {"jwt", "at+jwt", "application/at+jwt"}
# Just what Hydra writes. Embedded keys (jwk, jku, x5c, x5u) and extensions (crit, b64, zip, cty) have no place in it.
_HEADER_MEMBERS = {"alg", "typ", "kid"}
_BEARER = re.compile(r"bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+) *", re.IGNORECASE)
_AUTHORIZATION_LIMIT_CHARACTERS = TOKEN_LIMIT_CHARACTERS + len("Bearer ")
_REGISTRY = jws.JWSRegistry(algorithms=[ALGORITHM])
_REGISTRY.max_payload_length = TOKEN_LIMIT_CHARACTERS


class InvalidToken(Exception):
    """Not a token to believe. The text says why, for tests and debuggers; it is never part of an answer."""


@dataclass(frozen=True)
class Voter:
    """What a believed token says about its bearer."""

    sub: str
    scopes: frozenset[str]
    eligible: bool
    jurisdiction: str | None
    aal: str

    def require_scope(self, scope: str) -> None:
        """Raises ``Problem`` (403) if the token was not issued for this."""
        if scope not in self.scopes:
            challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
            raise Problem(INSUFFICIENT_SCOPE, headers={"www-authenticate": challenge})


@dataclass(frozen=True)
class TokenRules:
    issuer: str
    clients: frozenset[str]
    leeway_seconds: float


class TokenVerifier:
    """Checks bearer tokens with the issuer's keys. ``now`` gives seconds since the epoch."""

    def __init__(self, keys: SigningKeys, rules: TokenRules, now: Callable[[], float]) -> None:
        self._keys = keys
        self._rules = rules
        self._now = now

    async def authenticate(self, authorization: Sequence[str]) -> Voter:
        """The voter behind the request's ``Authorization`` headers. Raises ``Problem``: 401, or 503 while no key is known."""
        try:
            return await self.verify(bearer_token(authorization))
        except InvalidToken:
            raise Problem(INVALID_TOKEN, headers={"www-authenticate": 'Bearer error="invalid_token"'}) from None
        except KeysUnknown:
            raise Problem(UNAVAILABLE, "No signing key is known yet.", retry_after_seconds=1) from None

    async def verify(self, token: str) -> Voter:
        """Raises ``InvalidToken``, ``KeysUnknown``."""
        key = await self._keys.find(key_id(token))
        if key is None:
            raise InvalidToken("unknown kid")
        try:
            payload = jws.deserialize_compact(token, key, registry=_REGISTRY).payload
            claims = read_object(payload)
        except JoseError as error:
            raise InvalidToken(f"signature: {error}") from error
        except MalformedJson as error:
            raise InvalidToken(f"claims: {error}") from error
        return read_claims(claims, self._rules, self._now())


def bearer_token(authorization: Sequence[str]) -> str:
    """The compact JWS in the one ``Authorization`` header. Raises ``InvalidToken``."""
    if len(authorization) != 1 or len(authorization[0]) > _AUTHORIZATION_LIMIT_CHARACTERS:
        raise InvalidToken("no bearer token, several, or an oversized one")
    match = _BEARER.fullmatch(authorization[0])
    if match is None:
        raise InvalidToken("not a bearer token in compact form")
    return match[1]


def key_id(token: str) -> str:
    """The key id of a header that is as it must be. Raises ``InvalidToken``."""
    try:
        header = read_object(urlsafe_b64decode(token.partition(".")[0].encode()))
    except ValueError as error:
        raise InvalidToken(f"header: {error}") from error
    if not header.keys() <= _HEADER_MEMBERS:
        raise InvalidToken("header with members that have no place in it")
    if header.get("alg") != ALGORITHM:
        raise InvalidToken("alg")
    if _text(header, "typ").lower() not in _TYPES:
        raise InvalidToken("typ")
    kid = _text(header, "kid")
    if len(kid) > KEY_ID_LIMIT_CHARACTERS:
        raise InvalidToken("kid too long")
    return kid


def read_claims(claims: dict[str, Any], rules: TokenRules, now: float) -> Voter:
    """The rule by which signed claims make a voter. Raises ``InvalidToken``."""
    if _text(claims, "iss") != rules.issuer:
        raise InvalidToken("iss")
    audience = claims.get("aud")
    if AUDIENCE not in ([audience] if isinstance(audience, str) else _texts(audience, "aud")):
        raise InvalidToken("aud")
    _check_times(claims, rules.leeway_seconds, now)
    client_id = _text(claims, "client_id")
    if client_id not in rules.clients:
        raise InvalidToken("client_id")
    sub = _text(claims, "sub")
    # A token of the client itself (client_credentials) has the client as its subject.
    if not VOTER_SUB.fullmatch(sub) or sub == client_id or sub in rules.clients:
        raise InvalidToken("sub")
    return Voter(
        sub=sub,
        scopes=_scopes(claims),
        eligible=claims.get("eligible") is True,
        jurisdiction=_text(claims, "jurisdiction") if claims.get("jurisdiction") is not None else None,
        aal=_text(claims, "aal") if claims.get("aal") is not None else "",
    )


def _check_times(claims: dict[str, Any], leeway: float, now: float) -> None:
    if _seconds(claims, "exp") <= now - leeway:
        raise InvalidToken("expired")
    if _seconds(claims, "iat") > now + leeway:
        raise InvalidToken("issued in the future")
    if "nbf" in claims and _seconds(claims, "nbf") > now + leeway:
        raise InvalidToken("not valid yet")


def _scopes(claims: dict[str, Any]) -> frozenset[str]:
    """``scp`` as a list or text, else ``scope`` as text (RFC 9068). None of them means no scope."""
    for name in ("scp", "scope"):
        value = claims.get(name)
        if isinstance(value, str):
            return frozenset(value.split(" "))
        if value is not None:
            if name == "scope":
                raise InvalidToken("scope")
            return frozenset(_texts(value, name))
    return frozenset()


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidToken(f"{name} is not a text")
    return value


def _texts(value: object, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise InvalidToken(f"{name} is not a list of texts")
    return value


def _seconds(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int:  # a boolean is an int too, and no time
        raise InvalidToken(f"{name} is not a time")
    return value
