import json
from typing import Any

import httpx
import pytest

from identity import upstream
from identity.eligibility import Eligibility, undecided
from identity.failures import Misunderstood, Unanswered
from identity.kratos_api import Identity, Kratos
from identity.settings import EligibilityPolicy, Settings

from .conftest import SOMEBODY_ELSE, VOTER, Ory, identity_document
from .in_memory import InMemoryAuditTrail, InMemoryRoll

PERSON = f"/admin/identities/{VOTER}"
EVERYONE, ROLL, NOBODY = EligibilityPolicy.EVERYONE, EligibilityPolicy.ROLL, EligibilityPolicy.NOBODY


def eligibility(ory: Ory, roll: InMemoryRoll, policy: EligibilityPolicy = EVERYONE) -> Eligibility:
    kratos = Kratos(Settings(), upstream.connect(httpx.MockTransport(ory.handle)))
    return Eligibility(policy, roll, kratos, InMemoryAuditTrail())


def person(**changes: Any) -> Identity:
    return Identity.from_json(identity_document(**changes))


def not_verified() -> list[dict[str, Any]]:
    return [{"value": "ada@example.org", "verified": False, "via": "email"}]


@pytest.mark.parametrize(
    ("policy", "emails", "expected"),
    [
        (EVERYONE, [], {"eligible": True}),
        (EVERYONE, ["ada@example.org"], {"eligible": False, "on_roll": False}),
        (ROLL, [], {"eligible": False, "on_roll": False}),
        (ROLL, ["ada@example.org"], {"eligible": False, "on_roll": False}),
        (NOBODY, [], {"eligible": False}),
        (NOBODY, ["ada@example.org"], {"eligible": False}),
    ],
)
async def test_what_a_new_identity_is_told(
    ory: Ory, policy: EligibilityPolicy, emails: list[str], expected: dict[str, bool]
) -> None:
    assert await eligibility(ory, InMemoryRoll(*emails), policy).of_new_identity() == expected


async def test_nobody_is_registered_while_the_roll_cannot_be_asked(ory: Ory) -> None:
    roll = InMemoryRoll()
    roll.away = True

    with pytest.raises(Unanswered):
        await eligibility(ory, roll).of_new_identity()


async def test_whoever_proved_an_address_of_the_roll_takes_its_entry_and_is_eligible(ory: Ory) -> None:
    ory.answers("PATCH", PERSON, identity_document())
    roll = InMemoryRoll("Ada@Example.org", jurisdiction="north")

    settled = await eligibility(ory, roll).settle(person(metadata_public={"eligible": False, "on_roll": False, "locale": "de"}))

    expected = {"eligible": True, "on_roll": True, "jurisdiction": "north", "locale": "de"}
    assert settled.metadata_public == expected
    (told,) = ory.asked("PATCH", PERSON)
    assert json.loads(told.content) == [
        {"op": "add", "path": "/metadata_public/eligible", "value": True},
        {"op": "add", "path": "/metadata_public/on_roll", "value": True},
        {"op": "add", "path": "/metadata_public/jurisdiction", "value": "north"},
    ], "what else it says is left alone"


async def test_an_address_that_is_not_proved_gives_nothing(ory: Ory) -> None:
    roll = InMemoryRoll("ada@example.org")

    settled = await eligibility(ory, roll).settle(
        person(metadata_public={"eligible": False, "on_roll": False}, verifiable_addresses=not_verified())
    )

    assert settled.metadata_public["eligible"] is False
    assert roll.bindings == {}


async def test_a_second_account_of_the_same_person_is_not_eligible(ory: Ory) -> None:
    ory.answers("PATCH", PERSON, identity_document())
    ory.answers("PATCH", f"/admin/identities/{SOMEBODY_ELSE}", identity_document())
    roll = InMemoryRoll("ada@example.org")
    asked = eligibility(ory, roll)
    waiting = {"eligible": False, "on_roll": False}
    await asked.settle(person(metadata_public=waiting))

    second = await asked.settle(person(id=SOMEBODY_ELSE, metadata_public=waiting))

    assert second.metadata_public["eligible"] is False


async def test_an_identity_keeps_its_entry_when_it_changes_its_address(ory: Ory) -> None:
    ory.answers("PATCH", PERSON, identity_document())
    roll = InMemoryRoll("ada@example.org", "bob@example.org")
    asked = eligibility(ory, roll)
    await asked.settle(person(metadata_public={"eligible": False, "on_roll": False}))

    bob = {"email": "bob@example.org"}
    addresses = [{"value": "bob@example.org", "verified": True, "via": "email"}]
    await asked.settle(person(traits=bob, verifiable_addresses=addresses, metadata_public={"eligible": False, "on_roll": False}))

    assert list(roll.bindings.values()) == [VOTER]


async def test_who_was_eligible_before_there_was_a_roll_has_to_be_on_it(ory: Ory) -> None:
    ory.answers("PATCH", PERSON, identity_document())

    settled = await eligibility(ory, InMemoryRoll("bob@example.org")).settle(person())

    assert settled.metadata_public == {"eligible": False, "on_roll": False}


@pytest.mark.parametrize(
    "metadata", [{"eligible": False}, {}, {"eligible": False, "on_roll": True}, {"eligible": True, "on_roll": True}]
)
async def test_what_is_decided_stands_and_the_roll_is_not_asked(ory: Ory, metadata: dict[str, bool]) -> None:
    roll = InMemoryRoll("ada@example.org")
    roll.away = True

    settled = await eligibility(ory, roll).settle(person(metadata_public=metadata))

    assert settled.metadata_public == metadata
    assert not ory.requests


async def test_without_a_roll_everybody_stays_as_they_are(ory: Ory) -> None:
    assert (await eligibility(ory, InMemoryRoll()).settle(person())).metadata_public == {"eligible": True}
    assert not ory.requests


async def test_no_token_is_given_when_kratos_did_not_take_the_decision(ory: Ory) -> None:
    ory.answers("PATCH", PERSON, {"error": {}}, 409)

    with pytest.raises(Misunderstood):
        await eligibility(ory, InMemoryRoll("ada@example.org")).settle(
            person(metadata_public={"eligible": False, "on_roll": False})
        )


def test_only_exact_values_decide() -> None:
    assert undecided({"on_roll": "true"})
    assert undecided({"on_roll": False, "eligible": True})
    assert not undecided({"on_roll": True})
    assert not undecided({"eligible": "true"})
