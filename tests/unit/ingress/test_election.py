from datetime import timedelta

import pytest

from ingress.election import require_admission, require_candidate
from ingress.problems import (
    ELECTION_NOT_OPEN,
    NOT_ELIGIBLE,
    SECOND_FACTOR_REQUIRED,
    UNKNOWN_CANDIDATE,
    WRONG_JURISDICTION,
    Problem,
    ProblemType,
)
from ingress.voter import Voter
from tests.unit.ingress.factories import CLOSES, NOW_MS, OPENS, election


def voter(*, eligible: bool = True, jurisdiction: str | None = None, aal: str = "aal1") -> Voter:
    return Voter("voter-1", frozenset({"vote:cast"}), eligible, jurisdiction, aal)


def test_an_eligible_voter_of_the_jurisdiction_may_vote_while_it_is_open() -> None:
    require_admission(election(jurisdictions=("be", "nl")), voter(jurisdiction="nl"), NOW_MS)
    require_admission(election(), voter(jurisdiction="de"), NOW_MS)
    require_admission(election(required_aal="aal2"), voter(aal="aal2"), NOW_MS)


@pytest.mark.parametrize(
    ("changes", "who", "kind"),
    [
        ({}, voter(eligible=False), NOT_ELIGIBLE),
        ({"jurisdictions": ("be",)}, voter(), WRONG_JURISDICTION),
        ({"jurisdictions": ("be",)}, voter(jurisdiction="nl"), WRONG_JURISDICTION),
        ({"status": "draft"}, voter(), ELECTION_NOT_OPEN),
        ({"status": "closed"}, voter(), ELECTION_NOT_OPEN),
        ({"status": "published"}, voter(), ELECTION_NOT_OPEN),
        ({"opens_at": CLOSES - timedelta(seconds=1)}, voter(), ELECTION_NOT_OPEN),
        ({"closes_at": OPENS + timedelta(seconds=1)}, voter(), ELECTION_NOT_OPEN),
        ({"required_aal": "aal2"}, voter(aal="aal1"), SECOND_FACTOR_REQUIRED),
        ({"required_aal": "aal2"}, voter(aal=""), SECOND_FACTOR_REQUIRED),
        # of several reasons the first in the order of the contract
        ({"status": "closed", "jurisdictions": ("be",)}, voter(eligible=False), NOT_ELIGIBLE),
        ({"status": "closed", "jurisdictions": ("be",)}, voter(), WRONG_JURISDICTION),
        ({"status": "closed", "required_aal": "aal2"}, voter(), ELECTION_NOT_OPEN),
    ],
)
def test_who_may_not_vote_is_told_why(changes: dict[str, object], who: Voter, kind: ProblemType) -> None:
    with pytest.raises(Problem) as refused:
        require_admission(election(**changes), who, NOW_MS)
    assert refused.value.kind is kind


def test_the_first_instant_is_in_time_and_the_last_one_is_not() -> None:
    opens_ms, closes_ms = round(OPENS.timestamp() * 1000), round(CLOSES.timestamp() * 1000)
    assert not election().takes_votes_at(opens_ms - 1)
    assert election().takes_votes_at(opens_ms)
    assert election().takes_votes_at(closes_ms - 1)
    assert not election().takes_votes_at(closes_ms)


def test_parts_of_a_millisecond_are_rounded_against_the_vote() -> None:
    finer = election(opens_at=OPENS + timedelta(microseconds=400), closes_at=CLOSES + timedelta(microseconds=400))
    opens_ms, closes_ms = round(OPENS.timestamp() * 1000), round(CLOSES.timestamp() * 1000)
    assert not finer.takes_votes_at(opens_ms)
    assert not finer.takes_votes_at(closes_ms)


def test_a_candidate_must_be_on_the_ballot() -> None:
    require_candidate(election(), "carol")
    with pytest.raises(Problem) as refused:
        require_candidate(election(), "dave")
    assert refused.value.kind is UNKNOWN_CANDIDATE


@pytest.mark.parametrize(
    ("visibility", "status", "shown"),
    [
        ("live", "open", True),
        ("after_publication", "open", False),
        ("after_publication", "sealed", False),
        ("after_publication", "published", True),
    ],
)
def test_results_are_shown_live_or_after_publication(visibility: str, status: str, shown: bool) -> None:
    assert election(results_visibility=visibility, status=status).results_shown is shown
