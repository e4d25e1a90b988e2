"""Two runs of dedup are the same if they say the same of every record, in whatever order; else the records are told."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from jobs.comparison import Comparison
from jobs.guard import OUTPUTS
from jobs.positions import Offsets
from schemas import avro
from schemas.registry import Registry

SUFFIX = ".g2"
PARTITIONS = 2
IDS = {topic: number for number, topic in enumerate(OUTPUTS, start=1) if topic != "votes-dlq"}
EVERYTHING = {0: 1_000, 1: 1_000}


class Message:
    def __init__(self, topic: str, partition: int, offset: int, record: tuple[bytes, bytes, Any]) -> None:
        self._place = topic, partition, offset
        self._record = record

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._place[2]

    def key(self) -> bytes:
        return self._record[0]

    def value(self) -> bytes:
        return self._record[1]

    def headers(self) -> Any:
        return self._record[2]


class Topics:
    """The outputs of a live run and of a rebuild."""

    def __init__(self) -> None:
        self.held: dict[str, list[list[tuple[bytes, bytes, Any]]]] = {
            topic + suffix: [[] for _ in range(PARTITIONS)] for topic in OUTPUTS for suffix in ("", SUFFIX)
        }

    def starts(self, topic: str) -> Offsets:
        return dict.fromkeys(range(len(self.held[topic])), 0)

    def messages(self, topics: Mapping[str, Offsets]) -> Iterator[Any]:
        for topic, offsets in topics.items():
            for partition, start in offsets.items():
                for offset, record in list(enumerate(self.held[topic][partition]))[start:]:
                    yield Message(topic, partition, offset, record)

    def add(self, topic: str, suffix: str, partition: int, offset: int, **changes: Any) -> None:
        """What an output says of the record at this place of votes-in."""
        key = f"e:{partition}-{offset}".encode()
        if topic == "votes-dlq":
            headers = {"error": b"no value", "partition": str(partition).encode(), "offset": str(offset).encode()}
            self.held[topic + suffix][partition].append((key, b"", list({**headers, **changes}.items())))
            return
        datum = {
            "vote_id": f"v-{partition}-{offset}",
            "election_id": "e",
            "voter_sub": f"{partition}-{offset}",
            "candidate_id": "alice",
            "cast_at": 1,
            "accepted_at": 2,
            "appended_at": 2,
            "catalogue_version": 1,
            "source_partition": partition,
            "source_offset": offset,
            "reason": "duplicate",
            "first_vote_id": "v-0",
            **changes,
        }
        schema = avro.latest(topic)
        self.held[topic + suffix][partition].append((key, avro.encoder(schema, IDS[topic])(datum), None))


def registry() -> Registry:
    """A registry that knows the schemas of the outputs."""
    texts = {f"/schemas/ids/{number}": avro.latest(topic).text for topic, number in IDS.items()}
    return Registry(
        "http://registry.test",
        transport=httpx.MockTransport(lambda request: httpx.Response(200, json={"schema": texts[request.url.path]})),
    )


@pytest.fixture
def topics() -> Topics:
    """Both runs say the same of six records, in another order."""
    found = Topics()
    said = [("votes-accepted", 0, 0), ("votes-unique", 0, 0), ("votes-rejected", 0, 1), ("votes-dlq", 0, 2)]
    said += [("votes-accepted", 1, offset) for offset in range(3)]
    for suffix, records in (("", said), (SUFFIX, said[::-1])):
        for topic, partition, offset in records:
            found.add(topic, suffix, partition, offset)
    return found


def comparison(topics: Topics) -> Comparison:
    return Comparison(topics, registry(), SUFFIX, lambda _: None)


def told(topics: Topics, partition: int) -> list[str]:
    return list(comparison(topics).differences(partition, EVERYTHING))


def test_the_order_of_the_outputs_makes_no_difference(topics: Topics) -> None:
    compared = comparison(topics)
    assert compared.differing(EVERYTHING) == []
    assert compared.records() == 7
    assert told(topics, 0) == []


@pytest.mark.parametrize(
    ("topic", "changes"),
    [
        ("votes-accepted", {"candidate_id": "bob"}),
        ("votes-rejected", {"reason": "unknown_candidate"}),
        ("votes-rejected", {"first_vote_id": None}),
        ("votes-unique", {"vote_id": "v-other"}),
        ("votes-dlq", {"error": b"another"}),
    ],
)
def test_what_is_said_otherwise_is_found(topics: Topics, topic: str, changes: dict[str, Any]) -> None:
    offset = {"votes-accepted": 0, "votes-unique": 0, "votes-rejected": 1, "votes-dlq": 2}[topic]
    topics.held[topic + SUFFIX][0].pop(0)
    topics.add(topic, SUFFIX, 0, offset, **changes)
    assert comparison(topics).differing(EVERYTHING) == [0]
    [line] = told(topics, 0)
    assert line.startswith(f"votes-in 0:{offset} is ")
    assert topic in line
    assert "bob" not in line


def test_a_record_that_only_one_of_them_has_is_found(topics: Topics) -> None:
    topics.held["votes-accepted" + SUFFIX][1].pop(1)
    assert comparison(topics).differing(EVERYTHING) == [1]
    assert told(topics, 1) == ["votes-in 1:1 is votes-accepted, rebuilt in no output"]


def test_a_record_that_is_there_twice_is_found(topics: Topics) -> None:
    topics.add("votes-rejected", "", 1, 0, reason="duplicate")
    topics.add("votes-rejected", "", 1, 0, reason="duplicate")
    assert comparison(topics).differing(EVERYTHING) == [1]
    assert told(topics, 1) == [
        "votes-in 1:0 is votes-accepted and votes-rejected (duplicate) and votes-rejected (duplicate), rebuilt votes-accepted"
    ]


def test_what_lies_beyond_the_cut_is_compared_when_the_cut_has_passed_it(topics: Topics) -> None:
    topics.add("votes-accepted", "", 1, 3)
    compared = comparison(topics)
    assert compared.differing({0: 3, 1: 3}) == []
    assert compared.differing({0: 3, 1: 4}) == [1]
    topics.add("votes-accepted", SUFFIX, 1, 3)
    assert compared.differing({0: 3, 1: 4}) == []


def test_each_record_is_read_once_however_often_it_is_asked(topics: Topics) -> None:
    counted: list[int] = []
    compared = Comparison(topics, registry(), SUFFIX, counted.append)
    for end in (1, 2, 3):
        compared.differing({0: end, 1: end})
    assert counted == list(range(1, 15))
