"""Who is eligible: what a new identity is told, and what a token says about one.

What decides is ``metadata_public``, which the voter cannot edit. Where a voter roll governs, an identity becomes eligible when it
has proved (by the code in the mail) that it holds an address of the roll, and takes the entry of that address; an entry belongs
to one identity for good. ``metadata_public`` then says ``on_roll: true``. One that has no entry yet says ``on_roll: false`` and
is looked at again at each sign-in. Without ``on_roll`` and not eligible, it is an operator who said no, and that stands.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from identity.audit import AuditTrail, Event
from identity.kratos_api import Identity, Kratos
from identity.roll import Entry
from identity.settings import EligibilityPolicy


class Roll(Protocol):
    """The voter roll and who holds its entries. Every method raises ``Unanswered`` when the roll cannot be asked."""

    async def governs(self) -> bool:
        """Whether there is a roll at all."""

    async def claim(self, identity_id: str, email: str) -> Entry | None:
        """The entry that is this identity's: the one it has, or that of this address if nobody has it. ``None`` if neither is.

        The address has to be proved. Repeating it changes nothing.
        """


class Eligibility:
    def __init__(self, policy: EligibilityPolicy, roll: Roll, kratos: Kratos, audit: AuditTrail) -> None:
        self._policy = policy
        self._roll = roll
        self._kratos = kratos
        self._audit = audit

    async def of_new_identity(self) -> dict[str, Any]:
        """What ``metadata_public`` says of an identity that is about to be registered. It always says whether it is eligible."""
        if await self._roll_governs():
            return {"eligible": False, "on_roll": False}
        return {"eligible": self._policy is EligibilityPolicy.EVERYONE}

    async def settle(self, identity: Identity) -> Identity:
        """The identity as it is to be believed now; Kratos is told what has changed. Raises ``Failure``.

        Dying between taking an entry and telling Kratos costs nothing: the next sign-in finds the entry taken by this identity.
        """
        metadata = identity.metadata_public
        if not undecided(metadata) or not await self._roll_governs():
            return identity
        email = identity.traits.get("email")
        entry = await self._roll.claim(identity.id, email) if identity.email_verified and isinstance(email, str) else None
        decided = dict(metadata) | of_entry(entry)
        if decided == metadata:
            return identity
        await self._kratos.set_metadata(identity.id, of_entry(entry))
        if entry is not None:
            await self._audit.record(Event("roll.entry_taken", "success", identity.id))
        return replace(identity, metadata_public=decided)

    async def _roll_governs(self) -> bool:
        match self._policy:
            case EligibilityPolicy.ROLL:
                return True
            case EligibilityPolicy.EVERYONE:
                return await self._roll.governs()
            case EligibilityPolicy.NOBODY:
                return False


def undecided(metadata: Mapping[str, Any]) -> bool:
    """Whether the roll still has to be asked: nobody has found the identity on it, and no operator has said no."""
    if "on_roll" in metadata:
        return metadata["on_roll"] is not True
    return metadata.get("eligible") is True


def of_entry(entry: Entry | None) -> dict[str, Any]:
    """What ``metadata_public`` says of an identity because it holds this entry of the roll, or none."""
    if entry is None:
        return {"eligible": False, "on_roll": False}
    jurisdiction = {"jurisdiction": entry.jurisdiction} if entry.jurisdiction else {}
    return {"eligible": True, "on_roll": True, **jurisdiction}
