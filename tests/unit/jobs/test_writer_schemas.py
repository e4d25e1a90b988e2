from typing import Any

import pytest

from jobs import writer_schemas
from jobs.writer_schemas import PatientRegistry
from schemas.registry import RegistryUnavailable, SchemaNotRegistered


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> Any:
        return self.now

    def sleep(self, seconds: Any) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class FlakyRegistry:
    def __init__(self, failures: Any, answer: Any = "schema") -> None:
        self.failures = failures
        self.answer = answer

    def schema_by_id(self, _: int) -> Any:
        if self.failures:
            self.failures -= 1
            raise RegistryUnavailable("away")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        pass


def patient(registry: Any, clock: Any) -> Any:
    found = PatientRegistry("http://registry.invalid", sleep=clock.sleep, clock=clock)
    found._registry = registry
    return found


def test_a_registry_that_comes_back_answers_in_the_end() -> None:
    clock = Clock()
    assert patient(FlakyRegistry(4), clock).writer_schema(1) == "schema"
    assert clock.pauses == [0.2, 0.4, 0.8, 1.6]


def test_pauses_grow_to_a_limit_and_patience_ends() -> None:
    clock = Clock()
    with pytest.raises(RegistryUnavailable):
        patient(FlakyRegistry(1000), clock).writer_schema(1)
    assert max(clock.pauses) == writer_schemas.LONGEST_PAUSE_SECONDS
    assert clock.now <= writer_schemas.PATIENCE_SECONDS


def test_an_id_that_does_not_exist_is_known_at_once() -> None:
    clock = Clock()
    with pytest.raises(SchemaNotRegistered):
        patient(FlakyRegistry(0, SchemaNotRegistered("no")), clock).writer_schema(1)
    assert clock.pauses == []


def test_a_network_that_is_gone_counts_as_away() -> None:
    clock = Clock()
    with pytest.raises(RegistryUnavailable):
        PatientRegistry("http://127.0.0.1:9", sleep=clock.sleep, clock=clock).writer_schema(1)
