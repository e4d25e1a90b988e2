"""Tokens that must not be believed, each with the one thing that is wrong with it, and the same answer for all of them."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc.jwk import RSAKey

from ingress.problems import INVALID_TOKEN, UNAVAILABLE, Problem
from ingress.signing_keys import KeysUnknown
from ingress.tokens import TOKEN_LIMIT_CHARACTERS, InvalidToken, TokenVerifier, Voter
from tests.unit.ingress.factories import ISSUER, KEY, RULES, claims, header, token
from tests.unit.ingress.in_memory import InMemoryKeys

OTHER_KEY = RSAKey.generate_key(2048)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def private_key(key: RSAKey) -> RSAPrivateKey:
    assert key.private_key is not None
    return key.private_key


def signed(head: bytes | dict[str, Any], body: bytes | dict[str, Any], key: RSAKey = KEY) -> str:
    """A token with a right RS256 signature over whatever it is."""
    first = encoded(head if isinstance(head, bytes) else json.dumps(head).encode())
    second = encoded(body if isinstance(body, bytes) else json.dumps(body).encode())
    signature = private_key(key).sign(f"{first}.{second}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{first}.{second}.{encoded(signature)}"


def with_header(**changes: Any) -> str:
    return signed(header(**changes), claims())


def with_claims(**changes: Any) -> str:
    return signed(header(), claims(**changes))


def hmac_with_the_public_key() -> str:
    text = f"{encoded(json.dumps(header(alg='HS256')).encode())}.{encoded(json.dumps(claims()).encode())}"
    return f"{text}.{encoded(hmac.new(KEY.as_pem(private=False), text.encode(), hashlib.sha256).digest())}"


def pss_signed() -> str:
    text = f"{encoded(json.dumps(header(alg='PS256')).encode())}.{encoded(json.dumps(claims()).encode())}"
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256().digest_size)
    return f"{text}.{encoded(private_key(KEY).sign(text.encode(), pss, hashes.SHA256()))}"


def unsigned(algorithm: str) -> str:
    return f"{encoded(json.dumps(header(alg=algorithm)).encode())}.{encoded(json.dumps(claims()).encode())}."


def body_swapped() -> str:
    first, _, third = token("voter-1").split(".")
    return f"{first}.{token('voter-2').split('.')[1]}.{third}"


def doubled(name: str, value: Any) -> bytes:
    """The valid claims with one of them standing twice."""
    return (json.dumps(claims())[:-1] + f', "{name}": {json.dumps(value)}}}').encode()


HOSTILE: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "no token at all": lambda: "x",
    "two parts": lambda: token().rpartition(".")[0],
    "five parts (JWE)": lambda: token() + ".a.b",
    "oversized": lambda: with_claims(padding="x" * TOKEN_LIMIT_CHARACTERS),
    "characters outside of base64url": lambda: token() + "=",
    "a signature with a character changed": lambda: token()[:-10] + ("A" if token()[-10] != "A" else "B") + token()[-9:],
    "a signature cut off": lambda: token().rpartition(".")[0] + ".AAAA",
    "a trailing bit in the last character": lambda: token()[:-1] + "B",
    "the claims of another token": body_swapped,
    "alg none": lambda: unsigned("none"),
    "alg None": lambda: unsigned("NoNe"),
    "alg none with a signature": lambda: with_header(alg="none"),
    "alg HS256 with the public key as secret": hmac_with_the_public_key,
    "alg PS256": pss_signed,
    "alg RS512 over RS256": lambda: with_header(alg="RS512"),
    "alg as a list": lambda: with_header(alg=["RS256"]),
    "no alg": lambda: with_header(alg=None),
    "a stranger's key under a known kid": lambda: signed(header(), claims(), OTHER_KEY),
    "an unknown kid": lambda: signed(header(kid="key-2"), claims(), OTHER_KEY),
    "no kid": lambda: with_header(kid=None),
    "kid as a number": lambda: with_header(kid=1),
    "an empty kid": lambda: with_header(kid=""),
    "an endless kid": lambda: with_header(kid="k" * 1000),
    "kid with a path": lambda: with_header(kid="../../dev/null"),
    "an embedded key (jwk)": lambda: signed(header(jwk=OTHER_KEY.as_dict(private=False)), claims(), OTHER_KEY),
    "the known key embedded (jwk)": lambda: with_header(jwk=KEY.as_dict(private=False)),
    "a key to be fetched (jku)": lambda: with_header(jku="http://attacker.test/jwks.json"),
    "a certificate to be fetched (x5u)": lambda: with_header(x5u="http://attacker.test/cert.pem"),
    "a certificate (x5c)": lambda: with_header(x5c=["MIIB"]),
    "an unknown critical extension": lambda: with_header(crit=["exp"], exp=int(time.time()) + 60),
    "an empty crit": lambda: with_header(crit=[]),
    "an unencoded payload (b64)": lambda: with_header(crit=["b64"], b64=False),
    "compressed": lambda: with_header(zip="DEF"),
    "no typ": lambda: with_header(typ=None),
    "an ID token by typ": lambda: with_header(typ="id+jwt"),
    "a logout token by typ": lambda: with_header(typ="logout+jwt"),
    "typ as a number": lambda: with_header(typ=1),
    "a header member twice": lambda: signed(b'{"alg":"none","alg":"RS256","typ":"JWT","kid":"key-1"}', claims()),
    "a header that is a list": lambda: signed(b'["RS256"]', claims()),
    "a header that is no JSON": lambda: signed(b"\xff\xfe", claims()),
    "claims that are a list": lambda: signed(header(), b"[]"),
    "claims that are no JSON": lambda: signed(header(), b"sub=voter-1"),
    "claims nested too deep": lambda: signed(header(), b'{"a":' * 500),
    "sub twice": lambda: signed(header(), doubled("sub", "voter-2")),
    "exp twice": lambda: signed(header(), doubled("exp", int(time.time()) + 10**9)),
    "another issuer": lambda: with_claims(iss="http://attacker.test"),
    "the issuer with a slash": lambda: with_claims(iss=ISSUER + "/"),
    "the issuer in a list": lambda: with_claims(iss=[ISSUER]),
    "no issuer": lambda: with_claims(iss=None),
    "another audience": lambda: with_claims(aud=["billing-api"]),
    "an ID token (its audience is the client)": lambda: with_claims(aud=["voter-app"], scp=None),
    "an audience that begins like ours": lambda: with_claims(aud="voting-api.attacker.test"),
    "no audience": lambda: with_claims(aud=None),
    "an empty audience": lambda: with_claims(aud=[]),
    "the audience as an object": lambda: with_claims(aud={"voting-api": True}),
    "a list in the audience": lambda: with_claims(aud=["voting-api", ["x"]]),
    "expired": lambda: with_claims(exp=int(time.time()) - 60),
    "no exp": lambda: with_claims(exp=None),
    "exp as text": lambda: with_claims(exp=str(int(time.time()) + 600)),
    "exp as a fraction": lambda: with_claims(exp=int(time.time()) + 600.5),
    "exp as infinity": lambda: signed(header(), json.dumps(claims(exp=1)).replace('"exp": 1', '"exp": 1e999').encode()),
    "exp as true": lambda: with_claims(exp=True),
    "not valid yet": lambda: with_claims(nbf=int(time.time()) + 60),
    "nbf as text": lambda: with_claims(nbf="0"),
    "issued in the future": lambda: with_claims(iat=int(time.time()) + 60),
    "no iat": lambda: with_claims(iat=None),
    "another client": lambda: with_claims(client_id="billing-app"),
    "no client": lambda: with_claims(client_id=None),
    "the client as a list": lambda: with_claims(client_id=["voter-app"]),
    "a client_credentials token (sub is the client)": lambda: with_claims(sub="voter-app"),
    "no sub": lambda: with_claims(sub=None),
    "an empty sub": lambda: with_claims(sub=""),
    "sub as a number": lambda: with_claims(sub=7),
    "sub as a list": lambda: with_claims(sub=["voter-1"]),
    "sub with a colon": lambda: with_claims(sub="election-2025-01:voter-1"),
    "sub with a brace": lambda: with_claims(sub="voter}1"),
    "sub with a line break": lambda: with_claims(sub="voter-1\n"),
    "sub with a letter outside of ASCII": lambda: with_claims(sub="voter-\u0661"),
    "an endless sub": lambda: with_claims(sub="v" * 129),
    "scp as a number": lambda: with_claims(scp=1),
    "scp with a number": lambda: with_claims(scp=["vote:cast", 1]),
    "scope as an object": lambda: with_claims(scp=None, scope={"vote:cast": True}),
    "jurisdiction as a list": lambda: with_claims(jurisdiction=["be"]),
    "aal as a number": lambda: with_claims(aal=2),
}


def verifier(keys: dict[str, RSAKey] | None = None) -> TokenVerifier:
    return TokenVerifier(InMemoryKeys({"key-1": KEY} if keys is None else keys), RULES, time.time)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_token_is_refused_and_not_told_why(name: str) -> None:
    with pytest.raises(Problem) as refused:
        await verifier().authenticate([f"Bearer {HOSTILE[name]()}"])
    assert refused.value.kind is INVALID_TOKEN
    assert refused.value.detail is None
    assert refused.value.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    "authorization",
    [
        [],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Basic dm90ZXI6YXBw"],
        [f"DPoP {token()}"],
        [token()],
        [f"Bearer {token()} {token()}"],
        [f"Bearer {token()},"],
        [f"Bearer {token()}", f"Bearer {token()}"],
        [f" Bearer {token()}"],
        ["Bearer " + "a" * 100_000],
    ],
    ids=range(12),
)
async def test_a_request_without_one_bearer_token_is_refused(authorization: list[str]) -> None:
    with pytest.raises(Problem) as refused:
        await verifier().authenticate(authorization)
    assert refused.value.kind is INVALID_TOKEN


async def test_what_hydra_issues_is_believed() -> None:
    voter = await verifier().authenticate([f"Bearer {token('voter-1')}"])
    assert voter == Voter("voter-1", frozenset({"openid", "vote:cast"}), eligible=True, jurisdiction=None, aal="")


@pytest.mark.parametrize(
    "valid",
    [
        lambda: with_header(typ="at+jwt"),
        lambda: with_header(typ="application/at+jwt"),
        lambda: with_claims(aud="voting-api"),
        lambda: with_claims(aud=["other", "voting-api"]),
        lambda: with_claims(nbf=None),
        lambda: with_claims(scp=None, scope="openid vote:cast"),
        lambda: with_claims(scp="openid vote:cast"),
        lambda: with_claims(scp=["vote:cast"], scope="vote:cast"),
        lambda: with_claims(exp=int(time.time()) - 2),
        lambda: with_claims(iat=int(time.time()) + 3, nbf=int(time.time()) + 3),
        lambda: with_claims(sub="0f5b3c5e-7f0e-4f61-9d0c-2d3a7f6f9b10"),
    ],
    ids=range(11),
)
async def test_what_the_standard_lets_issuers_choose_is_believed(valid: Callable[[], str]) -> None:
    voter = await verifier().authenticate([f"bearer {valid()}"])
    voter.require_scope("vote:cast")


@pytest.mark.parametrize("value", [None, False, "true", 1, [True], {}])
async def test_only_the_boolean_true_makes_eligible(value: object) -> None:
    assert not (await verifier().verify(with_claims(eligible=value))).eligible


async def test_jurisdiction_and_assurance_level_are_read() -> None:
    voter = await verifier().verify(with_claims(jurisdiction="be", aal="aal2"))
    assert (voter.jurisdiction, voter.aal) == ("be", "aal2")


@pytest.mark.parametrize("scp", [None, [], ["openid"], ["vote:castle"], "openid vote", [""]])
async def test_a_token_without_the_scope_is_told_so(scp: object) -> None:
    voter = await verifier().verify(with_claims(scp=scp))
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
        await verifier({}).verify(with_header(alg="none"))
