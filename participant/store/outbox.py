"""The outbox: every payload that left this company or may leave it, with the sentence an officer reads.

A record is committed before the first byte of its payload moves. There is at most one payload per
(round, attempt, kind); asking for it again gives the same bytes.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from participant.store.exchange_tables import outbox

NO_DIFFERENTIAL_PRIVACY = "no differential privacy in this release"
"""Said in words in every record until noise is added at the door."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRecord:
    """One payload: ``body`` holds its exact bytes, or ``file`` names them when it is a vector.

    ``kind`` is a phase of the secure sum, ``masked-vector``, ``sealed-vector`` (stays here), ``vote``, or a
    message of the linear check.
    ``input_hash`` identifies what it answers, so that a different question for the same phase is refused.
    """

    round: int
    attempt: int
    kind: str
    input_hash: bytes
    body: bytes
    file: str
    sha256: bytes
    size_bytes: int
    questions: str
    shape: str
    recipients: str
    sentence: str
    privacy: str
    committed_at: int
    handed_at: int | None


class Outbox:
    """The outbox within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def find(self, round_number: int, attempt: int, kind: str) -> OutboxRecord | None:
        """The payload of this kind, or None if none was committed."""
        row = (
            self._db.execute(select(outbox).where(_key(round_number, attempt, kind))).mappings().one_or_none()
        )
        return None if row is None else _record(row)

    def add(self, record: OutboxRecord) -> None:
        """Commit a payload (with the surrounding transaction)."""
        self._db.execute(insert(outbox).values({f: getattr(record, f) for f in OutboxRecord.__slots__}))

    def handed(self, round_number: int, attempt: int, kind: str, *, at: int) -> None:
        """Note when the payload was first handed to somebody outside this process."""
        unset = _key(round_number, attempt, kind) & outbox.c.handed_at.is_(None)
        self._db.execute(update(outbox).where(unset).values(handed_at=at))

    def having(self, kind: str) -> tuple[tuple[int, int], ...]:
        """(round, attempt) of every payload of this kind, in order."""
        query = select(outbox.c.round, outbox.c.attempt).where(outbox.c.kind == kind)
        rows = self._db.execute(query.order_by(outbox.c.round, outbox.c.attempt))
        return tuple((row.round, row.attempt) for row in rows)

    def recent(self, limit: int, *, since: int = 0) -> tuple[OutboxRecord, ...]:
        """The newest records first, committed at ``since`` or later."""
        query = select(outbox).where(outbox.c.committed_at >= since).order_by(outbox.c.id.desc()).limit(limit)
        return tuple(_record(row) for row in self._db.execute(query).mappings())


def _key(round_number: int, attempt: int, kind: str) -> ColumnElement[bool]:
    return (outbox.c.round == round_number) & (outbox.c.attempt == attempt) & (outbox.c.kind == kind)


def _record(row: RowMapping) -> OutboxRecord:
    return OutboxRecord(**{f: row[f] for f in OutboxRecord.__slots__})
