"""What can be denied, when a denial is written, and what the audit log is told."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elections import denial
from elections.denial import Change, Denial, Entry, InvalidDenial, Kind, Target

NOON = datetime(2025, 5, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
VOTER = Target(Kind.SUBJECT, "5f2b8c1e-7d3a-4e55-9a50-0c1f4f6f2a01")
EVENT = UUID("2d0a7f4b-50a8-5d0c-9f1a-3f1d2c4b5a66")
COMPACT_TOKEN = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImtleS0xIn0.eyJzdWIiOiJ2b3Rlci0xIn0.c2lnbmF0dXJl"


def entry(denial: Denial) -> Entry:
    return Entry(VOTER, denial, NOON, "ada")


@pytest.mark.parametrize(
    ("kind", "value"),
    [("subject", VOTER.value), ("token", "b2a7"), ("token", VOTER.value), ("client", "voter-app"), ("subject", "a" * 128)],
)
def test_ids_can_be_denied(kind: str, value: str) -> None:
    assert denial.target(kind, value) == Target(Kind(kind), value)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("value", ["", "-x", "a b", "ada@example.org", "a" * 129, "voter-1\n", "election:voter"])
def test_what_is_no_id_is_refused_with_what_it_should_be(kind: str, value: str) -> None:
    with pytest.raises(InvalidDenial, match=r"is not (a voter's id|a token's id|the id of an OAuth2 client)"):
        denial.target(kind, value)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("value", [COMPACT_TOKEN, f"Bearer {COMPACT_TOKEN}", "ory_rt_c2lnbmF0dXJl.c2lnbmF0dXJl", "ory_at_x"])
def test_a_whole_token_is_refused_and_not_repeated(kind: str, value: str) -> None:
    with pytest.raises(InvalidDenial, match="whole token") as refused:
        denial.target(kind, value)
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("until", "expires_at"),
    [
        (None, None),
        ("2025-05-01T13:00:00Z", LATER),
        ("2025-05-01T15:00:00+02:00", LATER),
        ("2025-05-01T13:00:00.250Z", LATER + timedelta(milliseconds=250)),
    ],
)
def test_a_denial_has_a_reason_and_may_have_an_end(until: str | None, expires_at: datetime | None) -> None:
    assert denial.denial(" case 7 ", until) == Denial("case 7", expires_at)


@pytest.mark.parametrize(
    ("reason", "until", "why"),
    [
        ("", None, "the reason is not printable text"),
        ("  ", None, "the reason is not printable text"),
        ("a\nb", None, "the reason is not printable text"),
        ("a" * 201, None, "the reason is not printable text"),
        ("ask ada@example.org", None, "e-mail address"),
        (f"leaked: {COMPACT_TOKEN}", None, "or a token"),
        ("case 7", "tomorrow", "'tomorrow' is not a time"),
        ("case 7", "2025-05-01", "is not a time"),
        ("case 7", "2025-05-01T13:00:00", "is not a time with its zone"),
        ("case 7", "2025-02-30T13:00:00Z", "is not a time"),
        ("case 7", "9999-12-31T23:59:59-01:00", "is not a time"),
        ("", "", "the reason .*; '' is not a time"),
    ],
)
def test_each_mistake_is_named(reason: str, until: str | None, why: str) -> None:
    with pytest.raises(InvalidDenial, match=why):
        denial.denial(reason, until)


@given(value=st.text(max_size=150), reason=st.text(max_size=210), until=st.text(max_size=40))
def test_any_text_is_a_denial_or_invalid_and_nothing_else(value: str, reason: str, until: str) -> None:
    for attempt in (lambda: denial.target("subject", value), lambda: denial.denial(reason, until)):
        try:
            attempt()
        except InvalidDenial:
            continue


@pytest.mark.parametrize("expires_at", [None, LATER])
def test_a_new_denial_is_written_and_the_same_again_is_not(expires_at: datetime | None) -> None:
    wanted = Denial("case 7", expires_at)
    assert denial.deny(None, wanted, NOON) == wanted
    assert denial.deny(entry(wanted), wanted, NOON) is None


@pytest.mark.parametrize("other", [Denial("case 8", LATER), Denial("case 7", None), Denial("case 7", LATER + timedelta(hours=1))])
def test_another_reason_or_end_replaces_the_entry(other: Denial) -> None:
    assert denial.deny(entry(Denial("case 7", LATER)), other, NOON) == other


def test_a_denial_that_would_be_over_is_refused() -> None:
    with pytest.raises(InvalidDenial, match="2025-05-01T12:00:00Z is past"):
        denial.deny(None, Denial("case 7", NOON), NOON)


def test_repeating_one_that_has_expired_meanwhile_is_no_mistake() -> None:
    wanted = Denial("case 7", LATER)
    assert denial.deny(entry(wanted), wanted, LATER + timedelta(days=1)) is None


def test_the_audit_log_is_told_who_denied_whom_why_and_until_when() -> None:
    assert denial.audit_event(Change(VOTER, Denial("case 7", LATER), EVENT, NOON, "ada")) == {
        "event_id": str(EVENT),
        "occurred_at": NOON,
        "source": "elections",
        "action": "subject.denied",
        "outcome": "success",
        "subject": VOTER.value,
        "election_id": None,
        "actor": "ada",
        "details": {"kind": "subject", "value": VOTER.value, "reason": "case 7", "expires_at": "2025-05-01T13:00:00Z"},
    }


def test_a_token_or_a_client_is_nobody_and_what_is_allowed_has_no_reason() -> None:
    event = denial.audit_event(Change(Target(Kind.CLIENT, "voter-app"), None, EVENT, NOON, "ada"))
    assert (event["action"], event["subject"]) == ("client.allowed", None)
    assert event["details"] == {"kind": "client", "value": "voter-app"}
