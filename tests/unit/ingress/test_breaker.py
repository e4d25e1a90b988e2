from ingress.breaker import FAILURES_TO_OPEN, OPEN_SECONDS, CircuitBreaker


class MovableClock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def opened(clock: MovableClock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock)
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    breaker = CircuitBreaker(MovableClock())
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed()
    assert breaker.allows()
    breaker.failed()
    assert breaker.open
    assert not breaker.allows()


def test_a_success_in_between_starts_the_count_again() -> None:
    breaker = CircuitBreaker(MovableClock())
    for _ in range(FAILURES_TO_OPEN * 2):
        breaker.failed()
        breaker.succeeded()
    assert breaker.allows()


def test_after_its_rest_one_caller_at_a_time_tries() -> None:
    clock = MovableClock()
    breaker = opened(clock)
    clock.seconds += OPEN_SECONDS
    assert breaker.allows()
    assert not breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    clock.seconds += OPEN_SECONDS
    assert breaker.allows()


def test_a_success_closes_it() -> None:
    clock = MovableClock()
    breaker = opened(clock)
    clock.seconds += OPEN_SECONDS
    assert breaker.allows()
    breaker.succeeded()
    assert not breaker.open
    assert breaker.allows()
    assert breaker.allows()
