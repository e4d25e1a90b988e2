"""Conservation by exact cover while votes come in."""

from proof.cover import Balance, Cover, Interval, records_in, total

E, F = "election-2025-01", "other"
KEY, OTHER = b"election-2025-01:voter", b"other:voter"
ELECTIONS = {E, F}


def begun(committed: int = 0, start: int = 0) -> Cover:
    cover = Cover()
    cover.begin(0, start, committed)
    return cover


def test_a_vote_is_in_flight_until_dedup_has_noted_it_even_if_its_verdict_is_there() -> None:
    cover = begun()
    cover.cast(0, 0, KEY)
    cover.verdict(0, 0, KEY, "accepted")
    assert cover.balances(ELECTIONS) == {E: Balance(cast=1, in_flight=1)}
    cover.committed({0: 1})
    assert cover.balances(ELECTIONS) == {E: Balance(cast=1, accepted=1)}


def test_every_outcome_is_counted_by_itself_in_its_election() -> None:
    cover = begun()
    outcomes = ["accepted", "duplicate", "election_not_open", "dead_letter", "accepted"]
    for offset, outcome in enumerate(outcomes):
        key = OTHER if offset == 4 else KEY
        cover.cast(0, offset, key)
        cover.verdict(0, offset, key, outcome)
    cover.cast(0, 5, OTHER)
    cover.committed({0: 5})
    found = cover.balances(ELECTIONS)
    assert found[E] == Balance(4, 1, 1, found[E].rejected, 1, 0)
    assert dict(found[E].rejected) == {"election_not_open": 1}
    assert found[F] == Balance(cast=2, accepted=1, in_flight=1)
    assert total(found).is_exact
    assert all(balance.is_exact for balance in found.values())


def test_a_key_of_no_election_counts_as_unknown() -> None:
    cover = begun()
    for offset, key in enumerate([None, b"", b"\xff\xfe", b"not-in-the-catalogue:voter", b"UPPER:voter"]):
        cover.cast(0, offset, key)
        cover.verdict(0, offset, key, "dead_letter")
    cover.committed({0: 5})
    assert cover.balances(ELECTIONS) == {"unknown": Balance(cast=5, dead_letters=5)}


def test_an_election_that_is_learned_of_later_has_all_of_its_votes() -> None:
    cover = begun()
    cover.cast(0, 0, KEY)
    assert set(cover.balances(set())) == {"unknown"}
    assert set(cover.balances(ELECTIONS)) == {E}


def test_a_lost_record_is_a_gap_and_breaks_the_sum() -> None:
    cover = begun()
    for offset in range(4):
        cover.cast(0, offset, KEY)
        if offset != 2:
            cover.verdict(0, offset, KEY, "accepted")
    cover.committed({0: 4})
    assert cover.gaps({0: 4}) == [Interval(0, 2, 3)]
    assert cover.gaps({0: 2}) == []
    assert not cover.balances(ELECTIONS)[E].is_exact


def test_a_second_verdict_is_an_overlap_at_once_and_is_not_counted() -> None:
    cover = begun(committed=1)
    cover.cast(0, 0, KEY)
    cover.verdict(0, 0, KEY, "accepted")
    cover.verdict(0, 0, KEY, "duplicate")
    assert cover.overlapping == 1
    assert cover.take_overlaps() == ["votes-in 0@0 has a second verdict, duplicate"]
    assert cover.take_overlaps() == []
    assert cover.balances(ELECTIONS) == {E: Balance(cast=1, accepted=1)}


def test_a_verdict_without_a_record_is_invented() -> None:
    cover = begun()
    cover.cast(0, 0, KEY)
    cover.cast(0, 2, KEY)
    for offset in (0, 1, 2, 3, 7, 8):
        cover.verdict(0, offset, KEY, "accepted")
    cover.verdict(9, 0, KEY, "accepted")
    # Offset 3 was appended after the reader's last record; the log ends at 5.
    assert cover.invented({0: 5}) == [Interval(0, 1, 2), Interval(0, 7, 9)]
    assert cover.homeless == {9: 1}


def test_a_reader_from_nothing_behind_a_long_log_keeps_nothing_of_single_votes() -> None:
    cover = begun(committed=100_000)
    for offset in range(100_000):
        cover.cast(0, offset, KEY)
        cover.verdict(0, offset, KEY, "duplicate" if offset % 10 == 0 else "accepted")
    assert cover.runs() == 2
    assert cover.balances(ELECTIONS) == {E: Balance(cast=100_000, accepted=90_000, duplicates=10_000)}


def test_what_was_archived_is_not_missed() -> None:
    cover = begun(start=10, committed=12)
    cover.verdict(0, 3, KEY, "accepted")
    for offset in (10, 11):
        cover.cast(0, offset, KEY)
        cover.verdict(0, offset, KEY, "accepted")
    assert cover.gaps({0: 12}) == []
    assert cover.invented({0: 12}) == []
    assert cover.balances(ELECTIONS) == {E: Balance(cast=2, accepted=2)}


def test_offsets_without_records_are_not_in_flight() -> None:
    cover = begun()
    cover.cast(0, 0, KEY)
    cover.cast(0, 3, KEY)
    assert cover.balances(ELECTIONS)[E].in_flight == 2
    cover.committed({0: 2})
    assert cover.balances(ELECTIONS)[E].in_flight == 1


def test_a_record_that_is_delivered_again_counts_once() -> None:
    cover = begun()
    cover.cast(0, 0, KEY)
    cover.cast(0, 0, KEY)
    assert cover.balances(ELECTIONS)[E].cast == 1


def test_progress_never_goes_back() -> None:
    cover = begun()
    cover.cast(0, 0, KEY)
    cover.verdict(0, 0, KEY, "accepted")
    cover.committed({0: 1})
    cover.committed({0: 0})
    assert cover.balances(ELECTIONS)[E].accepted == 1


def test_intervals_say_where_they_are() -> None:
    assert str(Interval(3, 7, 8)) == "votes-in 3@7"
    assert str(Interval(3, 7, 10)) == "votes-in 3@7–9"
    assert records_in([Interval(0, 1, 4), Interval(1, 0, 1)]) == 4
