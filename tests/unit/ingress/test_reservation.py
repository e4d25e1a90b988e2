import time

import pytest

from ingress.reservation import Reservation, Reservations, ReservationsUnavailable, State, parse
from tests.unit.ingress.in_memory import InMemoryReservations
from tests.unit.ingress.reservation_suite import PENDING_MS, ReservationSuite


class TestInMemory(ReservationSuite):
    @pytest.fixture
    def reservations(self) -> Reservations:
        return InMemoryReservations(PENDING_MS, lambda: int(time.time() * 1000))


def test_a_value_reads_as_it_was_written() -> None:
    reservation = Reservation(State.CONFIRMED, "8a5e", 1_748_779_200_250)
    assert reservation.text() == "C:8a5e:1748779200250"
    assert parse(reservation.text()) == reservation


@pytest.mark.parametrize("value", ["", "P", "P:8a5e", "P:8a5e:", "X:8a5e:1", "P:8a5e:soon"])
def test_a_value_that_is_not_of_the_contract_advises_nothing(value: str) -> None:
    with pytest.raises(ReservationsUnavailable):
        parse(value)
