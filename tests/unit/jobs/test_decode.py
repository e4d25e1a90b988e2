import io
from datetime import UTC, datetime
from typing import Any

import fastavro
import pytest

from jobs import decode
from jobs.partitioning import partitions_of
from schemas import avro
from schemas.registry import RegistryUnavailable, SchemaNotRegistered

VOTES_IN = avro.latest("votes-in")
VOTES_AGG = avro.latest("votes-agg")
SCHEMAS = {6: VOTES_IN.parsed, 5: VOTES_AGG.parsed}
CAST_AT = datetime(2025, 1, 14, 12, 30, 15, 123000, tzinfo=UTC)
CAST_AT_MS = 1_736_857_815_123
VOTER = "5f1d5b3e-3c1b-4f5e-9f53-2d9a3f0a7a11"
KEY = f"election-2025-01:{VOTER}".encode()
PARTITIONS = 4
HOME = int(partitions_of([KEY], PARTITIONS)[0])


def a_vote(**changes: Any) -> Any:
    return {
        "vote_id": "0b6a1a52-8f0c-4b46-9c53-4c1c0a6e7f01",
        "election_id": "election-2025-01",
        "voter_sub": VOTER,
        "candidate_id": "alice",
        "cast_at": CAST_AT,
        "catalogue_version": 1,
        **changes,
    }


def encoded(**changes: Any) -> Any:
    return avro.encoder(VOTES_IN, 6)(a_vote(**changes))


def writer_schema(schema_id: Any) -> Any:
    if schema_id not in SCHEMAS:
        raise SchemaNotRegistered(f"no schema has the id {schema_id}")
    return SCHEMAS[schema_id]


def verdict(value: Any, key: Any = KEY, partition: Any = None) -> Any:
    home = int(partitions_of([key or b""], PARTITIONS)[0]) if partition is None else partition
    [row] = decode.verdicts([key], [value], [home], PARTITIONS, writer_schema)
    return dict(zip(decode.COLUMNS, row, strict=True))


def test_a_vote_comes_out_as_it_was_cast() -> None:
    assert verdict(encoded()) == {
        "vote_key": KEY.decode(),
        "vote_id": "0b6a1a52-8f0c-4b46-9c53-4c1c0a6e7f01",
        "election_id": "election-2025-01",
        "voter_sub": VOTER,
        "candidate_id": "alice",
        "cast_at_ms": CAST_AT_MS,
        "catalogue_version": 1,
        "error": None,
    }


BODY = encoded()[5:]
BAD_VALUES = {
    "no value": None,
    "nothing": b"",
    "shorter than the header": b"\0\0\0",
    "another first byte": b"\1" + encoded()[1:],
    "plain JSON": b'{"vote_id": "x"}',
    "an id that nobody has registered": b"\0\xff\xff\xff\xff" + BODY,
    "a header alone": b"\0\0\0\0\6",
    "cut in the middle": encoded()[:-30],
    "cut by a byte": encoded()[:-1],
    "a byte too many": encoded() + b"\0",
    "a length below zero": b"\0\0\0\0\6\1" + BODY,
    "a length far beyond the value": b"\0\0\0\0\6\xfe\xff\xff\xff\x0f" + BODY,
    "a number that never ends": b"\0\0\0\0\6" + b"\xff" * 40,
    "a string that is not UTF-8": b"\0\0\0\0\6\4\xff\xfe" + BODY,
    "a time beyond the calendar": encoded(cast_at=2**62),
    "a value of another topic": avro.encoder(VOTES_AGG, 5)(
        {"election_id": "election-2025-01", "candidate_id": "alice", "generation": 1, "count": 3, "as_of": 0}
    ),
    "a malformed vote id": encoded(vote_id="first vote"),
    "a vote id with a line break": encoded(vote_id="0b6a1a52-8f0c-4b46-9c53-4c1c0a6e7f01\n"),
    "a capital in the election's id": encoded(election_id="Election-2025-01"),
    "a colon in the voter's id": encoded(voter_sub="a:b"),
    "an empty candidate": encoded(candidate_id=""),
    "a candidate with a zero byte": encoded(candidate_id="ali\0ce"),
    "a candidate of 65 characters": encoded(candidate_id="a" * 65),
    "the vote of another voter": encoded(voter_sub="somebody-else"),
    "a vote in another election": encoded(election_id="election-2026"),
}


@pytest.mark.parametrize("value", BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_a_record_that_can_never_be_counted_has_an_error_and_nothing_else(value: Any) -> None:
    row = verdict(value)
    error = row.pop("error")
    assert error
    assert len(error) <= decode.LONGEST_ERROR
    assert set(row.values()) == {None}


@pytest.mark.parametrize("key", [None, b"", b"election-2025-01", KEY.upper(), KEY + b" ", b"\xff\xfe"])
def test_a_key_that_is_not_the_votes_own_is_an_error(key: Any) -> None:
    assert verdict(encoded(), key=key)["error"] == "the key is not electionId:sub of the value"


def test_a_vote_in_a_partition_that_is_not_its_keys_is_an_error() -> None:
    elsewhere = (HOME + 1) % PARTITIONS
    assert verdict(encoded(), partition=elsewhere)["error"] == f"partition {elsewhere} is not the key's: {HOME}"


def test_bad_records_do_not_touch_their_neighbours() -> None:
    values = [value for bad in BAD_VALUES.values() for value in (bad, encoded())]
    rows = decode.verdicts([KEY] * len(values), values, [HOME] * len(values), PARTITIONS, writer_schema)
    assert [row[-1] is None for row in rows] == [False, True] * len(BAD_VALUES)


def test_an_error_does_not_tell_the_choice() -> None:
    for value in (encoded(vote_id="x y"), encoded(election_id="X"), encoded(voter_sub="a:b"), encoded(voter_sub="other")):
        assert "alice" not in verdict(value)["error"]


def test_a_vote_of_a_later_schema_is_read_with_the_writers_schema() -> None:
    text = VOTES_IN.text.replace('"fields": [', '"fields": [{"name": "channel", "type": "string", "default": "web"},', 1)
    later = avro.AvroSchema("votes-in", 2, text)
    value = avro.encoder(later, 7)(a_vote(channel="kiosk"))
    [row] = decode.verdicts([KEY], [value], [HOME], PARTITIONS, {7: later.parsed}.__getitem__)
    assert row == decode.verdicts([KEY], [encoded()], [HOME], PARTITIONS, writer_schema)[0]


def test_a_registry_that_is_away_says_nothing_about_the_record() -> None:
    def away(_: int) -> Any:
        raise RegistryUnavailable("away")

    with pytest.raises(RegistryUnavailable):
        decode.verdicts([KEY], [encoded()], [HOME], PARTITIONS, away)


def test_an_unknown_id_is_asked_for_once_in_a_batch_and_again_in_the_next() -> None:
    asked = []

    def nobody_knows(schema_id: int) -> Any:
        asked.append(schema_id)
        raise SchemaNotRegistered(str(schema_id))

    for _ in range(2):
        decode.verdicts([KEY] * 3, [encoded()] * 3, [HOME] * 3, PARTITIONS, nobody_knows)
    assert asked == [6, 6]


def test_the_oracle_agrees_that_the_wire_format_is_header_and_body() -> None:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, VOTES_IN.parsed, a_vote())
    assert encoded() == b"\0\0\0\0\6" + buffer.getvalue()


def test_the_function_of_the_sql_gives_a_frame_without_turning_numbers_into_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    function = decode.ReadVotes("http://registry.invalid", PARTITIONS)
    monkeypatch.setattr(decode, "end_with_task_manager", lambda: None)
    function.open(None)
    monkeypatch.setattr(function._registry, "writer_schema", writer_schema)
    frame = function.eval([KEY, KEY], [encoded(), None], [HOME, HOME])
    function.close()
    assert list(frame.columns) == list(decode.COLUMNS)
    assert frame["cast_at_ms"].tolist() == [CAST_AT_MS, None]
