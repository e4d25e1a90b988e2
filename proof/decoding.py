"""From bytes of the topics to the records that the proof reasons about."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Message
from fastavro.types import Schema

from proof.records import Accepted, Cast, DeadLetter, Position, Rejected, Unreadable, Vote
from schemas import avro
from schemas.registry import Registry, SchemaNotRegistered

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DECIMAL = re.compile(rb"[0-9]{1,19}")


class Decoder:
    """Decodes values with the schema that they name. Raises ``RegistryUnavailable``, which says nothing about a record."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        # Writer and reader schema of each (topic, schema id); None for an id that the registry does not have.
        self._schemas: dict[tuple[str, int], tuple[Schema, Schema | None] | None] = {}

    def cast(self, messages: Iterable[Message]) -> Iterator[Cast]:
        """Records of votes-in. One that cannot be decoded is a record all the same."""
        for message in messages:
            vote, error = None, None
            try:
                vote = _vote(self._datum("votes-in", message))
            except avro.UndecodableValue as undecodable:
                error = str(undecodable)
            yield Cast(_position(message), message.timestamp()[1], _key(message), message.value(), vote, error)

    def accepted(self, messages: Iterable[Message]) -> Iterator[Accepted | Unreadable]:
        """Records of votes-accepted."""
        for message in messages:
            try:
                datum = self._datum("votes-accepted", message)
            except avro.UndecodableValue as error:
                yield _unreadable("votes-accepted", message, str(error))
            else:
                yield Accepted(_key(message), _vote(datum), _millis(datum["accepted_at"]), _source(datum))

    def rejected(self, messages: Iterable[Message]) -> Iterator[Rejected | Unreadable]:
        """Records of votes-rejected."""
        for message in messages:
            try:
                datum = self._datum("votes-rejected", message)
            except avro.UndecodableValue as error:
                yield _unreadable("votes-rejected", message, str(error))
            else:
                yield Rejected(
                    _key(message),
                    _vote(datum),
                    _millis(datum["appended_at"]),
                    _source(datum),
                    datum["reason"],
                    datum["first_vote_id"],
                )

    def dead_letters(self, messages: Iterable[Message]) -> Iterator[DeadLetter | Unreadable]:
        """Records of votes-dlq, whose place in votes-in stands in the headers ``partition`` and ``offset`` as decimal text."""
        for message in messages:
            headers: dict[str, Any] = dict(message.headers() or [])
            partition, offset = headers.get("partition") or b"", headers.get("offset") or b""
            if _DECIMAL.fullmatch(partition) and _DECIMAL.fullmatch(offset):
                yield DeadLetter(_key(message), message.value(), Position(int(partition), int(offset)))
            else:
                yield _unreadable("votes-dlq", message, "no partition and offset in its headers")

    def _datum(self, topic: str, message: Message) -> dict[str, Any]:
        value = message.value()
        if value is None:
            raise avro.UndecodableValue("no value")
        schema_id = avro.schema_id_of(value)
        known = (topic, schema_id)
        if known not in self._schemas:
            self._schemas[known] = self._resolve(topic, schema_id)
        schemas = self._schemas[known]
        if schemas is None:
            raise avro.UndecodableValue(f"no schema has the id {schema_id}")
        return avro.decode(value, *schemas)

    def _resolve(self, topic: str, schema_id: int) -> tuple[Schema, Schema | None] | None:
        try:
            writer = self._registry.schema_by_id(schema_id)
        except SchemaNotRegistered:
            return None
        reader = avro.latest(topic).parsed
        return writer, None if writer == reader else reader


def _vote(datum: dict[str, Any]) -> Vote:
    return Vote(
        datum["vote_id"],
        datum["election_id"],
        datum["voter_sub"],
        datum["candidate_id"],
        _millis(datum["cast_at"]),
        datum["catalogue_version"],
    )


def _source(datum: dict[str, Any]) -> Position:
    return Position(datum["source_partition"], datum["source_offset"])


def _millis(instant: datetime) -> int:
    return (instant - _EPOCH) // _MILLISECOND


def _position(message: Message) -> Position:
    partition, offset = message.partition(), message.offset()
    if partition is None or offset is None:
        raise ValueError("a consumed message has a partition and an offset")
    return Position(partition, offset)


def _key(message: Message) -> bytes | None:
    key = message.key()
    return key.encode() if isinstance(key, str) else key


def _unreadable(topic: str, message: Message, error: str) -> Unreadable:
    return Unreadable(topic, *_position(message), error)
