"""Letting voters see a version: not before the log has it, and not if it would come too late."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from elections import lifecycle
from elections.catalogue import Catalogue
from elections.election import Version

Publish = Callable[[Sequence[Version]], None]


class Release:
    """``publish`` returns when the log has all versions, and raises otherwise. For ``notice`` see ``lifecycle.next_seen``."""

    def __init__(self, catalogue: Catalogue, publish: Publish, notice: timedelta) -> None:
        self._catalogue = catalogue
        self._publish = publish
        self.notice = notice

    def publish(self, versions: Sequence[Version]) -> Version:
        """Publish all versions of an election, the first to the newest known, and let voters see the newest if it is in time.

        Returns the version that is seen then. Blocks and raises as ``publish`` does; nothing more is seen then. Safe to repeat.
        """
        self._publish(versions)
        newest = versions[-1]
        # Read again: other runs may have released some of them meanwhile. What they have added, they release themselves.
        known = self._catalogue.versions(newest.election.election_id)[: newest.version]
        current = lifecycle.next_seen(known, datetime.now(UTC), self.notice)
        if current.version == newest.version:
            self._catalogue.note_published(newest)
        return current
