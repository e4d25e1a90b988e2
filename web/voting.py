"""From the ballot to the receipt: choose, check, cast, and what became of it.

A choice is never cast by anything but the button of the page that shows it: after a sign-in, or when something went wrong on the
way, the voter sees the choice again. Pressing the button twice, or again after an error, casts one vote (the voting API sees to
that), and each such attempt has an id of its own, so that a voter who is told "you have voted" is told so because of another one.

Every form leads to a page that is fetched, whatever came of it, so that going back and reloading send nothing again. What that
page says was kept for this browser: no address that somebody sends around can tell a voter that they may not vote.
"""

import json
import logging
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.ids import CANDIDATE_ID
from web.choices import Choices
from web.failures import Failure, Misunderstood, Refused, SignInFailed, SignInNeeded, TryLater, Unanswered, Unreadable
from web.pages import Pages
from web.sign_in import sign_in_path
from web.vault import Vault
from web.visit import SESSION_SECONDS, Session, Visit, own_page
from web.voting_api import Election, OwnVote, VotingApi

CAST = "cast"
ANSWER = "answer"
# A refusal or an error is still of interest when the voter comes back from looking something up.
ANSWER_SECONDS = 3600
# Whoever is refused this soon after signing in would be refused again: sending them to sign in would go round in circles.
FRESH_SIGN_IN_SECONDS = 60
_ATTEMPT_ID = re.compile(r"[A-Za-z0-9_-]{22}")
TOO_MANY = frozenset({"rate-limited", "429"})
_IS_IN = frozenset({"accepted", "counted", "rejected"})

log = logging.getLogger(__name__)


class Voting:
    """``/elections/{election_id}`` and the pages below it that are about the own vote."""

    def __init__(self, pages: Pages, vault: Vault, api: VotingApi, choices: Choices) -> None:
        self._pages = pages
        self._vault = vault
        self._api = api
        self._choices = choices

    def routes(self) -> list[Route]:
        one = "/elections/{election_id}"
        return [
            Route(one, self.ballot),
            Route(f"{one}/choice", self.choose, methods=["POST"]),
            Route(f"{one}/review", self.review),
            Route(f"{one}/vote", self.cast, methods=["POST"]),
            Route(f"{one}/answer", self.answer),
            Route(f"{one}/receipt", self.receipt),
            Route(f"{one}/receipt.json", self.receipt_file),
            Route(f"{one}/my-vote", self.my_vote),
        ]

    async def ballot(self, request: Request) -> Response:
        """Open to everybody: one signs in when the choice is made. Who has voted already is told so instead."""
        visit = await self._pages.visit(request, lenient=True)
        election = await self._election(request)
        if await self._has_voted(visit, election):
            return self._pages.show(visit, "voted.html", election=election)
        phase = election.phase(datetime.now(UTC))
        if phase != "open":
            return self._pages.show(visit, "not_open.html", election=election, phase=phase)
        # The query only chooses words.
        return await self._show_ballot(visit, election, nothing_chosen=request.query_params.get("chosen") == "nothing")

    async def choose(self, request: Request) -> Response:
        visit = await self._pages.visit(request)
        fields = await visit.form()
        election = await self._election(request)
        candidate = election.candidate(fields.get("candidate", ""))
        if candidate is None:
            return self._pages.go(visit, f"/elections/{election.election_id}?chosen=nothing")
        await self._choices.keep(visit.browser, election.election_id, candidate.candidate_id, visit.sub)
        await self._vault.forget(visit.browser, ANSWER, election.election_id)
        return self._pages.go(visit, f"/elections/{election.election_id}/review")

    async def review(self, request: Request) -> Response:
        visit = await self._pages.visit(request)
        voter = visit.voter()
        election = await self._election(request)
        if await self._has_voted(visit, election):
            return self._pages.go(visit, f"/elections/{election.election_id}/receipt?voted=before")
        choice = await self._choices.find(visit.browser, election.election_id)
        if choice is None or election.candidate(choice) is None:
            return self._pages.go(visit, f"/elections/{election.election_id}")
        await self._choices.keep(visit.browser, election.election_id, choice, voter.sub)
        answer = await self._vault.get(visit.browser, ANSWER, election.election_id)
        if answer is None or answer["sub"] != voter.sub or "trouble" not in answer:
            return self._show_review(visit, election, choice, secrets.token_urlsafe(16))
        return self._show_review(visit, election, choice, answer["attempt"], answer["trouble"], answer["wait_seconds"])

    async def cast(self, request: Request) -> Response:
        visit = await self._pages.visit(request)
        fields = await visit.form()
        election = await self._election(request)
        choice, attempt = fields.get("candidate", ""), fields.get("attempt", "")
        if not CANDIDATE_ID.fullmatch(choice) or not _ATTEMPT_ID.fullmatch(attempt):
            raise Unreadable("a vote without a choice or without an attempt's id")
        try:
            voter = visit.voter()
        except SignInNeeded:
            return await self._sign_in_first(visit, election, choice)
        try:
            return await self._cast(visit, voter, election, choice, attempt)
        except SignInNeeded:
            refuse_circles(visit)
            return await self._sign_in_first(visit, election, choice)
        except Refused as refused:
            return await self._show_refusal(visit, election, voter, refused)
        except (TryLater, Unanswered, Misunderstood) as trouble:
            log.warning("a vote was not answered: %s", trouble)
            return await self._show_trouble(visit, election, choice, attempt, trouble)

    async def _cast(self, visit: Visit, voter: Session, election: Election, choice: str, attempt: str) -> Response:
        election_id = election.election_id
        first = await self._vault.put_first(
            visit.browser, CAST, {"attempt": attempt, "sub": voter.sub, "receipt": None}, SESSION_SECONDS, election_id
        )
        try:
            receipt = await self._api.cast(election_id, choice, voter.sub, voter.access_token)
        except Refused as refused:
            if first is None:
                # Not taken, so not what a later refusal is about.
                await self._vault.forget(visit.browser, CAST, election_id)
            if refused.reason != "already-voted":
                raise
            ours = first is not None and (first["attempt"], first["sub"]) == (attempt, voter.sub)
            await self._forget_choice(visit, election_id)
            return self._pages.go(visit, f"/elections/{election_id}/receipt{'' if ours else '?voted=before'}")
        await self._keep_receipt(visit, voter, election_id, attempt, receipt)
        await self._forget_choice(visit, election_id)
        return self._pages.go(visit, f"/elections/{election_id}/receipt")

    async def _sign_in_first(self, visit: Visit, election: Election, choice: str) -> Response:
        """Nothing was cast. The choice waits until the voter is back."""
        await self._choices.keep(visit.browser, election.election_id, choice, visit.sub)
        return self._pages.go(visit, sign_in_path(f"/elections/{election.election_id}/review"))

    async def answer(self, request: Request) -> Response:
        """Why the voting API did not take this browser's vote."""
        visit = await self._pages.visit(request)
        election_id = request.path_params["election_id"]
        answer = await self._vault.get(visit.browser, ANSWER, election_id) if visit.known else None
        if answer is None or answer["sub"] != visit.sub or "reason" not in answer:
            return self._pages.go(visit, own_page(f"/elections/{election_id}"))
        raise Refused(answer["reason"], answer["members"])

    async def _show_refusal(self, visit: Visit, election: Election, voter: Session, refused: Refused) -> Response:
        answer = {"sub": voter.sub, "reason": refused.reason, "members": dict(refused.members)}
        try:
            await self._vault.put(visit.browser, ANSWER, answer, ANSWER_SECONDS, election.election_id)
        except Unanswered:
            raise refused from None
        return self._pages.go(visit, f"/elections/{election.election_id}/answer")

    async def _show_trouble(self, visit: Visit, election: Election, choice: str, attempt: str, trouble: Failure) -> Response:
        """The choice again, with what happened: kept for when the voter comes back or, if it cannot be, shown at once."""
        wait_seconds = trouble.retry_after_seconds if isinstance(trouble, TryLater) else None
        too_many = isinstance(trouble, TryLater) and trouble.reason in TOO_MANY
        name = "too-many" if too_many else "undecided"
        answer = {"sub": visit.sub, "trouble": name, "attempt": attempt, "wait_seconds": wait_seconds}
        try:
            await self._choices.keep(visit.browser, election.election_id, choice, visit.sub)
            await self._vault.put(visit.browser, ANSWER, answer, ANSWER_SECONDS, election.election_id)
        except Unanswered:
            return self._show_review(visit, election, choice, attempt, name, wait_seconds)
        return self._pages.go(visit, f"/elections/{election.election_id}/review")

    async def _keep_receipt(
        self, visit: Visit, voter: Session, election_id: str, attempt: str, receipt: Mapping[str, Any]
    ) -> None:
        content = {"attempt": attempt, "sub": voter.sub, "receipt": receipt}
        try:
            await self._vault.put(visit.browser, CAST, content, SESSION_SECONDS, election_id)
        except Unanswered:
            # The vote is in, and the voting API gives the receipt again: this must not look like a failure.
            log.warning("a receipt could not be kept")

    async def _forget_choice(self, visit: Visit, election_id: str) -> None:
        try:
            await self._choices.forget(visit.browser, election_id)
            await self._vault.forget(visit.browser, ANSWER, election_id)
        except Unanswered:
            log.warning("a choice that was cast could not be forgotten; it ends by itself")

    async def receipt(self, request: Request) -> Response:
        visit = await self._pages.visit(request)
        election, receipt, own = await self._receipt(request, visit)
        if receipt is None:
            return self._pages.show(visit, "my_vote.html", election=election, vote_status=own.status if own else "unknown")
        # The query only chooses words; what is shown comes from the voting API.
        before = request.query_params.get("voted") == "before"
        return self._pages.show(
            visit, "receipt.html", election=election, receipt=receipt, cast_at=_cast_at(receipt), own=own, before=before
        )

    async def receipt_file(self, request: Request) -> Response:
        """The receipt as a file, as the voting API gave it."""
        visit = await self._pages.visit(request)
        election, receipt, _ = await self._receipt(request, visit)
        if receipt is None:
            return self._pages.go(visit, f"/elections/{election.election_id}/my-vote")
        disposition = f'attachment; filename="receipt-{election.election_id}.json"'
        body = json.dumps(receipt, indent=2, ensure_ascii=False) + "\n"
        return Response(body, media_type="application/json", headers={"Content-Disposition": disposition})

    async def my_vote(self, request: Request) -> Response:
        visit = await self._pages.visit(request)
        voter = visit.voter()
        election = await self._election(request)
        own = await self._own_vote(visit, voter, election)
        return self._pages.show(visit, "my_vote.html", election=election, vote_status=own.status)

    async def _receipt(self, request: Request, visit: Visit) -> tuple[Election, Mapping[str, Any] | None, OwnVote | None]:
        """The receipt that counts, and the status if it can be told now.

        What came with the 202 is shown while the voting API cannot say; where the API names another vote, that one counts.
        """
        voter = visit.voter()
        election = await self._election(request)
        kept = await self._vault.get(visit.browser, CAST, election.election_id)
        receipt = kept["receipt"] if kept is not None and kept["sub"] == voter.sub else None
        try:
            own = await self._own_vote(visit, voter, election)
        except (TryLater, Unanswered, Misunderstood):
            if receipt is None:
                raise
            return election, receipt, None
        if own.receipt is not None and (receipt is None or receipt.get("voteId") != own.receipt.get("voteId")):
            receipt = own.receipt
        return election, receipt, own

    async def _own_vote(self, visit: Visit, voter: Session, election: Election) -> OwnVote:
        try:
            return await self._api.own_vote(election.election_id, voter.access_token)
        except SignInNeeded:
            refuse_circles(visit)
            raise

    async def _has_voted(self, visit: Visit, election: Election) -> bool:
        """Whether the voter who is signed in has a vote in. ``False`` also when that cannot be told: casting decides."""
        try:
            voter = visit.voter()
            return (await self._own_vote(visit, voter, election)).status in _IS_IN
        except (SignInNeeded, TryLater, Unanswered, Misunderstood):
            return False

    async def _election(self, request: Request) -> Election:
        return await self._api.election(request.path_params["election_id"])

    async def _show_ballot(self, visit: Visit, election: Election, *, nothing_chosen: bool = False) -> Response:
        choice = None
        if visit.known:
            try:
                choice = await self._choices.find(visit.browser, election.election_id)
            except Unanswered:
                log.warning("a former choice cannot be shown")
        return self._pages.show(
            visit,
            "ballot.html",
            election=election,
            choice=choice,
            nothing_chosen=nothing_chosen,
        )

    def _show_review(
        self,
        visit: Visit,
        election: Election,
        choice: str,
        attempt: str,
        trouble: str | None = None,
        wait_seconds: int | None = None,
    ) -> Response:
        candidate = election.candidate(choice)
        if candidate is None:
            raise Refused("unknown-candidate")
        return self._pages.show(
            visit,
            "review.html",
            election=election,
            candidate=candidate,
            attempt=attempt,
            trouble=trouble,
            wait_seconds=wait_seconds,
        )


def _cast_at(receipt: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(receipt["castAt"])
    except (KeyError, TypeError, ValueError):
        return None


def refuse_circles(visit: Visit) -> None:
    """Raise ``SignInFailed`` if the voter has just signed in: the voting API would not take the next token either."""
    if visit.session is not None and time.time() - visit.session.signed_in_at < FRESH_SIGN_IN_SECONDS:
        raise SignInFailed("not-accepted", "the voting API does not take a fresh token")
