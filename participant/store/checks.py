"""Linear checks that have not ended: what a survivor keeps for one, sealed, and the release that waits for it.

A row lives from the unmasking until the check has ended or its time is over. What was said in it stays in the
outbox, one opening and one answer an attempt, for ever.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, insert, select, update

from participant.store.exchange_tables import checks


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheck:
    """``sealed`` is a ciphertext; ``release`` and ``manifest`` are empty until the release has come."""

    round: int
    attempt: int
    state: str
    sealed: bytes
    until: int
    release: bytes = b""
    manifest: bytes = b""

    @property
    def key(self) -> tuple[int, int]:
        """(round, attempt)."""
        return self.round, self.attempt


class Checks:
    """Linear checks within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def find(self, key: tuple[int, int]) -> StoredCheck | None:
        """The check of an attempt, or None where there is none or it has ended."""
        row = self._db.execute(select(checks).where(_at(key))).mappings().one_or_none()
        return None if row is None else _check(row)

    def all(self) -> tuple[StoredCheck, ...]:
        """Every check that has not ended, in order."""
        query = select(checks).order_by(checks.c.round, checks.c.attempt)
        return tuple(_check(row) for row in self._db.execute(query).mappings())

    def add(self, check: StoredCheck) -> None:
        """Keep what a check will need."""
        self._db.execute(insert(checks).values({f: getattr(check, f) for f in StoredCheck.__slots__}))

    def move(self, key: tuple[int, int], *, state: str, sealed: bytes) -> None:
        """Replace the state of a check."""
        self._db.execute(update(checks).where(_at(key)).values(state=state, sealed=sealed))

    def hold(self, key: tuple[int, int], *, release: bytes, manifest: bytes) -> None:
        """Note the release that waits for a check."""
        self._db.execute(update(checks).where(_at(key)).values(release=release, manifest=manifest))

    def end(self, key: tuple[int, int]) -> None:
        """Forget a check; its key file is the caller's to erase."""
        self._db.execute(delete(checks).where(_at(key)))


def _at(key: tuple[int, int]) -> ColumnElement[bool]:
    return (checks.c.round == key[0]) & (checks.c.attempt == key[1])


def _check(row: RowMapping) -> StoredCheck:
    return StoredCheck(**{f: row[f] for f in StoredCheck.__slots__})
