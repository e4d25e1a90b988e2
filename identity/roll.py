"""The voter roll: who may have an account that votes. Pure: how an entry is named, how a file is read.

The roll holds no address. An entry is the keyed hash of one (HMAC-SHA-256 with ``ROLL_SECRET``), so that whoever reads the table,
or a backup of it, can neither list the voters nor try addresses.
"""

import csv
import hmac
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

COLUMNS = ("email", "jurisdiction")
# What a token may name: ingress and elections check the same form.
JURISDICTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST_ADDRESS = 320  # RFC 5321: 64 before the @, 255 after it


class InvalidRoll(ValueError):
    """The file is not a roll; the message names the line and never what stands in it. Nothing was imported."""


@dataclass(frozen=True)
class Entry:
    """A person of the roll. ``jurisdiction`` is empty where the roll does not say any."""

    hash: bytes
    jurisdiction: str


def entry_hash(secret: str, email: str) -> bytes:
    """The name of an address in the roll: the same for all ways of writing it that people don't tell apart.

    Capitals, spaces around it and compatible forms of letters make no difference (NFKC, case folded). Dots and ``+`` do: which
    of them a mail service passes over is its own affair.
    """
    normal = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).strip().casefold())
    return hmac.digest(secret.encode(), f"email:{normal}".encode(), "sha256")


def read(lines: Iterable[str], secret: str) -> Iterator[Entry]:
    """The entries of a CSV file with the columns ``email`` and, optionally, ``jurisdiction``. Raises ``InvalidRoll``."""
    rows = csv.reader(lines, strict=True)
    try:
        header = next(rows, [])
        if header not in (list(COLUMNS), list(COLUMNS[:1])):
            raise InvalidRoll(f"line 1: the columns have to be {','.join(COLUMNS)} or {COLUMNS[0]} alone")
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise InvalidRoll(f"line {rows.line_num}: {len(row)} values, not {len(header)}")
            email, jurisdiction = row[0].strip(), row[1].strip() if len(row) > 1 else ""
            if not 3 <= len(email) <= _LONGEST_ADDRESS or "@" not in email[1:-1] or not email.isprintable() or " " in email:
                raise InvalidRoll(f"line {rows.line_num}: the first value is not an email address")
            if jurisdiction and not JURISDICTION.fullmatch(jurisdiction):
                raise InvalidRoll(f"line {rows.line_num}: the jurisdiction is not of the form {JURISDICTION.pattern}")
            yield Entry(entry_hash(secret, email), jurisdiction)
    except csv.Error as error:
        raise InvalidRoll(f"line {rows.line_num}: {error}") from error
    except UnicodeDecodeError as error:
        raise InvalidRoll("the file is not UTF-8") from error
