"""Stand-ins for what the app keeps in PostgreSQL and Hydra's keys."""

from collections.abc import Mapping
from typing import Any

from identity.audit import Event
from identity.failures import Unanswered
from identity.roll import Entry, entry_hash

SECRET = "a-secret-of-the-roll"


class InMemoryRoll:
    """A roll of addresses. ``away``: it cannot be asked."""

    def __init__(self, *emails: str, jurisdiction: str = "") -> None:
        self._entries = {entry_hash(SECRET, email): Entry(entry_hash(SECRET, email), jurisdiction) for email in emails}
        self.bindings: dict[bytes, str] = {}
        self.away = False

    def add(self, email: str) -> None:
        self._entries[entry_hash(SECRET, email)] = Entry(entry_hash(SECRET, email), "")

    async def governs(self) -> bool:
        self._check()
        return bool(self._entries)

    async def claim(self, identity_id: str, email: str) -> Entry | None:
        self._check()
        for name, holder in self.bindings.items():
            if holder == identity_id:
                return self._entries[name]
        entry = self._entries.get(entry_hash(SECRET, email))
        if entry is None or self.bindings.setdefault(entry.hash, identity_id) != identity_id:
            return None
        return entry

    def _check(self) -> None:
        if self.away:
            raise Unanswered("the roll is away")


class InMemoryAuditTrail:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.away = False

    async def store(self, event: Event) -> None:
        if self.away:
            raise Unanswered("the trail is away")
        self.events.append(event)

    async def record(self, event: Event) -> None:
        if not self.away:
            self.events.append(event)


class InMemoryKeySets:
    """Hydra's key sets: the newest key first. ``dies_at``: the call that never comes to anything."""

    def __init__(self, **sets: list[str]) -> None:
        self.sets = {name.replace("__", ".").replace("_", "-"): list(kids) for name, kids in sets.items()}
        self.made = 0
        self.dies_at = ""

    async def keys(self, key_set: str) -> list[dict[str, Any]]:
        return [{"kid": kid} for kid in self.sets.get(key_set, [])]

    async def add_key(self, key_set: str, key: Mapping[str, Any]) -> None:
        self._die("add_key")
        kids = self.sets.setdefault(key_set, [])
        self.sets[key_set] = [key["kid"], *(kid for kid in kids if kid != key["kid"])]

    async def make_key(self, key_set: str) -> None:
        self._die("make_key")
        self.made += 1
        self.sets[key_set] = [f"made-{self.made}", *self.sets.get(key_set, [])]

    async def drop_key(self, key_set: str, kid: str) -> None:
        self._die("drop_key")
        self.sets[key_set] = [known for known in self.sets.get(key_set, []) if known != kid]

    def _die(self, call: str) -> None:
        if self.dies_at == call:
            raise Unanswered("died here")
