"""The first page with the elections, how voting works, and the switch of languages."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from web.failures import Refused
from web.messages import LANGUAGES
from web.pages import Pages
from web.visit import LANGUAGE_COOKIE_SECONDS, cookie_name, drop_cookie, own_page, set_cookie
from web.voting_api import Election, VotingApi

_ORDER = ("open", "upcoming", "closed")
_NOTES = frozenset({"signed-out", "signed-out-here"})


class Home:
    """Pages for everybody, signed in or not."""

    def __init__(self, pages: Pages, api: VotingApi) -> None:
        self._pages = pages
        self._api = api

    def routes(self) -> list[Route]:
        return [
            Route("/", self.elections),
            Route("/how-it-works", self.how_it_works),
            Route("/language/{language}", self.switch_language),
        ]

    async def elections(self, request: Request) -> Response:
        visit = await self._pages.visit(request, lenient=True)
        now = datetime.now(UTC)
        elections = sorted(await self._api.elections(), key=lambda election: _rank(election, now))
        note = request.cookies.get(cookie_name(self._pages.settings, "voting-note"))
        page = self._pages.show(
            visit,
            "home.html",
            elections=[(election, election.phase(now)) for election in elections],
            note=note if note in _NOTES and visit.session is None else None,
        )
        if note is not None:
            drop_cookie(self._pages.settings, page, "voting-note")
        return page

    async def how_it_works(self, request: Request) -> Response:
        visit = await self._pages.visit(request, lenient=True)
        return self._pages.show(visit, "how_it_works.html")

    async def switch_language(self, request: Request) -> Response:
        """``?to=`` is the page to show in the other language. A link will do: it changes what this browser reads and no more."""
        language = request.path_params["language"]
        if language not in LANGUAGES:
            raise Refused("not-found")
        response = RedirectResponse(own_page(request.query_params.get("to")), 303)
        set_cookie(self._pages.settings, response, "voting-language", language, LANGUAGE_COOKIE_SECONDS)
        return response


def _rank(election: Election, now: datetime) -> tuple[int, datetime, str]:
    return _ORDER.index(election.phase(now)), election.closes_at, election.election_id
