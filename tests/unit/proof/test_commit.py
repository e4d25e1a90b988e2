"""From the log to the published file: whole, the same for the same log, or refused."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from proof import checking, commit
from proof.commit import CannotCommit
from proof.commitments import Summary, Verdict
from proof.leaves import Leaves, Progress
from proof.log import LogUnreadable, Range
from proof.records import Cast, Published
from proof.settings import Settings
from schemas import topics
from schemas.registry import RegistryUnavailable
from tests.unit.proof.test_conservation import CATALOGUE, ELECTION, PARTITIONS, Ballot, World, world_of

WORLD = world_of(("ann", "alice"), ("ben", "bob"), ("ann", "bob"), Ballot("cyd", "mallory", "unknown_candidate"), b"junk")
SETTINGS = Settings.from_environment({})


def silent(_: str) -> Progress:
    return lambda _done, _of: None


def ranges_of(world: World) -> dict[int, Range]:
    return {partition: Range(0, extent.end) for partition, extent in world.extents.items()}


def write(world: World, target: Path, election_id: str = ELECTION) -> Summary:
    def read(partition: int) -> Iterator[Cast]:
        return (record for record in world.cast if record.position.partition == partition)

    return commit.write(read, ranges_of(world), CATALOGUE, election_id, target, silent)


def test_every_vote_of_the_election_is_a_leaf(tmp_path: Path) -> None:
    summary = write(WORLD, tmp_path / "leaves.bin")
    assert summary == Leaves(tmp_path / "leaves.bin").check(silent(""))
    assert {verdict: count for verdict, count in summary.verdicts.items() if count} == {
        Verdict.COUNTED: 2,
        Verdict.DUPLICATE: 1,
        Verdict.UNKNOWN_CANDIDATE: 1,
    }


def test_what_is_published_holds_no_voter_no_choice_and_no_vote_id(tmp_path: Path) -> None:
    write(WORLD, tmp_path / "leaves.bin")
    data = (tmp_path / "leaves.bin").read_bytes()
    for record in WORLD.cast:
        if record.vote is not None:
            for told in (record.vote.voter_sub, record.vote.candidate_id, record.vote.vote_id):
                assert told.encode() not in data


def test_a_choice_makes_no_difference_to_what_is_published(tmp_path: Path) -> None:
    one = write(world_of(("ann", "alice"), ("ben", "bob")), tmp_path / "one")
    other = write(world_of(("ann", "bob"), ("ben", "alice")), tmp_path / "other")
    assert one == other


def test_the_same_log_gives_the_same_bytes(tmp_path: Path) -> None:
    write(WORLD, tmp_path / "one")
    write(WORLD, tmp_path / "other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_an_election_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotCommit, match="no election nowhere"):
        write(WORLD, tmp_path / "leaves.bin", "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_two_voters_with_one_vote_id_are_refused(tmp_path: Path) -> None:
    (tmp_path / "leaves.bin").write_bytes(b"of before")
    world = world_of(("ann", "alice"), ("ben", "alice"))
    world.cast = [
        record._replace(vote=record.vote._replace(vote_id="same")) if record.vote is not None else record for record in world.cast
    ]
    with pytest.raises(CannotCommit, match="two voters hold one receipt"):
        write(world, tmp_path / "leaves.bin")
    assert (tmp_path / "leaves.bin").read_bytes() == b"of before"


def test_a_log_that_cannot_be_read_to_the_end_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "leaves.bin").write_bytes(b"of before")

    def read(partition: int) -> Iterator[Cast]:
        yield from (record for record in WORLD.cast if record.position.partition == partition)
        if partition == PARTITIONS - 1:
            raise LogUnreadable("gone")

    with pytest.raises(LogUnreadable):
        commit.write(read, ranges_of(WORLD), CATALOGUE, ELECTION, tmp_path / "leaves.bin", silent)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("leaves.bin", b"of before")]


def test_the_manifest_says_of_which_offsets_and_what_it_comes_to(tmp_path: Path) -> None:
    summary = write(WORLD, tmp_path / "leaves.bin")
    contents = commit.contents(ELECTION, {1: Range(5, 9), 0: Range(0, 3)}, summary)
    assert contents["votesIn"] == [{"partition": 0, "from": 0, "to": 3}, {"partition": 1, "from": 5, "to": 9}]
    assert checking.commitments_of(contents) == (ELECTION, summary)


class FakeLog:
    """Hands decoded records out; ``failure`` comes when the end of a topic is asked for."""

    records: Mapping[str, list[Any]] = {}
    failure: Exception | None = None
    partitions = 0
    asked: list[str] = []  # noqa: RUF012 (set by the fixture)

    def __init__(self, _: str) -> None:
        pass

    def __enter__(self) -> "FakeLog":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ranges(self, topic: str) -> dict[int, Range]:
        self.asked.append(topic)
        if self.failure is not None:
            raise self.failure
        return dict.fromkeys(range(self.partitions if topic == "votes-in" else 1), Range(0, 9))

    def messages(self, topic: str, ranges: Mapping[int, Range]) -> Iterator[Any]:
        return (record for record in self.records[topic] if topic != "votes-in" or record.position.partition in ranges)


class FakeDecoder:
    def __init__(self, _: object) -> None:
        pass

    def __getattr__(self, _: str) -> Any:
        return lambda records: records


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> type[FakeLog]:
    monkeypatch.setattr(commit, "Log", FakeLog)
    monkeypatch.setattr(commit, "Decoder", FakeDecoder)
    published = [
        Published(f"{election_id}:{version}".encode(), offset, election_id, version, terms)
        for offset, ((election_id, version), terms) in enumerate(CATALOGUE.items())
    ]
    monkeypatch.setattr(FakeLog, "records", {"votes-in": WORLD.cast, "elections": published})
    monkeypatch.setattr(FakeLog, "partitions", PARTITIONS)
    monkeypatch.setattr(FakeLog, "asked", [])
    monkeypatch.setattr(topics, "load", lambda _: {"votes-in": type("Topic", (), {"partitions": PARTITIONS})})
    return FakeLog


def test_a_running_system_is_read_to_where_it_was(tmp_path: Path, log: type[FakeLog]) -> None:
    ranges, summary = commit.run(SETTINGS, ELECTION, tmp_path / "leaves.bin", silent)
    assert ranges == dict.fromkeys(range(PARTITIONS), Range(0, 9))
    assert summary == write(WORLD, tmp_path / "again")
    assert log.asked == ["votes-in", "elections"]


def test_an_auditor_reads_what_a_manifest_covers_and_nothing_after_it(tmp_path: Path, log: type[FakeLog]) -> None:
    stated = commit.contents(ELECTION, ranges_of(WORLD), write(WORLD, tmp_path / "leaves.bin"))
    ranges, summary = commit.run(SETTINGS, ELECTION, tmp_path / "again", silent, commit.ranges_of(stated))
    assert commit.contents(ELECTION, ranges, summary) == stated
    assert (tmp_path / "again").read_bytes() == (tmp_path / "leaves.bin").read_bytes()
    assert log.asked == ["votes-in", "elections"]


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("wanted", [Range(0, 10), Range(-1, 9), Range(5, 4)])
def test_offsets_that_the_log_has_not_are_refused(tmp_path: Path, wanted: Range) -> None:
    with pytest.raises(CannotCommit, match="not all of these offsets"):
        commit.run(SETTINGS, ELECTION, tmp_path / "leaves.bin", silent, dict.fromkeys(range(PARTITIONS), wanted))


@pytest.mark.usefixtures("log")
def test_offsets_of_some_partitions_only_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotCommit, match="another number of partitions"):
        commit.run(SETTINGS, ELECTION, tmp_path / "leaves.bin", silent, {0: Range(0, 9)})


@pytest.mark.parametrize(
    "stated", [{}, {"votesIn": None}, {"votesIn": [{}]}, {"votesIn": [{"partition": 0, "from": "0", "to": 1}]}]
)
def test_a_manifest_without_offsets_is_named(stated: dict[str, Any]) -> None:
    with pytest.raises(CannotCommit, match="states no offsets"):
        commit.ranges_of(stated)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"failure": LogUnreadable("topic votes-in: gone")}, "the log cannot be read: topic votes-in: gone"),
        ({"failure": RegistryUnavailable("gone")}, "the schema registry does not answer"),
        ({"partitions": PARTITIONS + 1}, "another number of partitions"),
        (
            {
                "records": {
                    "votes-in": WORLD.cast,
                    "elections": [Published(b"other:1", 0, ELECTION, 2, CATALOGUE[ELECTION, 2])],
                }
            },
            "the catalogue is not to be relied on: version 2",
        ),
    ],
)
def test_what_stands_in_the_way_is_named(
    tmp_path: Path, log: type[FakeLog], monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], why: str
) -> None:
    for name, value in change.items():
        monkeypatch.setattr(log, name, value)
    with pytest.raises(CannotCommit, match=why):
        commit.run(SETTINGS, ELECTION, tmp_path / "leaves.bin", silent)


@pytest.mark.usefixtures("log")
def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotCommit, match=r"leaves\.bin cannot be written: No such file"):
        commit.run(SETTINGS, ELECTION, tmp_path / "none" / "leaves.bin", silent)
