"""The roster chain and the audit log as this node last saw them: both only ever move forwards."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from participant.store.exchange_tables import rosters, seen
from protocols.merkle import Frontier


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRoster:
    """One version: its canonical ``SignedRoster`` bytes, and whether we signed it and it is in force."""

    height: int
    hash: bytes
    body: bytes
    approved: bool
    in_force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAudit:
    """Size and head of the longest audit log seen, and how many advertisements this node has made."""

    size: int
    head: bytes
    counter: int


class Rosters:
    """Roster versions and the audit height, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def in_force(self) -> StoredRoster | None:
        """The highest version in force, or None before the founding is complete."""
        query = select(rosters).where(rosters.c.in_force_at.is_not(None)).order_by(rosters.c.height.desc())
        return self._one(query.limit(1))

    def approved(self) -> bool:
        """Whether the officer has accepted any version."""
        return (
            self._db.execute(select(rosters.c.height).where(rosters.c.approved_at.is_not(None))).first()
            is not None
        )

    def at(self, height: int) -> StoredRoster | None:
        """The version at ``height`` if this node has signed it or seen it in force."""
        return self._one(select(rosters).where(rosters.c.height == height))

    def all_in_force(self) -> tuple[StoredRoster, ...]:
        """Every version that was seen in force, newest first."""
        query = select(rosters).where(rosters.c.in_force_at.is_not(None)).order_by(rosters.c.height.desc())
        return tuple(_stored(row) for row in self._db.execute(query))

    def approve(self, *, height: int, roster_hash: bytes, body: bytes, at: int) -> None:
        """Keep that the officer accepted this version: at most one successor per height is signed."""
        self._db.execute(
            insert(rosters).values(
                height=height, hash=roster_hash, body=body, approved_at=at, in_force_at=None
            )
        )

    def put_in_force(self, *, height: int, roster_hash: bytes, body: bytes, at: int) -> None:
        """Keep a version whose chain and signatures were verified; replaces our lone approval of it."""
        if self.at(height) is None:
            self._db.execute(
                insert(rosters).values(
                    height=height, hash=roster_hash, body=body, approved_at=None, in_force_at=at
                )
            )
        else:
            row = rosters.c.height == height
            self._db.execute(update(rosters).where(row).values(body=body, hash=roster_hash, in_force_at=at))

    def seen(self) -> SeenAudit:
        """The audit log as last seen; size 0 before the first round."""
        row = self._db.execute(select(seen)).one_or_none()
        if row is None:
            return SeenAudit(size=0, head=Frontier().root, counter=0)
        return SeenAudit(size=row.audit_size, head=row.audit_head, counter=row.counter)

    def advance(self, *, size: int, head: bytes) -> int:
        """Move to a longer log and return the next value of the advertisement counter."""
        before = self.seen()
        values = {"audit_size": size, "audit_head": head, "counter": before.counter + 1}
        if self._db.execute(update(seen).values(values)).rowcount == 0:
            self._db.execute(insert(seen).values(id=1, **values))
        return before.counter + 1

    def count_from(self, counter: int) -> None:
        """Never advertise again under a counter up to ``counter``."""
        before = self.seen()
        if self._db.execute(select(seen.c.id)).one_or_none() is None:
            values = {"audit_size": before.size, "audit_head": before.head, "counter": counter}
            self._db.execute(insert(seen).values(id=1, **values))
        self._db.execute(update(seen).where(seen.c.counter < counter).values(counter=counter))

    def _one(self, query: object) -> StoredRoster | None:
        row = self._db.execute(query).one_or_none()  # type: ignore[call-overload]
        return None if row is None else _stored(row)


def _stored(row: Row[Any]) -> StoredRoster:
    return StoredRoster(
        height=row.height,
        hash=row.hash,
        body=row.body,
        approved=row.approved_at is not None,
        in_force=row.in_force_at is not None,
    )
