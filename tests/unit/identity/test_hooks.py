from typing import Any

import httpx
import pytest

from identity.audit import Event
from identity.hooks import shows
from identity.settings import Settings

from .conftest import VOTER, Ory, identity_document
from .in_memory import InMemoryAuditTrail, InMemoryRoll

KRATOS = {"Authorization": f"Bearer {Settings().registration_hook_key}"}
HYDRA = {"Authorization": f"Bearer {Settings().token_hook_key}"}
PERSON = f"/admin/identities/{VOTER}"
HOOKS = ["/hooks/registration", "/hooks/events/identity.signed_in", "/hooks/token"]


def renewal(**changes: Any) -> dict[str, Any]:
    """What Hydra sends for a refresh token."""
    return {
        "subject": VOTER,
        "client_id": "voter-app",
        "granted_scopes": ["openid", "email", "vote:cast"],
        "granted_audience": ["voting-api"],
        "session": {"extra": {"eligible": True, "aal": "aal2"}},
        **changes,
    }


@pytest.mark.parametrize("authorization", ["", "key", "Bearer keyx", "Bearer ke", "bearer key", "Bearer ", "Bearer kéy"])
def test_only_the_exact_key_opens_a_hook(authorization: str) -> None:
    assert not shows(authorization, "key")
    assert shows("Bearer key", "key")


@pytest.mark.parametrize("path", HOOKS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": b"Bearer k\xe9y"}])
async def test_a_stranger_learns_nothing(browser: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
    answer = await browser.post(path, json={"subject": VOTER}, headers=headers)

    assert answer.status_code == 401
    assert "eligible" not in answer.text


@pytest.mark.parametrize(("path", "headers"), [(HOOKS[0], HYDRA), (HOOKS[1], HYDRA), (HOOKS[2], KRATOS)])
async def test_neither_kratos_nor_hydra_opens_the_hooks_of_the_other(
    browser: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    assert (await browser.post(path, json={}, headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("body", "metadata"),
    [
        ({}, {"eligible": True}),
        ({"accept_language": "de-CH,de;q=0.9,en;q=0.8"}, {"eligible": True, "locale": "de"}),
        ({"accept_language": "fr"}, {"eligible": True, "locale": "en"}),
        ({"accept_language": 7, "eligible": "x"}, {"eligible": True}),
    ],
)
async def test_a_new_voter_is_decided_about(browser: httpx.AsyncClient, body: dict[str, Any], metadata: dict[str, Any]) -> None:
    answer = await browser.post("/hooks/registration", json=body, headers=KRATOS)

    assert answer.json() == {"identity": {"metadata_public": metadata}}


async def test_nobody_is_registered_while_the_roll_cannot_be_asked(browser: httpx.AsyncClient, roll: InMemoryRoll) -> None:
    roll.away = True

    assert (await browser.post("/hooks/registration", json={}, headers=KRATOS)).status_code == 503


async def test_an_event_is_kept(browser: httpx.AsyncClient, audit: InMemoryAuditTrail) -> None:
    body = {"subject": VOTER, "method": "totp"}
    answer = await browser.post("/hooks/events/identity.changed", json=body, headers=KRATOS)

    assert answer.status_code == 204
    assert audit.events == [Event("identity.changed", "success", VOTER, details={"method": "totp"})]


async def test_the_address_may_name_the_method(browser: httpx.AsyncClient, audit: InMemoryAuditTrail) -> None:
    await browser.post("/hooks/events/identity.changed?method=passkey", json={"subject": VOTER}, headers=KRATOS)

    assert audit.events == [Event("identity.changed", "success", VOTER, details={"method": "passkey"})]


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("vote.cast", {"subject": VOTER}, 400),
        ("identity.changed", {"subject": "ada@example.org"}, 400),
        ("identity.changed", {}, 400),
        ("identity.changed", [], 400),
    ],
)
async def test_what_is_no_event_is_refused(
    browser: httpx.AsyncClient, audit: InMemoryAuditTrail, action: str, body: object, status: int
) -> None:
    answer = await browser.post(f"/hooks/events/{action}", json=body, headers=KRATOS)

    assert answer.status_code == status
    assert audit.events == []


async def test_a_method_that_is_more_than_a_name_is_left_out(browser: httpx.AsyncClient, audit: InMemoryAuditTrail) -> None:
    body = {"subject": VOTER, "method": "ada@example.org"}
    await browser.post("/hooks/events/identity.signed_in", json=body, headers=KRATOS)

    assert audit.events == [Event("identity.signed_in", "success", VOTER)]


async def test_kratos_is_told_to_repeat_an_event_that_could_not_be_kept(
    browser: httpx.AsyncClient, audit: InMemoryAuditTrail
) -> None:
    audit.away = True

    answer = await browser.post("/hooks/events/identity.changed", json={"subject": VOTER}, headers=KRATOS)

    assert answer.status_code == 503


async def test_a_renewed_token_says_what_the_identity_is_now(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers("GET", PERSON, identity_document(metadata_public={"eligible": False, "jurisdiction": "north"}))

    answer = await browser.post("/hooks/token", json=renewal(), headers=HYDRA)

    assert answer.status_code == 200
    session = answer.json()["session"]
    assert session["access_token"] == {"eligible": False, "jurisdiction": "north", "aal": "aal2"}
    assert session["id_token"]["email"] == "ada@example.org"


@pytest.mark.parametrize(("document", "status"), [(identity_document(state="inactive"), 200), (identity_document(), 404)])
async def test_no_token_is_renewed_for_an_identity_that_is_inactive_or_gone(
    browser: httpx.AsyncClient, ory: Ory, document: dict[str, Any], status: int
) -> None:
    ory.answers("GET", PERSON, document, status)

    assert (await browser.post("/hooks/token", json=renewal(), headers=HYDRA)).status_code == 403


@pytest.mark.parametrize("body", [{}, [], renewal(subject=None), renewal(subject="../admin")])
async def test_a_renewal_about_nobody_is_refused(browser: httpx.AsyncClient, ory: Ory, body: object) -> None:
    assert (await browser.post("/hooks/token", json=body, headers=HYDRA)).status_code == 403
    assert not ory.requests


async def test_a_client_that_is_not_ours_gets_no_claims_of_the_voting_api(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.answers("GET", PERSON, identity_document())

    answer = await browser.post("/hooks/token", json=renewal(granted_audience=[], granted_scopes=["openid"]), headers=HYDRA)

    assert answer.json() == {"session": {"access_token": {}, "id_token": {}}}


async def test_kratos_away_ends_a_renewal_for_now(browser: httpx.AsyncClient, ory: Ory) -> None:
    ory.breaks("GET", PERSON, httpx.ReadTimeout("slow"))

    assert (await browser.post("/hooks/token", json=renewal(), headers=HYDRA)).status_code == 503
