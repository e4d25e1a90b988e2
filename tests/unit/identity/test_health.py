import httpx
import pytest

from .conftest import Ory

PATHS = {
    "/admin/health/ready": {"status": "ok"},
    "/health/ready": {"status": "ok"},
    "/.well-known/openid-configuration": {"subject_types_supported": ["public"]},
}


@pytest.fixture
def healthy(ory: Ory) -> Ory:
    for path, content in PATHS.items():
        ory.answers("GET", path, content)
    return ory


async def test_the_app_is_ready_when_kratos_and_hydra_are(browser: httpx.AsyncClient, healthy: Ory) -> None:
    assert (await browser.get("/readyz")).status_code == 200
    assert healthy.requests


@pytest.mark.parametrize("path", PATHS)
async def test_the_app_is_alive_but_not_ready_when_one_of_them_does_not_answer(
    browser: httpx.AsyncClient, healthy: Ory, path: str
) -> None:
    healthy.breaks("GET", path, httpx.ConnectError("refused"))

    answer = await browser.get("/readyz")

    assert answer.status_code == 503
    assert len(answer.json()["faults"]) == 1
    assert (await browser.get("/healthz")).status_code == 200


async def test_the_app_is_not_ready_when_hydra_gives_one_person_several_subjects(
    browser: httpx.AsyncClient, healthy: Ory
) -> None:
    healthy.answers("GET", "/.well-known/openid-configuration", {"subject_types_supported": ["public", "pairwise"]})

    answer = await browser.get("/readyz")

    assert answer.status_code == 503
    assert "pairwise" in answer.text
