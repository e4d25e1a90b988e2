import pytest

from identity.failures import Unanswered
from identity.keys import NEXT, SIGNING, Keys, NotRetired, present, retire, rotate

from .in_memory import InMemoryKeySets


def quiet(_: str) -> None:
    pass


async def no_wait(_: float) -> None:
    raise AssertionError("a key that was published already is not waited for")


def hydra(signing: list[str], waiting: list[str]) -> InMemoryKeySets:
    found = InMemoryKeySets()
    found.sets = {SIGNING: signing, NEXT: waiting}
    return found


async def test_the_key_that_was_published_signs_and_a_new_one_waits() -> None:
    sets = hydra(["old"], ["next"])

    after = await rotate(sets, 60, quiet, no_wait)

    assert after == Keys("next", ("old",), "made-1")


async def test_without_a_next_key_one_is_published_before_it_signs() -> None:
    sets = hydra(["old"], [])
    waited = []

    async def sleep(seconds: float) -> None:
        assert sets.sets == {SIGNING: ["old"], NEXT: ["made-1"]}, "published, and not signing yet"
        waited.append(seconds)

    after = await rotate(sets, 60, quiet, sleep)

    assert waited == [60]
    assert after == Keys("made-1", ("old",), "made-2")


@pytest.mark.parametrize("call", ["add_key", "make_key", "drop_key"])
async def test_a_rotation_that_died_is_finished_by_the_next_one(call: str) -> None:
    sets = hydra(["old"], ["next"])
    sets.dies_at = call
    with pytest.raises(Unanswered):
        await rotate(sets, 60, quiet, no_wait)
    assert (await present(sets)).signing in {"old", "next"}, "something signs whenever it dies"

    sets.dies_at = ""
    after = await rotate(sets, 60, quiet, no_wait)

    assert after.signing in {"next", "made-1"}
    assert after.former[-1] == "old"
    assert sets.sets[NEXT] == [after.next]
    assert after.next not in {None, after.signing, *after.former}


async def test_only_a_former_key_is_retired() -> None:
    sets = hydra(["new", "old"], ["next", "old"])

    for kid in ("new", "next", "unknown"):
        with pytest.raises(NotRetired):
            await retire(sets, kid)
    await retire(sets, "old")

    assert sets.sets == {SIGNING: ["new"], NEXT: ["next"]}, "nowhere in the JWKS"
