"""The voter roll on the real Kratos, Hydra and PostgreSQL: one person, one account that votes."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from compose.settings import CHECKOUT, Stack
from compose.voter_browser import VoterBrowser, claims_of
from identity.roll_store import CLAIM
from tests.stacks import running_stack
from tests.voters import Accounts, Voter

ON_ROLL, MOVER, SECOND, NORTHERNER = (
    Voter(email) for email in ("on@roll.example", "mover@roll.example", "two@roll.example", "n@roll.example")
)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack("roll", only=["identity"]) as stack:
        yield stack


@pytest.fixture(scope="module")
def accounts(stack: Stack) -> Accounts:
    return Accounts(stack)


def identity(stack: Stack, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """What an organiser would call."""
    environment = stack.environment()
    command = [environment["PYTHON"], "-m", "identity", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env=environment, input=said, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def early(accounts: Accounts) -> str:
    """The id of somebody who registered before there was a roll, and is not on it."""
    with accounts.browser() as browser:
        claims = claims_of(accounts.registered(Voter("early@example.org"), browser).access_token)
    assert claims["eligible"] is True, "as long as there is no roll, whoever registers is eligible"
    return str(claims["sub"])


@pytest.fixture(scope="module")
def roll(stack: Stack, early: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the roll, imported."""
    assert early
    file = tmp_path_factory.mktemp("roll") / "roll.csv"
    lines = [f"{voter.email}," for voter in (ON_ROLL, MOVER, SECOND)] + [f"{NORTHERNER.email},north"]
    file.write_text("email,jurisdiction\n" + "\n".join(lines) + "\n")
    done = identity(stack, "roll", "import", str(file))
    assert (done.returncode, done.stdout) == (0, "roll: 4 new entries, 0 were there\n"), done.stderr
    return file


@pytest.fixture
def browser(accounts: Accounts) -> Iterator[VoterBrowser]:
    with accounts.browser() as browser:
        yield browser


def confirm(accounts: Accounts, browser: VoterBrowser, email: str) -> None:
    asked = browser.submit(browser.open(f"{accounts.identity}/verification"), email=email)
    done = browser.submit(asked, press="method", code=accounts.code(email, "confirm", asked.url))
    assert "Your email address is confirmed." in done.html, done.errors


def test_whoever_is_on_the_roll_is_eligible_once_the_address_is_confirmed(
    accounts: Accounts, browser: VoterBrowser, roll: Path
) -> None:
    assert roll.exists()
    claims = claims_of(accounts.registered(NORTHERNER, browser).access_token)
    assert claims["eligible"] is False, "anybody can register with anybody's address"

    confirm(accounts, browser, NORTHERNER.email)

    claims = claims_of(browser.authorize().access_token)
    assert (claims["eligible"], claims["jurisdiction"]) == (True, "north")
    metadata = accounts.identity_of(claims["sub"])["metadata_public"]
    assert metadata == {"eligible": True, "on_roll": True, "jurisdiction": "north"}
    assert ("roll.entry_taken", "") in accounts.events_of(claims["sub"])


def test_whoever_is_not_on_it_is_not(accounts: Accounts, browser: VoterBrowser, roll: Path, early: str) -> None:
    assert roll.exists()
    stranger = Voter()
    accounts.registered(stranger, browser)
    confirm(accounts, browser, stranger.email)
    assert claims_of(browser.authorize().access_token)["eligible"] is False

    with accounts.browser() as another:
        sub = claims_of(accounts.registered(Voter(), another).access_token)["sub"]
        # As if registered before the roll: eligible, and nothing known of it.
        accounts.change(sub, "/metadata_public", {"eligible": True})
        assert claims_of(another.authorize().access_token)["eligible"] is False
    assert early != sub


def test_a_person_who_comes_back_with_another_account_is_not_eligible(accounts: Accounts, roll: Path) -> None:
    assert roll.exists()
    with accounts.browser() as first:
        sub = claims_of(accounts.registered(SECOND, first).access_token)["sub"]
        confirm(accounts, first, SECOND.email)
        assert claims_of(first.authorize().access_token)["eligible"] is True
    accounts.delete(sub)

    with accounts.browser() as again:
        accounts.registered(SECOND, again)
        confirm(accounts, again, SECOND.email)
        assert claims_of(again.authorize().access_token)["eligible"] is False


def test_an_address_that_is_given_up_takes_its_entry_along(accounts: Accounts, roll: Path) -> None:
    assert roll.exists()
    moved_to = Voter()
    with accounts.browser() as first:
        sub = claims_of(accounts.registered(MOVER, first).access_token)["sub"]
        confirm(accounts, first, MOVER.email)
        first.authorize()
        page = first.open(f"{accounts.identity}/settings")
        first.submit(page, traits__email=moved_to.email)
        assert claims_of(first.authorize().access_token)["eligible"] is True, "the entry is the voter's, whatever the address"

    with accounts.browser() as friend:
        claims = claims_of(accounts.registered(MOVER, friend).access_token)
        confirm(accounts, friend, MOVER.email)
        assert claims_of(friend.authorize().access_token)["eligible"] is False
    assert claims["sub"] != sub


def test_a_file_can_be_imported_again_and_one_that_says_otherwise_is_refused_whole(stack: Stack, roll: Path) -> None:
    again = identity(stack, "roll", "import", str(roll))
    assert (again.returncode, again.stdout) == (0, "roll: 0 new entries, 4 were there\n")

    other = roll.with_name("other.csv")
    other.write_text(f"email,jurisdiction\nnew@roll.example,\n{NORTHERNER.email},south\n")
    refused = identity(stack, "roll", "import", str(other))
    assert refused.returncode == 1
    assert "another one than in the roll" in refused.stderr
    broken = roll.with_name("broken.csv")
    broken.write_text("email\nnew@roll.example\nnobody\n")
    refused = identity(stack, "roll", "import", str(broken))
    assert (refused.returncode, "line 3" in refused.stderr, "nobody" in refused.stderr) == (1, True, False)

    assert identity(stack, "roll", "status").stdout.startswith("roll: 4 entries, ")


def test_the_table_holds_no_address(stack: Stack, roll: Path) -> None:
    assert roll.exists()
    with psycopg.connect(stack.environment()["DATABASE_URL"]) as connection:
        text = str(connection.execute("SELECT * FROM voter_roll").fetchall())

    assert "roll.example" not in text


def test_two_accounts_that_take_an_entry_at_once_share_it_not(stack: Stack, roll: Path) -> None:
    """The statement of the app, by two connections at the same time, many times."""

    assert roll.exists()
    url = stack.environment()["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        entries = [bytes([number]) * 32 for number in range(1, 41)]
        for entry in entries:
            connection.execute("INSERT INTO voter_roll (entry) VALUES (%s)", [entry])
    got: dict[str, list[bytes]] = {"first": [], "second": []}
    start = threading.Barrier(2)

    def take(name: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for number, entry in enumerate(entries):
                start.wait(10)
                rows = connection.execute(CLAIM.encode(), {"identity": f"{name}-{number}", "entry": entry}).fetchall()
                got[name] += [bytes(row[0]) for row in rows]

    threads = [threading.Thread(target=take, args=(name,)) for name in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(got["first"] + got["second"]) == entries


def test_every_counted_voter_is_looked_for_on_the_roll(stack: Stack, roll: Path) -> None:
    assert roll.exists()
    with psycopg.connect(stack.environment()["DATABASE_URL"], autocommit=True) as connection:
        (holder,) = connection.execute("SELECT identity_id FROM roll_bindings LIMIT 1").fetchone() or ("",)
        vote = "INSERT INTO votes_ledger (election_id, voter_sub, candidate_id) VALUES ('checked', %s, 'alice')"
        connection.execute(vote, [holder])
    assert identity(stack, "roll", "check", "checked").returncode == 0

    with psycopg.connect(stack.environment()["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(vote, ["somebody-from-nowhere"])
    done = identity(stack, "roll", "check", "checked")
    assert done.returncode == 1
    assert "not on the roll: somebody-from-nowhere" in done.stdout


def test_no_entry_is_released_before_the_seal(stack: Stack, roll: Path) -> None:
    assert roll.exists()
    election = (
        "INSERT INTO elections (election_id, version, title, status, opens_at, closes_at)"
        " VALUES ('released', %s, 'An election', %s, '2025-01-01Z', '2025-02-01Z')"
    )
    with psycopg.connect(stack.environment()["DATABASE_URL"], autocommit=True) as connection:
        for version, status in enumerate(("draft", "open", "closed"), start=1):
            connection.execute(election, [version, status])
            done = identity(stack, "roll", "release", said=f"{NORTHERNER.email}\n")
            if status == "draft":
                assert done.stdout == "roll: the entry can be taken by another account\n"
            else:
                assert done.returncode == 1
                assert "waits for its seal" in done.stderr
        connection.execute(election, [4, "sealed"])
    assert identity(stack, "roll", "release", said=f"{ON_ROLL.email}\n").stdout == "roll: nobody has taken this entry\n"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE roll_bindings SET identity_id = 'another'",
        "TRUNCATE roll_bindings",
        "UPDATE voter_roll SET jurisdiction = 'south'",
        "DELETE FROM voter_roll",
    ],
)
def test_the_roll_is_never_changed(stack: Stack, roll: Path, statement: str) -> None:
    assert roll.exists()
    with psycopg.connect(stack.environment()["DATABASE_URL"]) as connection, pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("SELECT count(*) FROM voter_roll", True),
        ("SELECT count(*) FROM voters_not_on_roll('checked')", True),
        ("INSERT INTO identity_events (action, outcome) VALUES ('identity.registered', 'success')", True),
        (
            "INSERT INTO audit_trail (event_id, occurred_at, source, action, outcome) VALUES ('e', now(), 's', 'a', 'success')",
            True,
        ),
        ("CREATE TEMPORARY TABLE arriving (entry BYTEA)", True),
        ("SELECT voter_sub FROM votes_ledger", False),
        ("SELECT candidate_id FROM votes_ledger", False),
        ("UPDATE voter_roll SET jurisdiction = 'south'", False),
        ("DELETE FROM audit_trail", False),
        ("SELECT * FROM denylist", False),
    ],
)
def test_the_role_of_the_app_can_do_what_it_must_and_no_more(stack: Stack, statement: str, *, allowed: bool) -> None:
    with psycopg.connect(stack.environment()["DATABASE_URL"]) as connection:
        connection.execute("SET ROLE voting_identity")
        if allowed:
            connection.execute(statement.encode())
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
        connection.rollback()
