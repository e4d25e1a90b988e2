"""The live results of an election as a page, and as events for the page's script."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from web import timeline
from web.live_results import Events, LiveResults
from web.pages import Pages
from web.voting_api import Election, Results, VotingApi

RETRY_MILLISECONDS = 3000


class ResultsPages:
    """``/elections/{election_id}/results``, readable by everybody."""

    def __init__(self, pages: Pages, api: VotingApi, live: LiveResults) -> None:
        self._pages = pages
        self._api = api
        self._live = live

    def routes(self) -> list[Route]:
        stream = Route("/elections/{election_id}/results/stream", self.stream)
        stream.methods = {"GET"}  # HEAD would open a stream for nothing
        return [Route("/elections/{election_id}/results", self.page), stream]

    async def page(self, request: Request) -> Response:
        visit = await self._pages.visit(request, lenient=True)
        election = await self._api.election(request.path_params["election_id"])
        if not election.results_shown:
            return self._pages.show(visit, "results_hidden.html", election=election)
        results = await self._live.now(election.election_id)
        history = self._live.history(election.election_id)
        return self._pages.show(
            visit,
            "results.html",
            election=election,
            results=results,
            rows=rows_of(election, results),
            points=history,
            points_json=json.dumps([[point.at_ms, point.total] for point in history]),
            line=timeline.line(history),
            moves=election.status == "open",
        )

    async def stream(self, request: Request) -> Response:
        """Server-sent events named ``results``."""
        events = await self._live.follow(request.path_params["election_id"])
        return StreamingResponse(_written(events), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def rows_of(election: Election, results: Results) -> list[dict[str, Any]]:
    """One row for each candidate, in the order of the ballot, so that rows do not jump while votes come in."""
    return [
        {
            "id": candidate.candidate_id,
            "name": candidate.name,
            "votes": results.counts.get(candidate.candidate_id, 0),
            "share": results.counts.get(candidate.candidate_id, 0) / results.total if results.total else 0.0,
        }
        for candidate in election.candidates
    ]


async def _written(events: Events) -> AsyncIterator[bytes]:
    yield b"retry: %d\n\n" % RETRY_MILLISECONDS
    # Closed by name: what listens for a browser that has gone must not wait for the garbage collector.
    async with aclosing(events):
        async for event in events:
            yield event
