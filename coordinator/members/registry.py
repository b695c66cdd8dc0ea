"""Whose requests are answered: everybody who enrolled and was not removed.

The roll is asked on every request, so it is kept in memory and dropped when it changes.
"""

import threading

from sqlalchemy import Engine

from coordinator.errors import UnknownMember
from coordinator.store.members import Member, Members
from protocols.identity import PartnerId, Roll
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading


class Registry:
    """The members as the edges of the daemon need them."""

    def __init__(self, db: Engine, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._lock = threading.Lock()
        self._roll: Roll | None = None
        self._seen: dict[PartnerId, int] = {}

    def roll(self) -> Roll:
        """Identity keys of everybody who may send signed requests."""
        with self._lock:
            if self._roll is None:
                with reading(self._db) as connection:
                    self._roll = {m.partner: m.identity_key for m in Members(connection).active()}
            return self._roll

    def changed(self) -> None:
        """Members changed: read them again at the next request."""
        with self._lock:
            self._roll = None

    def note_seen(self, partner: PartnerId) -> None:
        """A verified request of ``partner`` came just now."""
        self._seen[partner] = self._clock.now()

    def last_seen(self, partner: PartnerId) -> int:
        """Unix seconds of the last verified request since the daemon started, 0 before any."""
        return self._seen.get(partner, 0)

    def named(self, names: tuple[str, ...]) -> tuple[Member, ...]:
        """The active members with these names or hexadecimal ids.

        Raises:
            UnknownMember: one of them does not exist.
        """
        with reading(self._db) as connection:
            members = Members(connection).active()
        found = []
        for name in names:
            match = [member for member in members if name in (member.name, member.partner.hex())]
            if not match:
                raise UnknownMember(
                    expected="names of members",
                    came=name[:80],
                    do="list them with `altrove-coordinator members`",
                )
            found.append(match[0])
        return tuple(found)
