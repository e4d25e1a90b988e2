import json
from typing import Any

import httpx
import pytest

from identity.consent import Refusal, check_subject, foreign_grant, grant
from identity.hydra_api import ConsentRequest
from identity.kratos_api import Identity

from .conftest import SOMEBODY_ELSE, VOTER, Ory, identity_document, session_of
from .in_memory import InMemoryAuditTrail, InMemoryRoll

REQUEST = "/admin/oauth2/auth/requests/consent"
PERSON = f"/admin/identities/{VOTER}"
BACK = "http://localhost:4444/oauth2/auth?consent_verifier=v"


def a_request(**changes: Any) -> ConsentRequest:
    values: dict[str, Any] = {
        "subject": VOTER,
        "client_id": "voter-app",
        "client_name": "Voting",
        "first_party": True,
        "scopes": ("openid", "vote:cast"),
        "context": {"aal": "aal1"},
    }
    return ConsentRequest(**{**values, **changes})


def consent_document(**changes: Any) -> dict[str, Any]:
    return {
        "subject": VOTER,
        "client": {"client_id": "voter-app", "skip_consent": True},
        "requested_scope": ["openid", "vote:cast"],
        "requested_access_token_audience": ["another-api"],
        "context": {"aal": "aal1"},
        **changes,
    }


def test_the_audience_is_the_voting_api_and_no_other() -> None:
    assert grant(a_request(), Identity.from_json(identity_document()))["grant_access_token_audience"] == ["voting-api"]


def test_a_client_that_is_not_ours_gets_at_most_who_the_voter_is() -> None:
    asked = a_request(first_party=False, scopes=("openid", "email", "vote:cast", "roles"))

    decision = foreign_grant(asked, Identity.from_json(identity_document()))

    assert decision["grant_scope"] == ["openid", "email"]
    assert decision["grant_access_token_audience"] == []
    assert decision["session"] == {
        "access_token": {},
        "id_token": {"email": "ada@example.org", "email_verified": True},
    }


@pytest.mark.parametrize("changes", [{"state": "inactive"}, {"id": SOMEBODY_ELSE}])
def test_no_tokens_about_an_identity_that_is_inactive_or_another(changes: dict[str, str]) -> None:
    with pytest.raises(Refusal, match="account"):
        check_subject(a_request(), Identity.from_json(identity_document(**changes)))


def test_no_tokens_about_an_identity_that_is_gone() -> None:
    with pytest.raises(Refusal, match="account"):
        check_subject(a_request(), None)


@pytest.mark.parametrize("skip_consent", [None, False, "true", 1])
def test_only_a_json_true_makes_a_client_first_party(skip_consent: object) -> None:
    client = {"client_id": "voter-app", "skip_consent": skip_consent}

    assert ConsentRequest.from_json(consent_document(client=client)).first_party is False


def asks(ory: Ory, document: dict[str, Any], session: dict[str, Any] | None = None) -> None:
    ory.answers("GET", REQUEST, document)
    ory.answers("GET", "/sessions/whoami", session or session_of())
    ory.answers("GET", PERSON, identity_document())
    ory.answers("PUT", f"{REQUEST}/accept", {"redirect_to": BACK})
    ory.answers("PUT", f"{REQUEST}/reject", {"redirect_to": BACK})


FOREIGN = consent_document(client={"client_id": "other", "client_name": "Other <b>site</b>"}, requested_scope=["openid", "email"])


async def test_the_decision_goes_to_hydra_with_the_assurance_level_of_the_login(
    browser: httpx.AsyncClient, ory: Ory, audit: InMemoryAuditTrail
) -> None:
    asks(ory, consent_document(context={"aal": "aal2"}))

    answer = await browser.get("/consent?consent_challenge=c")

    assert (answer.status_code, answer.headers["location"]) == (303, BACK)
    (accepted,) = ory.asked("PUT", f"{REQUEST}/accept")
    assert accepted.url.params["consent_challenge"] == "c"
    content = json.loads(accepted.content)
    assert content["session"]["access_token"] == {"eligible": True, "aal": "aal2"}
    assert content["grant_scope"] == ["openid", "vote:cast"]
    assert content["remember"] is False
    (event,) = audit.events
    assert (event.action, event.outcome, event.subject, event.actor) == ("consent.given", "success", VOTER, "voter-app")


async def test_a_token_says_what_the_roll_says(browser: httpx.AsyncClient, ory: Ory, roll: InMemoryRoll) -> None:
    asks(ory, consent_document())
    ory.answers("PATCH", PERSON, identity_document())
    roll.add("bob@example.org")

    await browser.get("/consent?consent_challenge=c")

    (accepted,) = ory.asked("PUT", f"{REQUEST}/accept")
    assert json.loads(accepted.content)["session"]["access_token"]["eligible"] is False


async def test_no_token_is_given_while_the_roll_cannot_be_asked(browser: httpx.AsyncClient, ory: Ory, roll: InMemoryRoll) -> None:
    asks(ory, consent_document())
    roll.away = True

    assert (await browser.get("/consent?consent_challenge=c")).status_code == 503
    assert not ory.asked("PUT", f"{REQUEST}/accept")


async def test_no_consent_depends_on_the_audit_log(browser: httpx.AsyncClient, ory: Ory, audit: InMemoryAuditTrail) -> None:
    asks(ory, consent_document())
    audit.away = True

    assert (await browser.get("/consent?consent_challenge=c")).headers["location"] == BACK


async def test_an_identity_that_is_gone_is_refused(browser: httpx.AsyncClient, ory: Ory, audit: InMemoryAuditTrail) -> None:
    asks(ory, consent_document())
    ory.answers("GET", PERSON, {}, 404)

    answer = await browser.get("/consent?consent_challenge=c")

    assert answer.headers["location"] == BACK
    (rejected,) = ory.asked("PUT", f"{REQUEST}/reject")
    assert json.loads(rejected.content)["error"] == "access_denied"
    assert not ory.asked("PUT", f"{REQUEST}/accept")
    assert [event.outcome for event in audit.events] == ["refused"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("somebody", [True, False])
async def test_nobody_consents_for_another_subject(browser: httpx.AsyncClient, ory: Ory, method: str, *, somebody: bool) -> None:
    for document in (consent_document(), FOREIGN):
        asks(ory, document, session_of(SOMEBODY_ELSE))
        if not somebody:
            ory.answers("GET", "/sessions/whoami", {"error": {"code": 401}}, 401)
        token = "a-token-of-this-browser-that-is-long-enough"
        browser.cookies.set("identity_form", token)
        data = {"csrf_token": token, "decision": "allow"} if method == "POST" else None

        answer = await browser.request(method, "/consent?consent_challenge=c", data=data)

        assert answer.status_code == 403
        assert not ory.asked("PUT", f"{REQUEST}/accept")
        assert not ory.asked("PUT", f"{REQUEST}/reject")


async def test_a_client_that_is_not_ours_is_shown_with_what_it_asks_for(browser: httpx.AsyncClient, ory: Ory) -> None:
    asks(ory, FOREIGN)

    answer = await browser.get("/consent?consent_challenge=c")

    assert answer.status_code == 200
    assert "Other &lt;b&gt;site&lt;/b&gt;" in answer.text
    assert "your email address" in answer.text
    assert "never vote for you" in answer.text
    assert not ory.asked("PUT", f"{REQUEST}/accept")


@pytest.mark.parametrize(("decision", "verdict"), [("allow", "accept"), ("deny", "reject"), ("", "reject"), ("ALLOW", "reject")])
async def test_the_voter_decides_about_it(browser: httpx.AsyncClient, ory: Ory, decision: str, verdict: str) -> None:
    asks(ory, FOREIGN)
    await browser.get("/consent?consent_challenge=c")

    data = {"csrf_token": browser.cookies["identity_form"], "decision": decision}
    answer = await browser.post("/consent?consent_challenge=c", data=data)

    assert (answer.status_code, answer.headers["location"]) == (303, BACK)
    assert [request.url.path for request in ory.requests if request.method == "PUT"] == [f"{REQUEST}/{verdict}"]


async def test_the_form_of_another_site_decides_nothing(browser: httpx.AsyncClient, ory: Ory) -> None:
    asks(ory, FOREIGN)
    await browser.get("/consent?consent_challenge=c")

    answer = await browser.post("/consent?consent_challenge=c", data={"csrf_token": "x" * 43, "decision": "allow"})

    assert answer.status_code == 403
    assert not ory.asked("PUT", f"{REQUEST}/accept")


@pytest.mark.parametrize("status", [401, 404, 409, 410])
async def test_a_challenge_that_went_bad_gives_a_helpful_page(browser: httpx.AsyncClient, ory: Ory, status: int) -> None:
    ory.answers("GET", REQUEST, {"redirect_to": "http://evil.example/"}, status)

    answer = await browser.get("/consent?consent_challenge=c")

    assert answer.status_code == 410
    assert "start again" in answer.text


async def test_no_challenge_gives_the_same_page(browser: httpx.AsyncClient, ory: Ory) -> None:
    assert (await browser.get("/consent")).status_code == 410
    assert not ory.requests
