"""From bytes of the topics to the records that the proof reasons about."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from confluent_kafka import Message

from proof import binary
from proof.records import Accepted, Cast, DeadLetter, ElectionVersion, Position, Published, Rejected, Unreadable, Verdict, Vote
from schemas import avro, ids
from schemas.registry import Registry

_HEADER_BYTES = 5  # of the wire format: a zero byte and the schema's id
_NO_PLACE = "no partition and offset in its headers"
_DECIMAL = re.compile(rb"[0-9]{1,19}")

_Datum = dict[str, Any]
Readers = Mapping[int, binary.Read]
_Record = TypeVar("_Record")


class Decoder:
    """Decodes values with the schema that they name, which has to be one of their topic's subject.

    A topic's schemas are read before its first message, and what a record names was registered before the record was written:
    so give it messages of a range whose end was asked for before. Raises ``RegistryUnavailable`` and, of a whole subject,
    ``SchemaNotRegistered``, which say nothing about a record.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[str, dict[int, binary.Read]] = {}
        self._strangers: set[tuple[str, int]] = set()

    def elections(self, messages: Iterable[Message]) -> Iterator[Published | Unreadable]:
        """Records of elections."""
        return self._records("elections", messages, _published)

    def cast(self, messages: Iterable[Message]) -> Iterator[Cast]:
        """Records of votes-in. One that cannot be decoded is a record all the same."""
        readers = self._readers("votes-in")
        for message in messages:
            vote, jurisdiction, error = None, None, None
            try:
                vote, jurisdiction = _decoded(message, readers, _ballot)
            except avro.UndecodableValue as undecodable:
                error = str(undecodable)
            yield Cast(
                _position(message), message.timestamp()[1], _key(message), message.value(), vote, error, jurisdiction=jurisdiction
            )

    def accepted(self, messages: Iterable[Message]) -> Iterator[Accepted | Unreadable]:
        """Records of votes-accepted."""
        return self._records("votes-accepted", messages, _accepted)

    def rejected(self, messages: Iterable[Message]) -> Iterator[Rejected | Unreadable]:
        """Records of votes-rejected."""
        return self._records("votes-rejected", messages, _rejected)

    def dead_letters(self, messages: Iterable[Message]) -> Iterator[DeadLetter | Unreadable]:
        """Records of votes-dlq, whose place in votes-in stands in the headers ``partition`` and ``offset`` as decimal text."""
        for message in messages:
            source = _place_in_headers(message)
            if source is None:
                yield _unreadable("votes-dlq", message, _NO_PLACE)
            else:
                yield DeadLetter(_key(message), message.value(), source)

    def verdict(self, topic: str, message: Message) -> Verdict | Unreadable:
        """Of a record of votes-accepted, votes-rejected or votes-dlq, whenever it was written: a new schema is looked up."""
        if topic == "votes-dlq":
            source = _place_in_headers(message)
            return _unreadable(topic, message, _NO_PLACE) if source is None else Verdict(_key(message), source, "dead_letter")
        try:
            return _decoded(message, self._readers_for(topic, message.value()), _verdict)
        except avro.UndecodableValue as error:
            return _unreadable(topic, message, str(error))

    def _readers_for(self, topic: str, value: bytes | None) -> Readers:
        """Those of a topic, with the one that a value names if the registry knows it by now. Asked once for each schema."""
        known = self._known.setdefault(topic, {})
        schema_id = avro.schema_id_of(value) if value is not None else None
        if schema_id is not None and schema_id not in known and (topic, schema_id) not in self._strangers:
            known.update(self._readers(topic))
            if schema_id not in known:
                self._strangers.add((topic, schema_id))
        return known

    def _records(
        self, topic: str, messages: Iterable[Message], build: Callable[[Message, _Datum], _Record]
    ) -> Iterator[_Record | Unreadable]:
        readers = self._readers(topic)
        for message in messages:
            try:
                record: _Record | Unreadable = _decoded(message, readers, build)
            except avro.UndecodableValue as error:
                record = _unreadable(topic, message, str(error))
            yield record

    def _readers(self, topic: str) -> Readers:
        found = self._registry.schemas_of(avro.latest(topic).subject)
        return {schema_id: binary.reader_of(schema) for schema_id, schema in found.items()}


def read(value: bytes | None, readers: Readers) -> Any:
    """A value in the wire format, read strictly. Raises ``UndecodableValue``."""
    if value is None:
        raise avro.UndecodableValue("no value")
    schema_id = avro.schema_id_of(value)
    if schema_id not in readers:
        raise avro.UndecodableValue(f"no schema of this topic has the id {schema_id}")
    return binary.read(value, _HEADER_BYTES, readers[schema_id])


def _decoded(message: Message, readers: Readers, build: Callable[[Message, _Datum], _Record]) -> _Record:
    """Raises ``UndecodableValue``."""
    datum = read(message.value(), readers)
    try:
        return build(message, datum)
    except KeyError as missing:
        raise avro.UndecodableValue(f"its schema has no {missing.args[0]}") from None


def _published(message: Message, datum: _Datum) -> Published:
    if not ids.ELECTION_ID.fullmatch(datum["election_id"]):
        raise avro.UndecodableValue("its election_id is malformed")
    return Published(
        _key(message),
        _position(message).offset,
        datum["election_id"],
        datum["version"],
        ElectionVersion(
            datum["status"],
            datum["opens_at"],
            datum["closes_at"],
            frozenset(candidate["candidate_id"] for candidate in datum["candidates"]),
            frozenset(datum["jurisdictions"]),
        ),
    )


def _ballot(_: Message, datum: _Datum) -> tuple[Vote, str | None]:
    """The vote, and its voter's jurisdiction, of which version 1 of the schema says nothing."""
    return vote_of(datum), datum.get("jurisdiction")


def _accepted(message: Message, datum: _Datum) -> Accepted:
    return Accepted(_key(message), vote_of(datum), datum["accepted_at"], _source(datum))


def _rejected(message: Message, datum: _Datum) -> Rejected:
    return Rejected(_key(message), vote_of(datum), datum["appended_at"], _source(datum), datum["reason"], datum["first_vote_id"])


def _verdict(message: Message, datum: _Datum) -> Verdict:
    return Verdict(_key(message), _source(datum), datum.get("reason", "accepted"))


def vote_of(datum: _Datum) -> Vote:
    """Raises ``KeyError`` for a datum without one of a vote's fields."""
    return Vote(
        datum["vote_id"],
        datum["election_id"],
        datum["voter_sub"],
        datum["candidate_id"],
        datum["cast_at"],
        datum["catalogue_version"],
    )


def _source(datum: _Datum) -> Position:
    return Position(datum["source_partition"], datum["source_offset"])


def _place_in_headers(message: Message) -> Position | None:
    """The place in votes-in that a dead letter's headers name as decimal text."""
    headers: dict[str, Any] = dict(message.headers() or [])
    partition, offset = headers.get("partition") or b"", headers.get("offset") or b""
    if _DECIMAL.fullmatch(partition) and _DECIMAL.fullmatch(offset):
        return Position(int(partition), int(offset))
    return None


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
