"""What a voter has chosen and not cast yet: kept while they check it, sign in, or try again; forgotten once it is cast."""

from web.vault import Vault

KIND = "choice"
# Long enough to register an account and find the second factor, short enough for a shared device.
LIFE_SECONDS = 3600


class Choices:
    """Choices by browser and election. A choice made by a signed-in voter is never shown to another who signs in there.

    Methods raise ``Unanswered`` while the session store is away.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def find(self, browser: str, election_id: str) -> str | None:
        kept = await self._vault.get(browser, KIND)
        return None if kept is None else kept["choices"].get(election_id)

    async def keep(self, browser: str, election_id: str, candidate_id: str, sub: str | None) -> None:
        """``sub`` is the voter who is signed in, if somebody is."""
        kept = await self._vault.get(browser, KIND)
        choices = dict(kept["choices"]) if kept is not None and kept["sub"] in {None, sub} else {}
        choices[election_id] = candidate_id
        await self._vault.put(browser, KIND, {"sub": sub, "choices": choices}, LIFE_SECONDS)

    async def forget(self, browser: str, election_id: str) -> None:
        kept = await self._vault.get(browser, KIND)
        if kept is None:
            return
        choices = {other: choice for other, choice in kept["choices"].items() if other != election_id}
        await self._vault.put(browser, KIND, {**kept, "choices": choices}, LIFE_SECONDS)

    async def carry(self, former: str, browser: str, sub: str) -> None:
        """Hand the choices over to the id that the browser has after signing in, unless they are somebody else's."""
        kept = await self._vault.take(former, KIND)
        if kept is not None and kept["sub"] in {None, sub}:
            await self._vault.put(browser, KIND, {**kept, "sub": sub}, LIFE_SECONDS)
