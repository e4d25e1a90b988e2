"""Access tokens: who may be believed to be which voter (RFC 9068, RFC 8725).

A token is believed only if everything about it is as Hydra makes it. Whatever is wrong, the answer is the same.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from ingress import base64url
from ingress.denylist import Denylist
from ingress.problems import INVALID_TOKEN, UNAVAILABLE, Problem
from ingress.signing_keys import KeysUnknown, SigningKeys
from ingress.strict_json import MalformedJson, read_object
from ingress.voter import Voter
from schemas.ids import VOTER_SUB

AUDIENCE = "voting-api"
ALGORITHM = "RS256"
# Hydra's tokens have about 1,100 characters.
TOKEN_LIMIT_CHARACTERS = 4096
KEY_ID_LIMIT_CHARACTERS = 128
_TYPES = {"jwt", "at+jwt", "application/at+jwt"}
# Just what Hydra writes. Embedded keys (jwk, jku, x5c, x5u) and extensions (crit, b64, zip, cty) have no place in it.
_HEADER_MEMBERS = {"alg", "typ", "kid"}
_SCHEME = "bearer "
_AUTHORIZATION_LIMIT_CHARACTERS = TOKEN_LIMIT_CHARACTERS + len(_SCHEME)
# RS256 (RFC 7518, 3.3). They hold no state.
_PADDING = PKCS1v15()
_HASH = SHA256()
# So many headers whose check has passed are kept: each key signs under one and the same header.
_HEADERS_KEPT = 64


class InvalidToken(Exception):
    """Not a token to believe. The text says why, for tests and debuggers; it is never part of an answer."""


class TokenRules(msgspec.Struct, frozen=True):
    issuer: str
    clients: frozenset[str]
    leeway_seconds: float


class TokenVerifier:
    """Checks bearer tokens with the issuer's keys. ``now`` gives seconds since the epoch.

    A key that is not known yet is waited for, at most for ``wait_seconds``.
    """

    def __init__(
        self, keys: SigningKeys, denylist: Denylist, rules: TokenRules, now: Callable[[], float], wait_seconds: float
    ) -> None:
        self._keys = keys
        self._denylist = denylist
        self._rules = rules
        self._now = now
        self._wait_seconds = wait_seconds
        # Encoded headers whose check has passed, with the key id that they name.
        self._headers: dict[str, str] = {}

    async def authenticate(self, authorization: Sequence[str]) -> Voter:
        """The voter behind the request's ``Authorization`` headers.

        Raises ``Problem``: 401, or 503 while no key is known, or while nobody can tell who is revoked.
        """
        try:
            voter = await self.verify(bearer_token(authorization))
        except InvalidToken:
            raise Problem(INVALID_TOKEN, headers={"www-authenticate": 'Bearer error="invalid_token"'}) from None
        except KeysUnknown:
            raise Problem(UNAVAILABLE, "No signing key is known yet.", retry_after_seconds=1) from None
        except TimeoutError:
            raise Problem(UNAVAILABLE, "The signing keys cannot be fetched now.", retry_after_seconds=1) from None
        if not self._denylist.known:
            raise Problem(UNAVAILABLE, "Revocations are not known yet.", retry_after_seconds=1)
        return voter

    async def verify(self, token: str) -> Voter:
        """Raises ``InvalidToken``, ``KeysUnknown``, ``TimeoutError``.

        Each of the three parts is decoded before the token is believed, so that nothing else can be in it (RFC 7515, 7.1).
        """
        header, _, rest = token.partition(".")
        payload, _, signature = rest.partition(".")
        kid = self._headers.get(header) or key_id(header)
        key = self._keys.get(kid)
        if key is None:
            async with asyncio.timeout(self._wait_seconds):
                key = await self._keys.find(kid)
            if key is None:
                raise InvalidToken("unknown kid")
        try:
            key.verify(base64url.decode(signature), token[: -len(signature) - 1].encode("ascii"), _PADDING, _HASH)
            claims = read_object(base64url.decode(payload))
        except InvalidSignature as error:
            raise InvalidToken("signature") from error
        except MalformedJson as error:
            raise InvalidToken(f"claims: {error}") from error
        except ValueError as error:
            raise InvalidToken(f"encoding: {error}") from error
        if header not in self._headers:
            # Only now: nobody without a signature of the issuer's can fill it.
            if len(self._headers) >= _HEADERS_KEPT:
                self._headers.clear()
            self._headers[header] = kid
        return read_claims(claims, self._rules, self._denylist, self._now())


def bearer_token(authorization: Sequence[str]) -> str:
    """What should be the compact JWS in the one ``Authorization`` header (RFC 6750, 2.1). Raises ``InvalidToken``."""
    if len(authorization) != 1 or len(authorization[0]) > _AUTHORIZATION_LIMIT_CHARACTERS:
        raise InvalidToken("no bearer token, several, or an oversized one")
    value = authorization[0]
    if value[: len(_SCHEME)].lower() != _SCHEME:
        raise InvalidToken("not a bearer token")
    return value[len(_SCHEME) :].strip(" ")


def key_id(encoded_header: str) -> str:
    """The key id of a header that is as it must be. Raises ``InvalidToken``."""
    try:
        header = read_object(base64url.decode(encoded_header))
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


def read_claims(claims: dict[str, Any], rules: TokenRules, denylist: Denylist, now: float) -> Voter:
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
    token_id = _text(claims, "jti") if claims.get("jti") is not None else None
    if denylist.denies(sub, token_id, client_id):
        raise InvalidToken("revoked")
    return Voter(
        sub=sub,
        scopes=_scopes(claims),
        eligible=claims.get("eligible") is True,
        jurisdiction=_jurisdiction(claims) if claims.get("jurisdiction") is not None else None,
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


def _jurisdiction(claims: dict[str, Any]) -> str:
    """Any text that can be written in UTF-8, as votes are; half a surrogate, which JSON can name, cannot."""
    text = _text(claims, "jurisdiction")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidToken("jurisdiction") from error
    return text


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidToken(f"{name} is not a text")
    return value


def _texts(value: object, name: str) -> list[str]:
    if not isinstance(value, list):
        raise InvalidToken(f"{name} is not a list")
    for entry in value:
        if not isinstance(entry, str):
            raise InvalidToken(f"{name} is not a list of texts")
    return value


def _seconds(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int:  # a boolean is an int too, and no time
        raise InvalidToken(f"{name} is not a time")
    return value
