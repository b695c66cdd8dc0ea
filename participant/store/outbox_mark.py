"""How far the outbox has come, kept in a small file outside the database and outside every backup.

The file is one ahead of nothing and behind nothing: before a transaction that adds payloads is committed
it says which number is *pending*, and before anything of it can be sent, that it is *committed*. A
database that ends below what is committed is not the one that was last written: it was restored. One
that ends at what was pending, or before it, was only interrupted.
"""

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, func, select

from participant.store.exchange_tables import outbox
from protocols.service import durable
from protocols.service.unit_of_work import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Numbers of outbox records: the last that may have been sent, and the last that was about to be."""

    committed: int
    pending: int


class OutboxMark:
    """Compares the file with the database once, then keeps it. One a daemon."""

    def __init__(self, db: Engine, path: Path) -> None:
        self._db = db
        self._path = path
        self._mark = Mark(committed=0, pending=0)
        self._lock = threading.Lock()

    def is_older(self) -> bool:
        """Whether the database ends before what this node may have sent.

        Where the file is gone, or cannot be read, any database but an empty one counts as older.
        """
        here, mark = self._highest(), self.read()
        return here > 0 if mark is None else here < mark.committed

    def read(self) -> Mark | None:
        """The mark in the file, or None where there is none."""
        try:
            found = json.loads(self._path.read_text(encoding="ascii"))
            return Mark(committed=int(found["committed"]), pending=int(found["pending"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def follow(self) -> None:
        """Take the database as it is now, and keep the file in step with every commit from now on."""
        self._write(self._highest(), self._highest())
        event.listen(self._db, "commit", self._before_commit)
        event.listen(self._db, "checkin", self._after)

    def _before_commit(self, connection: Connection) -> None:
        ahead = _number(connection)
        with self._lock:
            if ahead > self._mark.pending:
                self._write(self._mark.committed, ahead)

    def _after(self, dbapi_connection: Any, _record: object) -> None:
        """A connection is back in its pool: what was pending may have been committed, by it or by another.

        Never lowers a number: another thread may be about to commit what is pending.
        """
        with self._lock:
            if dbapi_connection is None or self._mark.pending == self._mark.committed:
                return
            cursor = dbapi_connection.cursor()
            cursor.execute("SELECT max(id) FROM outbox")
            (here,) = cursor.fetchone()
            cursor.close()
            dbapi_connection.rollback()  # PostgreSQL began a transaction for the question
            if here is not None and here > self._mark.committed:
                self._write(here, max(here, self._mark.pending))

    def _write(self, committed: int, pending: int) -> None:
        self._mark = Mark(committed=committed, pending=pending)
        text = json.dumps({"committed": committed, "pending": pending})
        durable.write(self._path, [text.encode("ascii")])

    def _highest(self) -> int:
        with reading(self._db) as connection:
            return _number(connection)


def _number(connection: Connection) -> int:
    return connection.execute(select(func.max(outbox.c.id))).scalar_one_or_none() or 0
