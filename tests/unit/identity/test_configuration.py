"""The files that Kratos and Hydra are started with."""

import json
from pathlib import Path
from string import Template
from typing import Any

import jsonschema
import pytest
import yaml

from identity.keys import NEXT, SIGNING

ROOT = Path(__file__).parents[3]
VALUES = {
    "BIND_HOST": "127.0.0.1",
    "HYDRA_ADMIN_PORT": "4445",
    "HYDRA_ADMIN_URL": "http://localhost:4445",
    "HYDRA_PUBLIC_PORT": "4444",
    "HYDRA_PUBLIC_URL": "http://localhost:4444",
    "HYDRA_SYSTEM_SECRET": "system-secret-system-secret-1234",
    "IDENTITY_URL": "http://localhost:4455",
    "KRATOS_ADMIN_PORT": "4434",
    "KRATOS_ADMIN_URL": "http://localhost:4434",
    "KRATOS_CIPHER_SECRET": "cipher-secret-cipher-secret-1234",
    "KRATOS_COOKIE_SECRET": "cookie-secret-cookie-secret-1234",
    "KRATOS_PUBLIC_PORT": "4433",
    "KRATOS_PUBLIC_URL": "http://localhost:4433",
    "MAIL_SMTP_ADDRESS": "127.0.0.1:1025",
    "PASSKEY_RP_ID": "localhost",
    "REGISTRATION_HOOK_KEY": "a-key-that-only-kratos-knows",
    "TOKEN_HOOK_KEY": "a-key-that-only-hydra-knows",
    "CHECKOUT": "/srv/voting",
}


def rendered(path: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(Template((ROOT / path).read_text(encoding="utf-8")).substitute(VALUES))
    return content


@pytest.fixture
def kratos() -> dict[str, Any]:
    return rendered("identity/kratos/kratos.yaml")


@pytest.fixture
def hydra() -> dict[str, Any]:
    return rendered("identity/hydra/hydra.yaml")


@pytest.fixture
def voter_schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((ROOT / "schemas/identity/voter.schema.json").read_text(encoding="utf-8"))
    return schema


def test_the_issuer_has_no_slash_at_the_end(hydra: dict[str, Any]) -> None:
    assert hydra["urls"]["self"]["issuer"] == "http://localhost:4444"


def test_one_person_has_one_subject(hydra: dict[str, Any]) -> None:
    assert hydra["oidc"]["subject_identifiers"] == {"supported_types": ["public"]}


def test_pkce_is_demanded_of_public_clients_only(hydra: dict[str, Any]) -> None:
    assert hydra["oauth2"]["pkce"] == {"enforced": False, "enforced_for_public_clients": True}


def test_the_claims_of_the_api_stand_at_the_top_of_a_jwt(hydra: dict[str, Any]) -> None:
    assert hydra["strategies"]["access_token"] == "jwt"
    assert hydra["oauth2"]["allowed_top_level_claims"] == ["eligible", "jurisdiction", "locale", "roles", "aal"]
    assert hydra["oauth2"]["mirror_top_level_claims"] is False


@pytest.mark.parametrize("service", ["kratos", "hydra"])
def test_no_log_leaks_sensitive_values(request: pytest.FixtureRequest, service: str) -> None:
    log = request.getfixturevalue(service)["log"]

    assert log["leak_sensitive_values"] is False
    assert log["level"] in {"warn", "warning"}, "at level info each request is logged with the visitor's address"


def test_kratos_asks_the_app_before_it_stores_a_voter_and_signs_the_voter_in_afterwards(kratos: dict[str, Any]) -> None:
    after = kratos["selfservice"]["flows"]["registration"]["after"]
    decide, tell, sign_in = after["password"]["hooks"]

    assert after["passkey"]["hooks"][0] == decide, "whatever the credential, the same is decided"
    assert tell["config"]["response"] == {"ignore": True}
    assert decide["config"]["url"] == "http://localhost:4455/hooks/registration"
    assert decide["config"]["response"] == {"parse": True}
    assert decide["config"]["auth"]["config"]["value"] == "Bearer a-key-that-only-kratos-knows"
    assert sign_in == {"hook": "session"}


def test_kratos_leads_back_to_the_app_only(kratos: dict[str, Any]) -> None:
    assert kratos["selfservice"]["allowed_return_urls"] == ["http://localhost:4455/"]


def test_codes_prove_an_address_and_nothing_else(kratos: dict[str, Any]) -> None:
    code = kratos["selfservice"]["methods"]["code"]

    assert code["enabled"] is True
    assert (code["passwordless_enabled"], code["mfa_enabled"]) == (False, False)
    assert kratos["selfservice"]["methods"]["link"]["enabled"] is False


def test_an_account_is_changed_with_the_highest_factor_that_it_has(kratos: dict[str, Any]) -> None:
    assert kratos["selfservice"]["flows"]["settings"]["required_aal"] == "highest_available"
    assert kratos["session"]["whoami"]["required_aal"] == "aal1", "what an election demands is asked for at the sign-in"


@pytest.mark.parametrize(("flow", "method"), [("recovery", None), ("settings", "password")])
def test_whoever_knew_the_old_password_is_out(kratos: dict[str, Any], flow: str, method: str | None) -> None:
    after = kratos["selfservice"]["flows"][flow]["after"]

    assert {"hook": "revoke_active_sessions"} in (after[method] if method else after)["hooks"]


def test_every_change_of_a_credential_is_told(kratos: dict[str, Any]) -> None:
    methods = {name for name, method in kratos["selfservice"]["methods"].items() if method["enabled"]}
    after = kratos["selfservice"]["flows"]["settings"]["after"]
    told = {name: entry["hooks"][0]["config"] for name, entry in after.items()}

    assert told.keys() == (methods - {"code"}) | {"profile"}
    for name, config in told.items():
        assert config["url"] == f"http://localhost:4455/hooks/events/identity.changed?method={name}"
        assert config["response"] == {"ignore": True}, "no change waits for it"


def test_kratos_does_not_tell_whether_an_address_has_an_account(kratos: dict[str, Any]) -> None:
    assert kratos["security"]["account_enumeration"]["mitigate"] is True
    for flow in ("recovery", "verification"):
        assert kratos["selfservice"]["flows"][flow]["notify_unknown_recipients"] is False


def test_passkeys_belong_to_the_app_and_to_no_other_site(kratos: dict[str, Any]) -> None:
    for method in ("passkey", "webauthn"):
        party = kratos["selfservice"]["methods"][method]["config"]["rp"]
        assert (party["id"], party["origins"]) == ("localhost", ["http://localhost:4455"])


def test_a_refresh_token_asks_the_app(hydra: dict[str, Any]) -> None:
    hook = hydra["oauth2"]["refresh_token_hook"]

    assert hook["url"] == "http://localhost:4455/hooks/token"
    assert hook["auth"]["config"]["value"] == "Bearer a-key-that-only-hydra-knows"


def test_the_next_signing_key_is_published_with_the_present_one(hydra: dict[str, Any]) -> None:
    assert {SIGNING, NEXT} <= set(hydra["webfinger"]["jwks"]["broadcast_keys"])


def test_passwords_are_hashed_with_argon2(kratos: dict[str, Any]) -> None:
    assert kratos["hashers"]["algorithm"] == "argon2"


def test_a_voter_says_an_email_and_perhaps_a_name_and_nothing_else(voter_schema: dict[str, Any]) -> None:
    check = jsonschema.Draft7Validator(voter_schema)

    assert check.is_valid({"traits": {"email": "ada@example.org"}})
    assert check.is_valid({"traits": {"email": "ada@example.org", "name": "Ada"}})
    assert not check.is_valid({"traits": {"name": "Ada"}})
    for name in ("eligible", "jurisdiction", "locale", "roles"):
        assert not check.is_valid({"traits": {"email": "ada@example.org", name: True}})
