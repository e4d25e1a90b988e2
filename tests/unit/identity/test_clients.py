import json

import httpx
import pytest

from identity import clients, upstream
from identity.hydra_api import Hydra, PairwiseSubjects
from identity.settings import Settings

from .conftest import Ory

DISCOVERY = "/.well-known/openid-configuration"
VOTER_APP = "/admin/clients/voter-app"


async def apply(ory: Ory) -> dict[str, bool]:
    settings = Settings()
    async with upstream.connect(httpx.MockTransport(ory.handle)) as client:
        return await clients.apply(settings, Hydra(settings, client))


def test_the_voter_app_is_the_client_of_the_contract() -> None:
    (client,) = clients.all_clients(Settings())

    assert client["client_id"] == "voter-app"
    assert client["client_secret"] == "my-client-secret"
    assert client["redirect_uris"] == ["http://localhost:3000/post-login"]
    assert set(client["grant_types"]) == {"authorization_code", "refresh_token"}
    assert set(client["scope"].split()) == {"openid", "profile", "email", "vote:cast", "offline_access"}
    assert (client["subject_type"], client["skip_consent"]) == ("public", True)


def test_a_secret_cannot_change_the_structure_of_a_definition() -> None:
    secret = '", "skip_consent": false, "x": "'

    (client,) = clients.all_clients(Settings(voter_app_client_secret=secret))

    assert client["client_secret"] == secret
    assert client["skip_consent"] is True


async def test_a_client_is_created_once_and_then_kept_up_to_date(ory: Ory) -> None:
    ory.answers("GET", DISCOVERY, {"subject_types_supported": ["public"]})
    ory.answers("POST", "/admin/clients", {}, 201)
    assert await apply(ory) == {"voter-app": True}

    ory.answers("PUT", VOTER_APP, {})
    assert await apply(ory) == {"voter-app": False}
    assert len(ory.asked("POST", "/admin/clients")) == 1
    assert json.loads(ory.asked("PUT", VOTER_APP)[-1].content) == next(clients.all_clients(Settings()))


@pytest.mark.parametrize("types", [["public", "pairwise"], ["pairwise"], []])
async def test_nothing_is_written_while_hydra_gives_one_person_several_subjects(ory: Ory, types: list[str]) -> None:
    ory.answers("GET", DISCOVERY, {"subject_types_supported": types})

    with pytest.raises(PairwiseSubjects):
        await apply(ory)

    assert [request.method for request in ory.requests] == ["GET"]
