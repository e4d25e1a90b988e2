import json
from typing import Any

import httpx
import pytest

from identity.consent import Refusal, grant
from identity.hydra_api import ConsentRequest
from identity.kratos_api import Identity

from .conftest import SOMEBODY_ELSE, VOTER, Ory, identity_document

REQUEST = "/admin/oauth2/auth/requests/consent"
PERSON = f"/admin/identities/{VOTER}"
BACK = "http://localhost:4444/oauth2/auth?consent_verifier=v"


def a_request(**changes: Any) -> ConsentRequest:
    values: dict[str, Any] = {
        "subject": VOTER,
        "client_id": "voter-app",
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


def test_a_client_that_is_not_ours_gets_nothing() -> None:
    with pytest.raises(Refusal, match="client"):
        grant(a_request(first_party=False), Identity.from_json(identity_document()))


@pytest.mark.parametrize("changes", [{"state": "inactive"}, {"id": SOMEBODY_ELSE}])
def test_no_tokens_about_an_identity_that_is_inactive_or_another(changes: dict[str, str]) -> None:
    with pytest.raises(Refusal, match="account"):
        grant(a_request(), Identity.from_json(identity_document(**changes)))


def test_no_tokens_about_an_identity_that_is_gone() -> None:
    with pytest.raises(Refusal, match="account"):
        grant(a_request(), None)


@pytest.mark.parametrize("skip_consent", [None, False, "true", 1])
def test_only_a_json_true_makes_a_client_first_party(skip_consent: object) -> None:
    client = {"client_id": "voter-app", "skip_consent": skip_consent}

    assert ConsentRequest.from_json(consent_document(client=client)).first_party is False


async def test_the_decision_goes_to_hydra_with_the_assurance_level_of_the_login(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers("GET", REQUEST, consent_document(context={"aal": "aal2"}))
    ory.answers("GET", PERSON, identity_document())
    ory.answers("PUT", f"{REQUEST}/accept", {"redirect_to": BACK})

    answer = await browser.get("/consent?consent_challenge=c")

    assert (answer.status_code, answer.headers["location"]) == (303, BACK)
    (accepted,) = ory.asked("PUT", f"{REQUEST}/accept")
    assert accepted.url.params["consent_challenge"] == "c"
    content = json.loads(accepted.content)
    assert content["session"]["access_token"] == {"eligible": True, "aal": "aal2"}
    assert content["grant_scope"] == ["openid", "vote:cast"]
    assert content["remember"] is False


@pytest.mark.parametrize(
    ("document", "identity_status"),
    [(consent_document(client={"client_id": "other"}), 200), (consent_document(), 404)],
)
async def test_a_refusal_goes_to_hydra_as_access_denied(
    browser: httpx.AsyncClient, ory: Ory, document: dict[str, Any], identity_status: int
) -> None:
    ory.answers("GET", REQUEST, document)
    ory.answers("GET", PERSON, identity_document(), identity_status)
    ory.answers("PUT", f"{REQUEST}/reject", {"redirect_to": BACK})

    answer = await browser.get("/consent?consent_challenge=c")

    assert answer.headers["location"] == BACK
    (rejected,) = ory.asked("PUT", f"{REQUEST}/reject")
    assert json.loads(rejected.content)["error"] == "access_denied"
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
