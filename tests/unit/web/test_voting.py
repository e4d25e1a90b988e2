"""From the ballot to the receipt, on every way that a voter, a network or somebody else may take."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pytest

from .conftest import ELECTION, SOMEBODY_ELSE, VOTER, WEB, Api, Browser, Hydra, election_document, location_query, problem
from .in_memory import MemoryStore

BALLOT = f"/elections/{ELECTION}"
CHOICE, REVIEW, VOTE = f"{BALLOT}/choice", f"{BALLOT}/review", f"{BALLOT}/vote"
ANSWER, RECEIPT, MY_VOTE = f"{BALLOT}/answer", f"{BALLOT}/receipt", f"{BALLOT}/my-vote"


async def test_a_voter_chooses_signs_in_checks_casts_and_gets_the_receipt(browser: Browser, api: Api) -> None:
    review = await browser.choose("bob")
    assert "Bob &lt;b&gt;" in review.text
    assert api.casts == [], "nothing is cast before the button is pressed"

    answer = await browser.cast()

    assert (answer.status_code, answer.headers["location"]) == (303, RECEIPT)
    assert api.casts == ["bob"]
    receipt = api.votes[VOTER, ELECTION][1]
    page = await browser.follow()
    assert "Your vote is in" in page.text
    assert receipt["voteId"] in page.text
    assert "Counted" in page.text
    assert "Bob" not in page.text, "no page shows the choice once it is cast"


async def test_the_receipt_can_be_saved_as_the_api_gave_it(browser: Browser, api: Api) -> None:
    await browser.choose()
    await browser.cast()

    answer = await browser.get(f"{RECEIPT}.json")

    assert answer.json() == api.votes[VOTER, ELECTION][1]
    assert answer.headers["content-disposition"] == f'attachment; filename="receipt-{ELECTION}.json"'
    assert answer.headers["cache-control"] == "no-store"


async def test_a_second_vote_is_refused_with_the_receipt_of_the_first(new_browser: Callable[[], Browser], api: Api) -> None:
    first, second = new_browser(), new_browser()
    await second.choose("bob")
    await first.choose("alice")
    await first.cast()

    answer = await second.cast()

    assert answer.headers["location"] == f"{RECEIPT}?voted=before"
    page = await second.follow()
    assert "You have already voted" in page.text
    assert api.votes[VOTER, ELECTION][1]["voteId"] in page.text
    assert api.votes[VOTER, ELECTION][0] == "alice"


async def test_pressing_twice_in_a_browser_that_comes_second_is_told_twice(new_browser: Callable[[], Browser]) -> None:
    first, second = new_browser(), new_browser()
    review = await second.choose("bob")
    await first.choose("alice")
    await first.cast()

    for _ in range(2):
        second.page = review
        assert (await second.cast()).headers["location"] == f"{RECEIPT}?voted=before"


async def test_who_has_voted_sees_no_ballot_again(browser: Browser) -> None:
    await browser.choose()
    await browser.cast()

    assert "You have already voted" in (await browser.get(BALLOT)).text
    assert (await browser.get(REVIEW)).headers["location"] == f"{RECEIPT}?voted=before"


async def test_pressing_the_button_twice_casts_once_and_is_not_called_a_second_vote(browser: Browser, api: Api) -> None:
    review = await browser.choose()
    await browser.cast()
    browser.page = review

    again = await browser.cast()

    assert again.headers["location"] == RECEIPT
    assert len(api.votes) == 1


async def test_two_tabs_each_cast_what_they_show_and_the_later_one_is_told(browser: Browser, api: Api) -> None:
    alice = await browser.choose("alice")
    bob = await browser.choose("bob")
    browser.page = alice
    await browser.cast()
    browser.page = bob

    answer = await browser.cast()

    assert api.casts == ["alice", "bob"]
    assert api.votes[VOTER, ELECTION][0] == "alice"
    assert answer.headers["location"] == f"{RECEIPT}?voted=before"


async def test_a_ballot_without_a_mark_is_given_back(browser: Browser) -> None:
    await browser.get(BALLOT)
    answer = await browser.submit(CHOICE)
    assert answer.headers["location"] == f"{BALLOT}?chosen=nothing"

    assert "Choose one name on the ballot" in (await browser.follow()).text


async def test_going_back_to_the_ballot_shows_the_choice_and_it_can_be_changed(browser: Browser, api: Api) -> None:
    await browser.choose("alice")
    page = await browser.get(BALLOT)
    assert re.search(r'value="alice" checked', page.text)
    await browser.submit(CHOICE, candidate="bob")
    await browser.follow()
    await browser.cast()

    assert api.casts == ["bob"]


async def test_a_candidate_who_is_not_on_the_ballot_cannot_be_chosen(browser: Browser, api: Api) -> None:
    await browser.get(BALLOT)
    answer = await browser.submit(CHOICE, candidate="mallory")

    assert answer.headers["location"] == f"{BALLOT}?chosen=nothing"
    assert (await browser.get(REVIEW)).status_code == 303
    assert api.casts == []


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (problem("not-eligible", 403), "You cannot vote with this account"),
        (problem("wrong-jurisdiction", 403), "This election is for another area"),
        (problem("election-not-open", 403, opensAt="2000-01-01T00:00:00Z"), "This election is closed"),
        (problem("election-not-open", 403, opensAt="2100-01-01T00:00:00Z"), "This election is not open yet"),
        (problem("second-factor-required", 403), "This election needs a safer sign-in"),
        (problem("challenge-required", 403), "check first that you are a person"),
        (problem("blocked", 403), "This request was stopped"),
        (problem("unknown-candidate", 422), "The ballot has changed"),
        (problem("unknown-election", 404), "There is no such election"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_each_refusal_is_said_in_plain_words(browser: Browser, api: Api, refusal: httpx.Response, text: str) -> None:
    await browser.choose()
    api.refuses = refusal

    answer = await browser.cast()

    assert answer.headers["location"] == ANSWER
    page = await browser.follow()
    assert text in page.text
    assert page.status_code in {403, 404, 409}
    assert "urn:" not in page.text


async def test_an_election_that_needs_a_second_factor_leads_there_and_back_to_the_choice(
    browser: Browser, api: Api, hydra: Hydra
) -> None:
    await browser.choose("bob")
    api.refuses = problem("second-factor-required", 403)
    await browser.cast()
    page = await browser.follow()
    link = re.search(r'href="(/sign-in/second-factor[^"]*)"', page.text)
    assert link is not None
    api.refuses = None

    await browser.get(unescape(link[1]))
    assert location_query(browser.page)["acr_values"] == "aal2"
    await browser.get(hydra.authorize(browser.page.headers["location"]))
    assert "Bob" in (await browser.follow()).text
    await browser.cast()
    assert api.votes[VOTER, ELECTION][0] == "bob"


async def test_a_refusal_is_shown_to_nobody_else(new_browser: Callable[[], Browser], api: Api) -> None:
    """No address that somebody sends around tells a voter that they may not vote."""
    refused, other = new_browser(), new_browser()
    await refused.choose()
    api.refuses = problem("not-eligible", 403)
    await refused.cast()

    await other.sign_in(SOMEBODY_ELSE)
    assert (await other.get(ANSWER)).headers["location"] == BALLOT


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (problem("log-unavailable", 503, {"Retry-After": "7"}), "Your vote is not confirmed yet"),
        (problem("outcome-undecided", 503, {"Retry-After": "7"}), "Your vote is not confirmed yet"),
        (problem("rate-limited", 429, {"Retry-After": "7"}), "There were too many tries"),
        (httpx.Response(429, text="slow down", headers={"Retry-After": "7"}), "There were too many tries"),
    ],
    ids=["log", "outcome", "rate", "gateway"],
)
async def test_what_can_be_tried_again_keeps_the_choice_and_the_attempt(
    browser: Browser, api: Api, refusal: httpx.Response, text: str
) -> None:
    await browser.choose("bob")
    attempt = browser.fields(VOTE)["attempt"]
    api.refuses = refusal

    assert (await browser.cast()).headers["location"] == REVIEW
    page = await browser.follow()

    assert text in page.text
    assert "Please wait 7 seconds" in page.text
    assert browser.fields(VOTE)["attempt"] == attempt
    api.refuses = None
    assert (await browser.cast()).headers["location"] == RECEIPT
    assert api.casts == ["bob", "bob"]


@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(502, text="<html>"), httpx.Response(202, text="no JSON")])
async def test_an_answer_that_says_nothing_leaves_the_vote_unconfirmed(
    browser: Browser, api: Api, answer: httpx.Response
) -> None:
    await browser.choose()
    api.refuses = answer
    await browser.cast()

    assert "Your vote is not confirmed yet" in (await browser.follow()).text


async def test_a_vote_whose_answer_was_lost_ends_with_its_receipt(
    browser: Browser, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.choose()
    took = api._cast

    def takes_it_and_breaks(request: httpx.Request) -> httpx.Response:
        took(request)
        raise httpx.ReadTimeout("the answer is lost")

    monkeypatch.setattr(api, "_cast", takes_it_and_breaks)
    assert (await browser.cast()).headers["location"] == REVIEW
    monkeypatch.setattr(api, "_cast", took)

    assert (await browser.follow()).headers["location"] == f"{RECEIPT}?voted=before"
    assert api.votes[VOTER, ELECTION][1]["voteId"] in (await browser.get(RECEIPT)).text


async def test_the_same_attempt_again_after_a_lost_answer_is_not_called_a_second_vote(
    browser: Browser, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = await browser.choose()
    took = api._cast

    def takes_it_and_breaks(request: httpx.Request) -> httpx.Response:
        took(request)
        raise httpx.ReadTimeout("the answer is lost")

    monkeypatch.setattr(api, "_cast", takes_it_and_breaks)
    await browser.cast()
    monkeypatch.setattr(api, "_cast", took)
    browser.page = review

    assert (await browser.cast()).headers["location"] == RECEIPT


async def test_another_choice_after_an_attempt_that_got_in_is_told_that_the_first_counts(
    browser: Browser, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.choose("alice")
    took = api._cast

    def takes_it_and_breaks(request: httpx.Request) -> httpx.Response:
        took(request)
        raise httpx.ReadTimeout("the answer is lost")

    monkeypatch.setattr(api, "_cast", takes_it_and_breaks)
    api.forgets_status = True
    await browser.cast()
    monkeypatch.setattr(api, "_cast", took)
    await browser.get(BALLOT)
    await browser.submit(CHOICE, candidate="bob")
    await browser.follow()

    assert (await browser.cast()).headers["location"] == f"{RECEIPT}?voted=before"


async def test_the_choice_survives_a_session_that_ends_while_voting(browser: Browser, hydra: Hydra, api: Api) -> None:
    hydra.life_seconds = 15  # less than a call may need: as good as over
    await browser.get(BALLOT)
    await browser.submit(CHOICE, candidate="bob")
    hydra.life_seconds = 900
    await browser.follow()
    await browser.follow()
    await browser.get(hydra.authorize(browser.page.headers["location"]))
    review = await browser.follow()
    assert "Bob" in review.text

    # The session is lost; the page that shows the choice is still open.
    browser.client.cookies.delete("voting")
    lost = await browser.cast()
    assert lost.status_code == 403
    assert "This page was out of date" in lost.text
    assert api.casts == []


async def test_a_token_that_has_run_out_leads_through_sign_in_back_to_the_review(
    browser: Browser, hydra: Hydra, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = await browser.choose("bob")
    monkeypatch.setattr("web.visit.TOKEN_MARGIN_SECONDS", 10_000)
    answer = await browser.cast()
    monkeypatch.setattr("web.visit.TOKEN_MARGIN_SECONDS", 20)

    assert answer.headers["location"] == f"/sign-in?next=%2Felections%2F{ELECTION}%2Freview"
    assert api.casts == [], "a sign-in on the way must not cast by itself"
    await browser.follow()
    await browser.get(hydra.authorize(browser.page.headers["location"]))
    page = await browser.follow()
    assert "Bob" in page.text
    assert browser.fields(VOTE)["form_token"] != re.search(r'name="form_token" value="([^"]*)"', review.text)[1]  # type: ignore[index]
    await browser.cast()
    assert api.casts == ["bob"]


async def test_a_voter_whose_token_is_refused_is_not_sent_round_in_circles(browser: Browser, api: Api) -> None:
    await browser.choose()
    api.takes_tokens = False

    answer = await browser.cast()

    assert answer.status_code == 403
    assert "does not accept your sign-in" in answer.text
    assert (await browser.get(MY_VOTE)).status_code == 403


async def test_a_choice_is_not_shown_to_another_voter_at_the_same_device(browser: Browser) -> None:
    await browser.choose("bob")

    await browser.sign_in(SOMEBODY_ELSE)

    assert (await browser.get(REVIEW)).headers["location"] == BALLOT
    assert "checked" not in (await browser.get(BALLOT)).text


async def test_a_receipt_is_not_shown_to_another_voter_at_the_same_device(browser: Browser, api: Api) -> None:
    await browser.choose()
    await browser.cast()
    await browser.sign_in(SOMEBODY_ELSE)

    page = await browser.get(RECEIPT)

    assert api.votes[VOTER, ELECTION][1]["voteId"] not in page.text
    assert "You have not voted yet" in page.text


async def test_the_receipt_is_shown_while_the_api_cannot_say_anything(browser: Browser, api: Api) -> None:
    await browser.choose()
    await browser.cast()
    api.forgets_status = True

    page = await browser.get(RECEIPT)

    assert page.status_code == 200
    assert api.votes[VOTER, ELECTION][1]["voteId"] in page.text
    assert "Cannot be told at the moment" in page.text


async def test_where_the_api_names_another_vote_that_one_is_shown(browser: Browser, api: Api) -> None:
    await browser.choose()
    await browser.cast()
    api.votes[VOTER, ELECTION] = ("alice", {"voteId": "the-one-that-counts", "castAt": "2026-01-01T00:00:00Z"})

    assert "the-one-that-counts" in (await browser.get(RECEIPT)).text


async def test_the_receipt_comes_even_if_it_could_not_be_kept(
    browser: Browser, api: Api, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.choose()
    took = api._cast

    def takes_it_while_the_store_goes_away(request: httpx.Request) -> httpx.Response:
        store.away = True
        return took(request)

    monkeypatch.setattr(api, "_cast", takes_it_while_the_store_goes_away)
    answer = await browser.cast()
    store.away = False

    assert answer.headers["location"] == RECEIPT
    assert api.votes[VOTER, ELECTION][1]["voteId"] in (await browser.follow()).text


async def test_trouble_is_told_even_if_it_could_not_be_kept(
    browser: Browser, api: Api, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.choose("bob")

    def breaks_with_the_store(_: httpx.Request) -> httpx.Response:
        store.away = True
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(api, "_cast", breaks_with_the_store)
    page = await browser.cast()

    assert "Your vote is not confirmed yet" in page.text
    assert "Bob" in page.text


async def test_the_session_store_being_away_is_told_and_public_pages_stay(browser: Browser, store: MemoryStore) -> None:
    await browser.choose()
    store.away = True

    assert (await browser.get(REVIEW)).status_code == 503
    assert (await browser.get("/")).status_code == 200
    assert (await browser.get(f"{BALLOT}/results")).status_code == 200


async def test_the_voting_api_being_away_is_told(browser: Browser, api: Api) -> None:
    api.breaks = True

    answer = await browser.get("/")

    assert answer.status_code == 503
    assert "Please try again in a moment" in answer.text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"opensAt": "2100-01-01T00:00:00Z"}, "This election is not open yet"),
        ({"closesAt": "2025-02-01T00:00:00Z"}, "This election is closed"),
        ({"status": "sealed"}, "This election is closed"),
    ],
)
async def test_an_election_that_takes_no_votes_shows_no_ballot(
    browser: Browser, api: Api, changes: dict[str, Any], text: str
) -> None:
    api.elections[ELECTION] = election_document(**changes)

    page = await browser.get(BALLOT)

    assert text in page.text
    assert CHOICE not in page.text


@pytest.mark.parametrize("election_id", ["unknown", "Not-An-Id", "%2e%2e", "x%3fy", "a%23b", "a%0ab"])
async def test_an_election_that_there_is_not_is_told_and_no_address_of_the_api_is_made_of_it(
    browser: Browser, api: Api, election_id: str
) -> None:
    answer = await browser.get(f"/elections/{election_id}")

    assert answer.status_code == 404
    assert all(request.url.path.startswith("/elections/unknown") for request in api.requests)


@pytest.mark.parametrize("path", [REVIEW, RECEIPT, f"{RECEIPT}.json", MY_VOTE])
async def test_own_pages_ask_to_sign_in_first(browser: Browser, path: str) -> None:
    answer = await browser.get(path)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=")


FORMS = {CHOICE: {"candidate": "alice"}, VOTE: {"candidate": "alice"}, "/sign-out": {}}


@pytest.mark.parametrize("action", FORMS)
@pytest.mark.parametrize(
    "attack", ["no token", "foreign token", "foreign origin", "null origin", "no cookie", "json", "too large", "get"]
)
async def test_no_other_site_can_send_a_form(new_browser: Callable[[], Browser], api: Api, action: str, attack: str) -> None:
    """CSRF, on each form."""
    victim, attacker = new_browser(), new_browser()
    await victim.choose()
    page_of_form = {CHOICE: BALLOT, VOTE: REVIEW, "/sign-out": "/"}[action]
    await victim.get(page_of_form)
    fields = {**victim.fields(action), **FORMS[action]}
    await attacker.get(BALLOT)
    headers = {"Origin": WEB, "Content-Type": "application/x-www-form-urlencoded"}
    match attack:
        case "no token":
            del fields["form_token"]
        case "foreign token":
            fields["form_token"] = attacker.fields(CHOICE)["form_token"]
        case "foreign origin":
            headers["Origin"] = "http://localhost:4455"
        case "null origin":
            headers["Origin"] = "null"
        case "no cookie":
            victim.client.cookies.clear()
        case "too large":
            fields["filling"] = "x" * 9000
    if attack == "json":
        answer = await victim.client.post(action, json=fields, headers={"Origin": WEB})
    elif attack == "get":
        answer = await victim.client.get(action, params=fields)
    else:
        answer = await victim.client.post(action, data=fields, headers=headers)

    assert answer.status_code == (405 if attack == "get" else 400 if attack in {"json", "too large"} else 403)
    assert api.casts == []
    if attack != "no cookie":
        assert "You are signed in" in (await victim.get("/")).text


@pytest.mark.parametrize(
    "fields", [{"candidate": ""}, {"candidate": "A"}, {"candidate": "a\nb"}, {"attempt": ""}, {"attempt": "x" * 22 + "!"}]
)
async def test_a_vote_form_that_no_page_makes_casts_nothing(browser: Browser, api: Api, fields: dict[str, str]) -> None:
    await browser.choose()

    assert (await browser.cast(**fields)).status_code == 400
    assert api.casts == []


async def test_voter_and_choice_are_never_logged_together(browser: Browser, api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        await browser.choose("bob")
        api.refuses = problem("log-unavailable", 503)
        await browser.cast()
        api.refuses = None
        await browser.follow()
        await browser.cast()
        await browser.follow()

    own = [record for record in caplog.records if record.name.startswith("web")]
    assert own, "the trouble is logged"
    for record in own:
        assert VOTER not in record.getMessage()
        assert "bob" not in record.getMessage()
        assert json.dumps(api.votes[VOTER, ELECTION][1]["voteId"])[1:-1] not in record.getMessage()
