"""What everybody can send to the parsers: any bytes give a value or the one refusal that is declared.

The value is never another one than a plain reading by the standard library gives.
"""

import asyncio
import base64
import hashlib
import json
import re
import time
from collections.abc import Callable
from typing import Any, NoReturn

from hypothesis import given, settings
from hypothesis import strategies as st

from ingress import base64url
from ingress.ballot import Ballot, check_idempotency_key, parse_ballot, require_json
from ingress.problems import IDEMPOTENCY_KEY_MISMATCH, INVALID_TOKEN, MALFORMED_REQUEST, UNSUPPORTED_MEDIA_TYPE, Problem
from ingress.strict_json import MalformedJson, read_object
from ingress.tokens import InvalidToken, TokenVerifier, bearer_token, key_id
from ingress.voter import Voter
from tests.hostile_tokens import HOSTILE_TOKENS, Forge, encoded
from tests.unit.ingress.factories import ISSUER, KEY, RULES
from tests.unit.ingress.in_memory import InMemoryDenylist, InMemoryKeys

FORGE = Forge(KEY, "key-1", ISSUER)
ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
SUB = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# On a machine that is busy with everything at once, one example may take any time.
patient = settings(deadline=None)


# ── JSON as people, programs and attackers write it ──


def whitespace() -> st.SearchStrategy[str]:
    return st.text(" \t\r\n", max_size=2)


def numbers() -> st.SearchStrategy[str]:
    """Numbers as text: also those that are too large, too exact, or written in no other program's way."""
    return (
        st.integers().map(str)
        | st.integers(min_value=2**53, max_value=2**70).map(str)
        | st.floats(allow_nan=False, allow_infinity=False).map(repr)
        | st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
        | st.sampled_from(
            ["-0", "-0.0", "1e999", "-1E+999", "00", "01", "1.", ".5", "+1", "1e", "NaN", "Infinity", "-Infinity", "0x1"]
        )
    )


def strings() -> st.SearchStrategy[str]:
    return (
        st.text().map(json.dumps)
        | st.text().filter(lambda text: not re.search(r'["\\\x00-\x1f\ud800-\udfff]', text)).map(lambda text: f'"{text}"')
        | st.lists(st.sampled_from(["a", "\\u0061", "\\n", "\\/", "/", "\\ud83d\\ude00", "\\ud800", "\\udc00", "\\x", "é", "\t"]))
        .map("".join)
        .map(lambda text: f'"{text}"')
    )


@st.composite
def objects(draw: st.DrawFn, names: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> str:
    """An object as text, in which a member may stand twice."""
    members = draw(st.lists(st.tuples(names, values), max_size=4))
    gap = draw(whitespace())
    inside = f",{gap}".join(f"{name}{gap}:{gap}{value}" for name, value in members)
    return f"{{{gap}{inside}{gap}}}"


def documents() -> st.SearchStrategy[str]:
    names = st.sampled_from(['"a"', '"b"', '"\\u0061"', '""']) | strings()
    leaves = st.sampled_from(["null", "true", "false", "nul", "True"]) | numbers() | strings()
    values = st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]") | objects(names, inner)
    )
    return st.builds(lambda gap, text, end: gap + text + end, whitespace(), objects(names, values), whitespace())


@st.composite
def spoilt(draw: st.DrawFn, texts: st.SearchStrategy[bytes]) -> bytes:
    """The text with a few bytes taken out, put in or replaced; or as it is."""
    data = bytearray(draw(texts))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data)


def utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def plainly_read(data: bytes) -> dict[str, Any] | None:
    """What the standard library reads, with what the contract refuses; ``None`` where that is a refusal."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("twice")
        return dict(pairs)

    def constant(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        value = json.loads(data.decode("utf-8", "strict"), object_pairs_hook=members, parse_constant=constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read(data: bytes) -> dict[str, Any] | None:
    try:
        return read_object(data)
    except MalformedJson:
        return None


@patient
@given(st.binary())
def test_any_bytes_are_an_object_or_malformed(data: bytes) -> None:
    assert repr(read(data)) == repr(plainly_read(data))


@settings(patient, max_examples=500)
@given(spoilt(documents().map(utf8)))
def test_whatever_looks_like_json_is_read_as_the_standard_library_reads_it(data: bytes) -> None:
    # By their texts: 1 is not 1.0, nor 0.0 -0.0, and the order of the members stays.
    assert repr(read(data)) == repr(plainly_read(data))


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@patient
@given(st.dictionaries(st.text(), JSON_VALUES), st.booleans(), st.sampled_from([None, (",", ":"), (" , ", " : ")]))
def test_what_any_program_writes_is_read_back(
    members: dict[str, Any], ascii_only: bool, separators: tuple[str, str] | None
) -> None:
    data = utf8(json.dumps(members, ensure_ascii=ascii_only, separators=separators))
    assert repr(read(data)) == repr(members)


# ── the ballot ──


def parsed_ballot(body: bytes) -> Ballot | None:
    """The ballot, or ``None`` if the body is malformed; nothing else may come of it."""
    try:
        return parse_ballot(body)
    except Problem as problem:
        refusal = problem
    assert refusal.kind is MALFORMED_REQUEST
    return None


def plainly_parsed_ballot(body: bytes) -> Ballot | None:
    members = plainly_read(body)
    if members is None or members.keys() != {"electionId", "candidateId"}:
        return None
    if not all(isinstance(value, str) and ID.fullmatch(value) for value in members.values()):
        return None
    return Ballot(members["electionId"], members["candidateId"])


def ballots() -> st.SearchStrategy[bytes]:
    names = st.sampled_from(['"electionId"', '"candidateId"', '"candidateI\\u0064"', '"electionid"'])
    ids = st.from_regex(ID, fullmatch=True).map(lambda text: f'"{text}"')
    values = ids | ids | st.sampled_from(['"\\u0061lice"', '"a\\n"', '"a\n"', '"A"', '""', "1", "null", '["a"]']) | strings()
    usual = st.builds('{{"electionId":{},"candidateId":{}}}'.format, values, values)
    return (usual | objects(names, values)).map(utf8)


@patient
@given(st.binary())
def test_any_bytes_are_a_ballot_or_a_malformed_request(body: bytes) -> None:
    assert parsed_ballot(body) == plainly_parsed_ballot(body)


@settings(patient, max_examples=500)
@given(spoilt(ballots()))
def test_what_looks_like_a_ballot_is_one_only_if_a_plain_reading_says_so(body: bytes) -> None:
    assert parsed_ballot(body) == plainly_parsed_ballot(body)


def refused(check: Callable[[], None]) -> Problem | None:
    try:
        check()
    except Problem as problem:
        return problem
    return None


@patient
@given(st.lists(st.text() | st.sampled_from(["application/json", "text/plain", "application/json;charset=UTF-8"]), max_size=2))
def test_any_content_types_are_json_or_unsupported(content_types: list[str]) -> None:
    problem = refused(lambda: require_json(content_types))
    if problem is None:
        (content_type,) = content_types
        assert content_type.strip().lower().startswith("application/json")
    else:
        assert problem.kind is UNSUPPORTED_MEDIA_TYPE


@patient
@given(st.from_regex(SUB, fullmatch=True), st.from_regex(ID, fullmatch=True), st.lists(st.text(), max_size=2), st.booleans())
def test_any_idempotency_key_is_the_voters_own_or_a_mismatch(sub: str, election_id: str, keys: list[str], own: bool) -> None:
    expected = hashlib.sha256(f"{sub}{election_id}".encode()).hexdigest()
    sent = [*keys, expected] if own else keys
    problem = refused(lambda: check_idempotency_key(sent, sub, election_id))
    assert (problem is None) == (sent in ([], [expected]))
    assert problem is None or problem.kind is IDEMPOTENCY_KEY_MISMATCH


# ── the token ──


@patient
@given(st.binary())
def test_base64url_is_read_back(data: bytes) -> None:
    assert base64url.decode(encoded(data)) == data


@patient
@given(st.text(st.characters(codec="latin-1"), max_size=40) | st.text("AQgwEMUYckos048-_=+/\n", max_size=12))
def test_any_text_is_the_one_canonical_form_of_some_bytes_or_no_base64url(text: str) -> None:
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text


def compact_tokens() -> st.SearchStrategy[str]:
    part = st.text("ABCabc019-_", min_size=1, max_size=12)
    return st.builds("{}.{}.{}".format, part, part, part)


@patient
@given(st.sampled_from(["Bearer", "bearer", "BEARER"]), st.integers(1, 3), compact_tokens(), st.integers(0, 3))
def test_a_bearer_token_is_found_however_it_is_set(scheme: str, before: int, token: str, behind: int) -> None:
    assert bearer_token([scheme + " " * before + token + " " * behind]) == token


@patient
@given(st.lists(st.text(st.characters(codec="latin-1")) | compact_tokens().map("Bearer {}".format), max_size=2))
def test_any_authorization_is_one_bearer_token_or_an_invalid_one(authorization: list[str]) -> None:
    try:
        token = bearer_token(authorization)
    except InvalidToken:
        return
    (value,) = authorization
    assert value.lower().split() == ["bearer", token.lower()]
    assert re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}", token)


HEADER_MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from(["RS256", "none", "HS256"]) | JSON_VALUES,
        "typ": st.sampled_from(["JWT", "at+jwt", "id+jwt"]) | JSON_VALUES,
        "kid": st.text(max_size=200) | JSON_VALUES,
        "crit": JSON_VALUES,
    },
)


@patient
@given(st.binary() | HEADER_MEMBERS.map(lambda members: json.dumps(members).encode()))
def test_any_header_names_a_key_or_is_invalid(header: bytes) -> None:
    try:
        kid = key_id(encoded(header))
    except InvalidToken:
        return
    members = json.loads(header)
    assert members.keys() == {"alg", "typ", "kid"}
    assert members["alg"] == "RS256"
    assert members["kid"] == kid
    assert 0 < len(kid) <= 128


def verified(token: str) -> Voter | None:
    """The voter of a token, or ``None`` if it is invalid; nothing else may come of it."""
    verifier = TokenVerifier(InMemoryKeys({"key-1": KEY}), InMemoryDenylist(), RULES, time.time, 1.0)

    try:
        return asyncio.run(verifier.authenticate([f"Bearer {token}"]))
    except Problem as problem:
        refusal = problem
    assert refusal.kind is INVALID_TOKEN
    assert refusal.detail is None
    return None


@patient
@given(st.text(st.characters(codec="latin-1")) | compact_tokens() | st.sampled_from(sorted(HOSTILE_TOKENS)))
def test_no_text_is_a_token(text: str) -> None:
    assert verified(HOSTILE_TOKENS[text](FORGE) if text in HOSTILE_TOKENS else text) is None


@patient
@given(st.binary(max_size=300) | documents().map(utf8))
def test_no_claims_at_random_make_a_voter_even_if_they_are_signed(claims: bytes) -> None:
    assert verified(FORGE.signed(FORGE.header(), claims)) is None


@settings(patient, max_examples=300)
@given(st.dictionaries(st.sampled_from(sorted(FORGE.claims())) | st.sampled_from(["scope", "jurisdiction", "aal"]), JSON_VALUES))
def test_right_claims_in_part_replaced_make_no_voter_but_the_one_they_name(changes: dict[str, Any]) -> None:
    claims = FORGE.claims() | changes
    voter = verified(FORGE.signed(FORGE.header(), json.dumps(claims).encode()))
    if voter is None:
        assert changes, "right claims were refused"
        return
    assert (claims["iss"], claims["client_id"]) == (ISSUER, "voter-app")
    assert claims["aud"] == "voting-api" or "voting-api" in claims["aud"]
    assert type(claims["exp"]) is type(claims["iat"]) is int
    assert claims["iat"] <= time.time() + RULES.leeway_seconds
    assert claims["exp"] > time.time() - RULES.leeway_seconds - 1
    assert voter.sub == claims["sub"]
    assert SUB.fullmatch(voter.sub)
    assert voter.sub != "voter-app"
    assert voter.eligible == (claims.get("eligible") is True)
    assert voter.jurisdiction == claims.get("jurisdiction")
    assert voter.aal == (claims.get("aal") or "")
    granted = claims["scp"] if claims.get("scp") is not None else claims.get("scope")
    named = granted.split(" ") if isinstance(granted, str) else granted or []
    assert voter.scopes == frozenset(named)
