"""Emergency revocation: what can be denied, when a denial is written, and what the audit log is told."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from elections.publication import AuditEvent
from schemas.ids import VOTER_SUB


class Kind(StrEnum):
    SUBJECT = "subject"
    TOKEN = "token"  # noqa: S105 (the name of a kind)
    CLIENT = "client"


_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_FORMS = {
    Kind.SUBJECT: ("a voter's id, the claim sub of the token", VOTER_SUB),
    Kind.TOKEN: ("a token's id, its claim jti", _IDENTIFIER),
    Kind.CLIENT: ("the id of an OAuth2 client", _IDENTIFIER),
}
# A JWT, and what Hydra calls its opaque tokens and codes.
_CREDENTIAL = re.compile(r"eyJ[A-Za-z0-9_-]+\.|\bory_[a-z]{2}_")
_LONGEST_REASON = 200
_EMAIL_ADDRESS = re.compile(r"\S@\S")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")


class InvalidDenial(ValueError):
    """What was asked for cannot be denied as it stands; the message lists everything that is wrong. Nothing was changed."""


@dataclass(frozen=True)
class Target:
    """Whose tokens are refused: those of a subject, the one with this id, or all of a client."""

    kind: Kind
    value: str

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


@dataclass(frozen=True)
class Denial:
    """Without ``expires_at``, an aware time, it is in force until it is taken away."""

    reason: str
    expires_at: datetime | None


@dataclass(frozen=True)
class Entry:
    """An entry of the denylist, in force or expired, and who made it when."""

    target: Target
    denial: Denial
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class Change:
    """Something that was done to an entry: made or replaced with this denial, or taken away (``None``)."""

    target: Target
    denial: Denial | None
    event_id: UUID
    changed_at: datetime
    changed_by: str


def target(kind: str, value: str) -> Target:
    """Raises ``InvalidDenial``. A credential gets neither into the denylist nor into the message."""
    what, form = _FORMS[Kind(kind)]
    if _CREDENTIAL.search(value):
        raise InvalidDenial(f"this is a whole token, which has no place here or in the audit log; what is needed is {what}")
    if not form.fullmatch(value):
        raise InvalidDenial(f"{value!r} is not {what}, of the form {form.pattern}")
    return Target(Kind(kind), value)


def denial(reason: str, until: str | None) -> Denial:
    """Raises ``InvalidDenial``. ``until`` is RFC 3339; whether it is still to come depends on what is denied already."""
    problems = []
    if not reason.strip() or len(reason) > _LONGEST_REASON or not reason.isprintable():
        problems.append(f"the reason is not printable text of 1 to {_LONGEST_REASON} characters")
    elif _EMAIL_ADDRESS.search(reason) or _CREDENTIAL.search(reason):
        problems.append(
            "the reason holds an e-mail address or a token: it goes into the audit log, name a case or a ticket there"
        )
    expires_at = None
    if until is not None:
        expires_at = _instant(until)
        if expires_at is None:
            problems.append(f"{until!r} is not a time with its zone, such as 2025-05-01T06:00:00Z (RFC 3339)")
    if problems:
        raise InvalidDenial("; ".join(problems))
    return Denial(reason.strip(), expires_at)


def deny(current: Entry | None, wanted: Denial, now: datetime) -> Denial | None:
    """The denial to write, or ``None`` if the entry says the same already. Raises ``InvalidDenial`` if its end is past.

    The same again is no mistake even when its end has passed: it may be the repetition that publishes it.
    """
    if current is not None and current.denial == wanted:
        return None
    if wanted.expires_at is not None and wanted.expires_at <= now:
        raise InvalidDenial(f"{wanted.expires_at:%Y-%m-%dT%H:%M:%SZ} is past: a denial ends in the future, or has no end")
    return wanted


def audit_event(change: Change) -> AuditEvent:
    """The event of the topic ``audit-log`` that this change is."""
    kind, value = change.target.kind, change.target.value
    details = {"kind": str(kind), "value": value}
    if change.denial is not None:
        details["reason"] = change.denial.reason
        if change.denial.expires_at is not None:
            details["expires_at"] = change.denial.expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {
        "event_id": str(change.event_id),
        "occurred_at": change.changed_at,
        "source": "elections",
        "action": f"{kind}.{'allowed' if change.denial is None else 'denied'}",
        "outcome": "success",
        "subject": value if kind is Kind.SUBJECT else None,
        "election_id": None,
        "actor": change.changed_by,
        "details": details,
    }


def _instant(text: str) -> datetime | None:
    if not _RFC_3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # no such day, or a zone that leads out of the calendar
        return None
