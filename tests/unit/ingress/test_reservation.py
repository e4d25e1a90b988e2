import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.random_ids import RandomIds
from ingress.reservation import (
    SHORTEST_SECRET_BYTES,
    Reservation,
    ReservationForm,
    Reservations,
    ReservationsUnavailable,
    State,
    id_bytes,
)
from schemas.ids import VOTE_ID
from tests.unit.ingress.factories import ELECTION, NOW_MS, vote, vote_id
from tests.unit.ingress.in_memory import InMemoryReservations
from tests.unit.ingress.reservation_suite import PENDING_MS, ReservationSuite

FORM = ReservationForm(b"a secret of the tests")


class TestInMemory(ReservationSuite):
    @pytest.fixture
    def reservations(self) -> Reservations:
        return InMemoryReservations(PENDING_MS, lambda: int(time.time() * 1000))


@pytest.mark.parametrize("state", [State.PENDING, State.UNDECIDED])
def test_an_open_one_reads_as_it_was_written(state: State) -> None:
    value = FORM.open_value(state, vote())
    assert len(value) == 33
    assert FORM.read(value) == Reservation(state, vote_id(1), NOW_MS)


@given(st.one_of(st.uuids().map(str), st.from_regex(VOTE_ID, fullmatch=True)), st.integers(0, 2**48))
def test_a_confirmed_one_reads_as_it_was_written_whatever_the_id(identifier: str, cast_at_ms: int) -> None:
    assert FORM.read(FORM.confirmed_value(identifier, cast_at_ms)) == Reservation(State.CONFIRMED, identifier, cast_at_ms)


def test_what_is_written_names_neither_voter_nor_choice() -> None:
    written = FORM.key(ELECTION, "voter-1") + FORM.open_value(State.PENDING, vote())
    for secret in (b"voter-1", b"alice", ELECTION.encode()):
        assert secret not in written


def test_equal_choices_of_two_votes_do_not_look_alike() -> None:
    assert FORM.choice(vote(number=1)) != FORM.choice(vote(number=2))
    assert FORM.choice(vote()) == FORM.choice(vote())


def test_without_the_secret_keys_and_choices_cannot_be_guessed() -> None:
    other = ReservationForm(b"another secret of the tests")
    assert other.key(ELECTION, "voter-1") != FORM.key(ELECTION, "voter-1")
    assert other.choice(vote()) != FORM.choice(vote())


def test_a_key_is_short_and_has_no_hash_tag() -> None:
    key = FORM.key(ELECTION, "v" * 128)
    assert len(key) == 22
    assert key.isascii()
    assert b"{" not in key


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match=str(SHORTEST_SECRET_BYTES)):
        ReservationForm(b"short")


@pytest.mark.parametrize("value", [b"", b"P", b"P" + bytes(8), b"X" + bytes(24), b"c\x00", 7, None, [b"P"], b"\xff" + bytes(24)])
def test_a_value_that_is_not_of_the_contract_advises_nothing(value: object) -> None:
    with pytest.raises(ReservationsUnavailable):
        FORM.read(value)


@pytest.mark.parametrize("text", ["", "vote-1", vote_id(1).upper(), vote_id(1).replace("-", ""), f"{vote_id(1)} ", "é" * 36])
def test_only_a_canonical_uuid_is_kept_as_sixteen_bytes(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        id_bytes(text)


def test_ids_are_random_uuids_of_version_4_and_never_repeat() -> None:
    ids = RandomIds()
    made = [ids.new() for _ in range(2000)]
    assert len(set(made)) == len(made)
    for text in made:
        read = uuid.UUID(text)
        assert (str(read), read.version, read.variant) == (text, 4, uuid.RFC_4122)
