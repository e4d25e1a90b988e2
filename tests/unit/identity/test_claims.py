from typing import Any

import pytest

from identity.claims import access_token_claims, id_token_claims
from identity.kratos_api import Identity, _email_verified


def an_identity(**changes: Any) -> Identity:
    values: dict[str, Any] = {
        "id": "5f1d5b3e-3c1b-4f5e-9f53-2d9a3f0a7a11",
        "active": True,
        "traits": {"email": "ada@example.org", "name": "Ada"},
        "metadata_public": {"eligible": True},
        "email_verified": False,
    }
    return Identity(**{**values, **changes})


def test_an_access_token_carries_what_the_api_needs_and_nothing_about_the_person() -> None:
    metadata = {"eligible": True, "jurisdiction": "BE-VLG", "locale": "nl", "roles": ["tester"], "notes": "private"}

    claims = access_token_claims(an_identity(metadata_public=metadata), "aal2")

    assert claims == {"eligible": True, "jurisdiction": "BE-VLG", "locale": "nl", "roles": ["tester"], "aal": "aal2"}


@pytest.mark.parametrize("value", [None, False, "true", "True", 1, [True], {"eligible": True}])
def test_nothing_but_a_json_true_makes_eligible(value: object) -> None:
    assert access_token_claims(an_identity(metadata_public={"eligible": value}), "aal1")["eligible"] is False


def test_an_identity_that_nobody_decided_about_is_not_eligible() -> None:
    assert access_token_claims(an_identity(metadata_public={}), "aal1") == {"eligible": False, "aal": "aal1"}


def test_traits_never_reach_the_access_token() -> None:
    traits = {"email": "eve@example.org", "eligible": True, "roles": ["admin"], "jurisdiction": "BE-VLG"}

    assert access_token_claims(an_identity(traits=traits, metadata_public={}), None) == {"eligible": False}


@pytest.mark.parametrize(
    "metadata",
    [{"jurisdiction": ["BE"]}, {"jurisdiction": ""}, {"locale": 7}, {"roles": "admin"}, {"roles": []}, {"roles": ["admin", 1]}],
)
def test_a_value_of_the_wrong_type_is_left_out(metadata: dict[str, Any]) -> None:
    assert access_token_claims(an_identity(metadata_public=metadata), None) == {"eligible": False}


@pytest.mark.parametrize("aal", [None, "aal0", "aal3", 2, ["aal2"]])
def test_an_unknown_assurance_level_is_left_out(aal: object) -> None:
    assert "aal" not in access_token_claims(an_identity(), aal)


def test_an_id_token_has_the_email_only_with_its_scope() -> None:
    verified = an_identity(email_verified=True)

    assert id_token_claims(verified, ["openid", "email"]) == {
        "eligible": True,
        "email": "ada@example.org",
        "email_verified": True,
    }
    assert id_token_claims(verified, ["openid", "profile"]) == {"eligible": True, "name": "Ada"}
    assert id_token_claims(verified, ["openid"]) == {"eligible": True}


@pytest.mark.parametrize(
    ("value", "verified"), [("ada@example.org", True), ("ada@example.org", False), ("eve@example.org", True)]
)
def test_an_address_is_verified_however_it_was_typed(value: str, verified: bool) -> None:
    document = {
        "traits": {"email": "Ada@Example.org"},
        "verifiable_addresses": [{"value": value, "verified": verified, "via": "email"}],
    }
    assert _email_verified(document) is (verified and value.startswith("ada"))
