"""Tokens that must not be believed, each with the one thing that is wrong with it, and the same answer for all of them."""

import time
from collections.abc import Callable

import pytest
from joserfc.jwk import RSAKey

from ingress.problems import INVALID_TOKEN, UNAVAILABLE, Problem
from ingress.signing_keys import KeysUnknown
from ingress.tokens import InvalidToken, TokenVerifier
from ingress.voter import Voter
from tests.hostile_tokens import HOSTILE_AUTHORIZATIONS, HOSTILE_TOKENS, Forge
from tests.unit.ingress.factories import ISSUER, KEY, RULES, token
from tests.unit.ingress.in_memory import InMemoryDenylist, InMemoryKeys

FORGE = Forge(KEY, "key-1", ISSUER)


def verifier(keys: dict[str, RSAKey] | None = None) -> TokenVerifier:
    return TokenVerifier(InMemoryKeys({"key-1": KEY} if keys is None else keys), InMemoryDenylist(), RULES, time.time, 1.0)


@pytest.mark.parametrize("name", HOSTILE_TOKENS)
async def test_a_hostile_token_is_refused_and_not_told_why(name: str) -> None:
    with pytest.raises(Problem) as refused:
        await verifier().authenticate([f"Bearer {HOSTILE_TOKENS[name](FORGE)}"])
    assert refused.value.kind is INVALID_TOKEN
    assert refused.value.detail is None
    assert refused.value.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("name", HOSTILE_AUTHORIZATIONS)
async def test_a_request_without_one_bearer_token_is_refused(name: str) -> None:
    with pytest.raises(Problem) as refused:
        await verifier().authenticate(HOSTILE_AUTHORIZATIONS[name](FORGE))
    assert refused.value.kind is INVALID_TOKEN


# Over HTTP these are not hostile, or do not come so far: a server takes blanks around a value away and limits its length.
@pytest.mark.parametrize(
    "authorization",
    ["Bearer ", f" Bearer {token()}", "Bearer " + "a" * 100_000],
    ids=["no token", "a blank in front", "without an end"],
)
async def test_what_a_server_does_not_let_through_is_refused_as_well(authorization: str) -> None:
    with pytest.raises(Problem) as refused:
        await verifier().authenticate([authorization])
    assert refused.value.kind is INVALID_TOKEN
    assert refused.value.detail is None


async def test_what_hydra_issues_is_believed() -> None:
    voter = await verifier().authenticate([f"Bearer {token('voter-1')}"])
    assert voter == Voter("voter-1", frozenset({"openid", "vote:cast"}), eligible=True, jurisdiction=None, aal="")


@pytest.mark.parametrize(
    "valid",
    [
        lambda: FORGE.with_header(typ="at+jwt"),
        lambda: FORGE.with_header(typ="application/at+jwt"),
        lambda: FORGE.with_claims(aud="voting-api"),
        lambda: FORGE.with_claims(aud=["other", "voting-api"]),
        lambda: FORGE.with_claims(nbf=None),
        lambda: FORGE.with_claims(scp=None, scope="openid vote:cast"),
        lambda: FORGE.with_claims(scp="openid vote:cast"),
        lambda: FORGE.with_claims(scp=["vote:cast"], scope="vote:cast"),
        lambda: FORGE.with_claims(exp=int(time.time()) - 2),
        lambda: FORGE.with_claims(iat=int(time.time()) + 3, nbf=int(time.time()) + 3),
        lambda: FORGE.with_claims(sub="0f5b3c5e-7f0e-4f61-9d0c-2d3a7f6f9b10"),
    ],
    ids=range(11),
)
async def test_what_the_standard_lets_issuers_choose_is_believed(valid: Callable[[], str]) -> None:
    voter = await verifier().authenticate([f"bearer {valid()}"])
    voter.require_scope("vote:cast")


@pytest.mark.parametrize("value", [None, False, "true", 1, [True], {}])
async def test_only_the_boolean_true_makes_eligible(value: object) -> None:
    assert not (await verifier().verify(FORGE.with_claims(eligible=value))).eligible


async def test_jurisdiction_and_assurance_level_are_read() -> None:
    voter = await verifier().verify(FORGE.with_claims(jurisdiction="be", aal="aal2"))
    assert (voter.jurisdiction, voter.aal) == ("be", "aal2")


@pytest.mark.parametrize("scp", [None, [], ["openid"], ["vote:castle"], "openid vote", [""]])
async def test_a_token_without_the_scope_is_told_so(scp: object) -> None:
    voter = await verifier().verify(FORGE.with_claims(scp=scp))
    with pytest.raises(Problem) as refused:
        voter.require_scope("vote:cast")
    assert refused.value.kind.status == 403
    assert 'error="insufficient_scope"' in refused.value.headers["www-authenticate"]


async def test_while_no_key_is_known_nobody_is_refused_for_good() -> None:
    with pytest.raises(Problem) as refused:
        await verifier({}).authenticate([f"Bearer {token()}"])
    assert refused.value.kind is UNAVAILABLE
    with pytest.raises(KeysUnknown):
        await verifier({}).verify(token())


async def test_a_malformed_token_asks_nobody_for_keys() -> None:
    with pytest.raises(InvalidToken):
        await verifier({}).verify(FORGE.with_header(alg="none"))


@pytest.mark.parametrize("denied", ["voter-1", "b2a7", "voter-app"])
async def test_who_is_revoked_is_refused_like_everybody_else(denied: str) -> None:
    denylist = InMemoryDenylist()
    verify = TokenVerifier(InMemoryKeys({"key-1": KEY}), denylist, RULES, time.time, 1.0)
    await verify.authenticate([f"Bearer {token()}"])
    denylist.denied.add(denied)
    with pytest.raises(Problem) as refused:
        await verify.authenticate([f"Bearer {token()}"])
    assert refused.value.kind is INVALID_TOKEN


async def test_a_header_that_was_good_does_not_outlive_its_key() -> None:
    keys = InMemoryKeys({"key-1": KEY})
    verify = TokenVerifier(keys, InMemoryDenylist(), RULES, time.time, 1.0)
    await verify.authenticate([f"Bearer {token()}"])
    keys.keys = {"key-2": KEY}
    with pytest.raises(InvalidToken, match="kid"):
        await verify.verify(token())
