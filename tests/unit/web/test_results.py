"""Live results: the page, its stream, and one stream of the voting API for all who look."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

import httpx
import pytest

from web.failures import Refused, TryLater, Unanswered
from web.live_results import Events, LiveResults
from web.settings import Settings
from web.timeline import HEIGHT, POINTS_MOST, WIDTH, Point, extended, line
from web.voting_api import Results, VotingApi

from .conftest import ELECTION, Api, Browser, election_document, problem

RESULTS = f"/elections/{ELECTION}/results"


def results(total: int) -> Results:
    return Results({"alice": total}, total, datetime(2026, 1, 1, tzinfo=UTC), "open")


class Source(VotingApi):
    """A voting API whose streams the test feeds. What is put is a result, or an exception that the stream ends with."""

    def __init__(self) -> None:
        self.opened = 0
        self.closed = 0
        self.feed: asyncio.Queue[Results | Exception] = asyncio.Queue()

    async def results(self, election_id: str) -> Results:  # noqa: ARG002
        return results(1)

    async def follow(self, election_id: str) -> AsyncGenerator[Results, None]:  # noqa: ARG002
        self.opened += 1
        try:
            while True:
                event = await self.feed.get()
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.closed += 1


@pytest.fixture
def source() -> Source:
    return Source()


async def total_of(events: Events) -> int | None:
    """The total that the next event tells; ``None`` for a comment."""
    async with asyncio.timeout(5):
        event = (await anext(events)).decode()
    return None if event.startswith(":") else int(json.loads(event.partition("data: ")[2])["total"])


async def test_the_page_has_a_real_table_and_a_picture_without_inline_style(browser: Browser) -> None:
    page = (await browser.get(RESULTS)).text

    assert "<caption>Votes for each candidate</caption>" in page
    assert '<td class="figure" data-votes="3">3</td>' in page
    assert "75.0%" in page
    assert 'width="75.00%"' in page
    assert "style=" not in page
    assert "<script>" not in page


async def test_candidates_stay_in_the_order_of_the_ballot(browser: Browser, api: Api) -> None:
    names = [{"candidateId": "bob", "name": "Zoe"}, {"candidateId": "alice", "name": "Adam"}]
    api.elections[ELECTION] = election_document(candidates=names)

    page = (await browser.get(RESULTS)).text

    assert page.index("Zoe") < page.index("Adam")


async def test_hidden_results_are_not_asked_for(browser: Browser, api: Api) -> None:
    api.elections[ELECTION] = election_document(resultsVisibility="after_publication")

    assert "No results yet" in (await browser.get(RESULTS)).text
    assert all("/votes/" not in request.url.path for request in api.requests)


async def test_the_stream_gives_the_results_and_no_more(browser: Browser, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = api.handle

    def hides_them(request: httpx.Request) -> httpx.Response:
        return problem("results-hidden", 403) if request.url.path.endswith("/stream") else handle(request)

    monkeypatch.setattr(api, "handle", hides_them)  # which ends the stream after its first event
    answer = await browser.get(f"{RESULTS}/stream")

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    retry, event, end = answer.text.split("\n\n")
    assert (retry, end) == ("retry: 3000", "")
    assert event.startswith("event: results\ndata: ")
    data = json.loads(event.partition("data: ")[2])
    assert data.keys() == {"at", "counts", "total", "status"}
    assert (data["counts"], data["total"]) == ({"alice": 3, "bob": 1}, 4)


async def test_many_listeners_share_one_stream_of_the_api(source: Source) -> None:
    live = LiveResults(source, listeners_limit=10)
    listeners = [await live.follow(ELECTION) for _ in range(5)]
    assert [await total_of(listener) for listener in listeners] == [1] * 5
    await source.feed.put(results(2))
    assert [await total_of(listener) for listener in listeners] == [2] * 5
    assert source.opened == 1
    for listener in listeners:
        await listener.aclose()
    await asyncio.sleep(0)

    assert source.closed == 1, "nobody looks any more, so nothing is asked"
    assert [point.total for point in live.history(ELECTION)] == [1, 2]


async def test_a_stream_that_breaks_is_opened_again(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.live_results.RECONNECT_SECONDS", 0.0)
    live = LiveResults(source, listeners_limit=10)
    async with aclosing(await live.follow(ELECTION)) as listener:
        await total_of(listener)
        await source.feed.put(Unanswered("broken"))
        await source.feed.put(results(7))
        assert await total_of(listener) == 7
        assert source.opened == 2


async def test_results_that_become_hidden_end_the_streams(source: Source) -> None:
    live = LiveResults(source, listeners_limit=10)
    listener = await live.follow(ELECTION)
    await total_of(listener)
    await source.feed.put(Refused("results-hidden"))

    with pytest.raises(StopAsyncIteration):
        await total_of(listener)


async def test_no_more_listen_than_may(source: Source) -> None:
    live = LiveResults(source, listeners_limit=1)
    async with aclosing(await live.follow(ELECTION)) as listener:
        await total_of(listener)
        with pytest.raises(TryLater):
            await live.follow(ELECTION)
    async with aclosing(await live.follow(ELECTION)) as listener:
        assert await total_of(listener) == 1


async def test_a_silent_stream_says_that_it_is_there(source: Source) -> None:
    live = LiveResults(source, listeners_limit=1, heartbeat_seconds=0.01)
    async with aclosing(await live.follow(ELECTION)) as listener:
        assert [await total_of(listener), await total_of(listener)] == [1, None]


async def test_stopping_ends_all_streams_and_takes_no_more(source: Source) -> None:
    live = LiveResults(source, listeners_limit=10)
    listener = await live.follow(ELECTION)
    await total_of(listener)
    live.stop()

    with pytest.raises(StopAsyncIteration):
        await total_of(listener)
    with pytest.raises(TryLater):
        await live.follow(ELECTION)


async def test_events_of_the_api_are_read(settings: Settings, api: Api) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(api.handle)) as client:
        events = [event async for event in VotingApi(settings, client).follow(ELECTION)]

    assert [event.total for event in events] == [4]


async def test_a_refused_stream_is_a_refusal(settings: Settings) -> None:
    transport = httpx.MockTransport(lambda _: problem("results-hidden", 403))
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(Refused):
            await anext(VotingApi(settings, client).follow(ELECTION))


def test_the_line_goes_from_the_first_count_to_the_last() -> None:
    assert line([Point(0, 5)]) == ""
    assert line([Point(1000, 5), Point(2000, 10), Point(3000, 15)]) == f"M0.0 {HEIGHT:.1f} L{WIDTH / 2:.1f} 80.0 L{WIDTH:.1f} 0.0"
    assert line([Point(1000, 5), Point(1000, 5)]) == f"M0.0 {HEIGHT:.1f} L0.0 {HEIGHT:.1f}"


def test_points_stay_few_and_keep_both_ends() -> None:
    points: tuple[Point, ...] = ()
    for second in range(1000):
        points = extended(points, Point(second * 2000, second))

    assert points[0] == Point(0, 0)
    assert points[-1] == Point(999 * 2000, 999)
    assert len(points) <= POINTS_MOST
    assert [point.at_ms for point in points] == sorted(point.at_ms for point in points)


def test_points_close_to_each_other_are_one() -> None:
    points = extended(extended(extended((), Point(0, 0)), Point(5000, 1)), Point(5200, 2))
    assert points == (Point(0, 0), Point(5000, 1), Point(5200, 2))
    assert extended(points, Point(5400, 3)) == (Point(0, 0), Point(5000, 1), Point(5400, 3))
