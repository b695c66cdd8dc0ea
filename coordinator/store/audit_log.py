"""Repository of the audit log: it can append and read, and has no way to change or delete."""

from dataclasses import dataclass

from sqlalchemy import Connection, Row, func, insert, select

from coordinator.store.round_tables import audit_entries
from protocols.audit import AuditEntry, leaf
from protocols.codec import decode, encode
from protocols.identity import Signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry with what was hashed and the tree head signed right after it."""

    entry: AuditEntry
    body: bytes
    head: Signed


class AuditLog:
    """Appends and reads lines."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, line: Line) -> None:
        """Store the next line; a sequence number used before breaks the primary key."""
        self._connection.execute(
            insert(audit_entries).values(
                sequence=line.entry.sequence,
                at=line.entry.at,
                kind=line.entry.kind,
                body_hash=line.entry.body_hash,
                body=line.body,
                head=encode(line.head),
            )
        )

    def size(self) -> int:
        """How many entries the log has."""
        return self._connection.execute(select(func.count()).select_from(audit_entries)).scalar_one()

    def lines(self, first: int = 0, limit: int | None = None) -> tuple[Line, ...]:
        """Lines from sequence number ``first``."""
        query = select(audit_entries).where(audit_entries.c.sequence >= first)
        rows = self._connection.execute(query.order_by(audit_entries.c.sequence).limit(limit))
        return tuple(map(_line, rows))

    def leaves(self, size: int | None = None) -> list[bytes]:
        """Leaf hashes of the first ``size`` entries (all by default)."""
        columns = (
            audit_entries.c.sequence,
            audit_entries.c.at,
            audit_entries.c.kind,
            audit_entries.c.body_hash,
        )
        query = select(*columns).order_by(audit_entries.c.sequence).limit(size)
        return [
            leaf(AuditEntry(sequence=row.sequence, at=row.at, kind=row.kind, body_hash=row.body_hash))
            for row in self._connection.execute(query)
        ]

    def last_head(self) -> Signed | None:
        """The newest signed tree head, or None while the log is empty."""
        query = select(audit_entries.c.head).order_by(audit_entries.c.sequence.desc()).limit(1)
        found = self._connection.execute(query).scalar_one_or_none()
        return None if found is None else decode(Signed, found)


def _line(row: Row[tuple[object, ...]]) -> Line:
    entry = AuditEntry(sequence=row.sequence, at=row.at, kind=row.kind, body_hash=row.body_hash)
    return Line(entry=entry, body=row.body, head=decode(Signed, row.head))
