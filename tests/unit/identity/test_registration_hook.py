import httpx
import pytest

from identity.app import create_app
from identity.registration_hook import is_kratos, metadata_of_new_voter
from identity.settings import EligibilityPolicy, Settings

KEY = "a-key-that-only-kratos-knows"


@pytest.mark.parametrize(("policy", "eligible"), [(EligibilityPolicy.EVERYONE, True), (EligibilityPolicy.NOBODY, False)])
async def test_the_policy_decides_who_is_eligible(policy: EligibilityPolicy, *, eligible: bool) -> None:
    app = create_app(Settings(registration_hook_key=KEY, eligibility_policy=policy))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:4455") as kratos:
        answer = await kratos.post("/hooks/registration", json={}, headers={"Authorization": f"Bearer {KEY}"})

    assert answer.status_code == 200
    assert answer.json() == {"identity": {"metadata_public": {"eligible": eligible}}}


def test_a_new_voter_is_always_decided_about() -> None:
    assert all(isinstance(metadata_of_new_voter(policy)["eligible"], bool) for policy in EligibilityPolicy)


@pytest.mark.parametrize(
    "authorization", ["", KEY, f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"bearer {KEY}", "Bearer ", "Bearer kéy"]
)
def test_only_the_exact_key_is_kratos(authorization: str) -> None:
    assert not is_kratos(authorization, KEY)


def test_the_key_is_kratos() -> None:
    assert is_kratos(f"Bearer {KEY}", KEY)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": b"Bearer k\xe9y"}])
async def test_a_stranger_learns_nothing_from_the_hook(browser: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await browser.post("/hooks/registration", json={}, headers=headers)

    assert answer.status_code == 401
    assert "eligible" not in answer.text
