import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from ingress import signing_keys
from ingress.signing_keys import Jwks, KeysUnknown, read_keys
from tests.unit.ingress.factories import KEY

COOL_DOWN = 0.1


class Hydra:
    """Serves a JWKS that tests change, and counts how often it is asked."""

    def __init__(self) -> None:
        self.kids = ["key-1"]
        self.asked = 0
        self.away = False
        self.seconds = 0.0

    async def answer(self, _request: httpx.Request) -> httpx.Response:
        self.asked += 1
        kids = list(self.kids)
        await asyncio.sleep(self.seconds)
        if self.away:
            raise httpx.ConnectError("connection refused")
        return httpx.Response(200, json={"keys": [entry(kid=kid) for kid in kids]})


def entry(key: Any = KEY, **members: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), "use": "sig", "alg": "RS256", "kid": "key-1", **members}


@pytest.fixture
def hydra() -> Hydra:
    return Hydra()


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_keys, "COOL_DOWN_SECONDS", COOL_DOWN)
    monkeypatch.setattr(signing_keys, "RETRY_SECONDS", 0.05)


@asynccontextmanager
async def opened(answer: Callable[[httpx.Request], Any], refresh_seconds: float = 60) -> AsyncIterator[Jwks]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        jwks = Jwks("http://hydra.test/.well-known/jwks.json", client, refresh_seconds)
        await jwks.open()
        try:
            yield jwks
        finally:
            await jwks.close()


async def test_a_known_key_is_found_without_asking_again(hydra: Hydra) -> None:
    async with opened(hydra.answer) as jwks:
        for _ in range(10):
            assert await jwks.find("key-1") is not None
    assert hydra.asked == 1


async def test_known_keys_serve_while_hydra_is_away(hydra: Hydra) -> None:
    async with opened(hydra.answer) as jwks:
        hydra.away = True
        assert await jwks.find("key-2") is None
        assert await jwks.find("key-1") is not None
        assert jwks.known


async def test_without_any_key_nothing_can_be_told(hydra: Hydra) -> None:
    hydra.away = True
    async with opened(hydra.answer) as jwks:
        assert not jwks.known
        with pytest.raises(KeysUnknown):
            await jwks.find("key-1")
        hydra.away = False
        assert await jwks.find("key-1") is not None


async def test_it_goes_on_asking_until_it_has_keys(hydra: Hydra) -> None:
    hydra.away = True
    async with opened(hydra.answer) as jwks:
        hydra.away = False
        async with asyncio.timeout(2):
            while not jwks.known:  # noqa: ASYNC110 (the keys tell nobody when they come)
                await asyncio.sleep(0.01)


async def test_a_key_that_was_added_is_found_at_once(hydra: Hydra) -> None:
    async with opened(hydra.answer) as jwks:
        hydra.kids.append("key-2")
        assert await jwks.find("key-2") is not None


async def test_unknown_keys_cannot_flood_hydra(hydra: Hydra) -> None:
    async with opened(hydra.answer) as jwks:
        loop = asyncio.get_running_loop()
        started = loop.time()
        found = await asyncio.gather(*(jwks.find(f"unknown-{n}") for n in range(200)))
        assert set(found) == {None}
        for n in range(3):
            assert await jwks.find(f"another-{n}") is None
        assert hydra.asked <= 2 + (loop.time() - started) / COOL_DOWN


async def test_a_key_that_was_added_during_a_fetch_is_not_missed(hydra: Hydra) -> None:
    hydra.seconds = 0.05
    async with opened(hydra.answer) as jwks:
        first = asyncio.create_task(jwks.find("unknown"))
        await asyncio.sleep(COOL_DOWN + 0.02)  # the fetch is on its way and will answer without the new key
        hydra.kids.append("key-2")
        assert await jwks.find("key-2") is not None
        assert await first is None


async def test_one_caller_that_gives_up_leaves_the_fetch_to_the_others(hydra: Hydra) -> None:
    hydra.seconds = 0.05
    async with opened(hydra.answer) as jwks:
        hydra.kids.append("key-2")
        impatient = asyncio.create_task(jwks.find("key-2"))
        patient = asyncio.create_task(jwks.find("key-2"))
        await asyncio.sleep(0.01)
        impatient.cancel()
        assert await patient is not None


async def test_a_key_that_was_taken_away_goes_with_the_next_refresh(hydra: Hydra) -> None:
    async with opened(hydra.answer, refresh_seconds=0.05) as jwks:
        hydra.kids = ["key-2"]
        await asyncio.sleep(0.4)
        assert await jwks.find("key-1") is None
        assert await jwks.find("key-2") is not None


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"keys": {}}),
        httpx.Response(200, json={"keys": []}),
    ],
)
async def test_an_answer_without_keys_changes_nothing(answer: httpx.Response) -> None:
    answers = [httpx.Response(200, json={"keys": [entry()]}), answer]
    async with opened(lambda _request: answers.pop(0) if len(answers) > 1 else answers[0]) as jwks:
        assert await jwks.find("unknown") is None
        assert await jwks.find("key-1") is not None


def test_only_rsa_signing_keys_of_sufficient_size_are_taken() -> None:
    found = read_keys(
        {
            "keys": [
                entry(kid="good"),
                {name: value for name, value in entry(kid="bare").items() if name not in {"use", "alg"}},
                entry(kid="encryption", use="enc"),
                entry(kid="other-algorithm", alg="PS256"),
                entry(ECKey.generate_key("P-256"), kid="elliptic"),
                {"kty": "oct", "k": OctKey.generate_key(256).as_dict(private=True)["k"], "kid": "secret"},
                entry(kid="broken", n="!"),
                entry(kid="incomplete", e=None),
                entry(kid=7),
                "no key",
            ]
        }
    )
    assert set(found) == {"good", "bare"}


def test_a_weak_key_is_left_out() -> None:
    small = rsa.generate_private_key(65537, 1024)  # noqa: S505 (it is the weak one)
    with pytest.warns(SecurityWarning):
        key = RSAKey.import_key(small)
    weak = entry(key, kid="weak")
    with pytest.raises(ValueError, match="no usable key"):
        read_keys({"keys": [weak]})
