"""What tokens say about a voter. Pure: from an identity, the granted scopes and the assurance level to claims.

The access token carries what the voting API needs and nothing else. Everything in it comes from ``metadata_public``, which the
voter cannot edit; a value of the wrong type there is left out, and ``eligible`` is true only where it is exactly ``true``.
"""

from collections.abc import Collection, Mapping
from typing import Any

from identity.kratos_api import Identity

AUDIENCE = "voting-api"
ASSURANCE_LEVELS = frozenset({"aal1", "aal2"})


def access_token_claims(identity: Identity, aal: object) -> dict[str, Any]:
    """``eligible`` always; ``jurisdiction``, ``locale``, ``roles`` and ``aal`` where they are set."""
    claims = _decided(identity)
    if isinstance(aal, str) and aal in ASSURANCE_LEVELS:
        claims["aal"] = aal
    return claims


def id_token_claims(identity: Identity, scopes: Collection[str]) -> dict[str, Any]:
    """What the system decided, and of the voter's own words those that the scopes ask for."""
    return _decided(identity) | own_words(identity, scopes)


def own_words(identity: Identity, scopes: Collection[str]) -> dict[str, Any]:
    """What voters say about themselves, as far as the scopes ask for it (OpenID Connect Core 5.4)."""
    claims: dict[str, Any] = {}
    traits = identity.traits
    if "email" in scopes and _is_text(traits.get("email")):
        claims |= {"email": traits["email"], "email_verified": identity.email_verified}
    if "profile" in scopes and _is_text(traits.get("name")):
        claims["name"] = traits["name"]
    return claims


def _decided(identity: Identity) -> dict[str, Any]:
    metadata: Mapping[str, Any] = identity.metadata_public
    claims: dict[str, Any] = {"eligible": metadata.get("eligible") is True}
    for name in ("jurisdiction", "locale"):
        if _is_text(metadata.get(name)):
            claims[name] = metadata[name]
    roles = metadata.get("roles")
    if isinstance(roles, list) and roles and all(_is_text(role) for role in roles):
        claims["roles"] = roles
    return claims


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""
