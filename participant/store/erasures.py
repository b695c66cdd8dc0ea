"""Customers who were erased: their row goes, and a keyed hash of their id stays, so that no old export brings them back.

An erasure has four steps, each a transaction, and each may be repeated: *begun* (out of every answer, and out of
every import of purchases until now), *scrubbed* (no file holds a row any more), *finished* (no row in the database,
the receipt written). What was computed from purchases compares :meth:`Erasures.mark` before and after.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from participant.store.record_tables import appetites, customers, erasures
from protocols.errors import BadInput
from protocols.limits import KEY_BYTES
from protocols.service import durable
from protocols.service.unit_of_work import reading, transaction

Mark = tuple[int, int, int]
"""How many erasures there were, when the last began, how many are scrubbed."""

KEY_FILE: Final = Path("keys") / "erased.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One customer's erasure. ``receipt`` is JSON; ``customer_key`` is gone once it is finished."""

    keyed: bytes
    at: int
    customer_key: int | None
    finished: bool
    receipt: str


class ErasedIds:
    """The keyed hash under which an erased customer is remembered: without the key it says nothing."""

    def __init__(self, home: Path) -> None:
        self._path = home / KEY_FILE

    def make_key(self, entropy: Callable[[int], bytes]) -> None:
        """Draw the key at the first erasure."""
        if not self._path.exists():
            durable.write(self._path, [entropy(KEY_BYTES)])

    def keyed(self, external_id: str) -> bytes:
        """The hash of an id, 32 bytes.

        Raises:
            BadInput: the key is gone; without it erased customers would come back unnoticed.
        """
        try:
            key = self._path.read_bytes()
        except OSError:
            raise BadInput(
                expected=f"the key of erased customers in {self._path}",
                came="none",
                do="put it back from the backup of `keys/`; until then nothing is read in",
            ) from None
        return hmac.digest(key, external_id.encode("utf-8"), "sha256")


class Erasures:
    """The erasures of one node."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def customer(self, external_id: str) -> int | None:
        """The key of a customer who is stored, or None."""
        query = select(customers.c.customer_key).where(customers.c.external_id == external_id)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one_or_none()

    def find(self, keyed: bytes) -> Erasure | None:
        """The newest erasure of this customer, or None."""
        with reading(self._engine) as connection:
            row = connection.execute(select(erasures).where(erasures.c.keyed == keyed)).one_or_none()
        if row is None:
            return None
        return Erasure(
            keyed=row.keyed,
            at=row.at,
            customer_key=row.customer_key,
            finished=row.finished_at is not None,
            receipt=row.receipt,
        )

    def begin(
        self,
        external_id: str,
        keyed: bytes,
        *,
        at: int,
        receipt: Callable[[Connection, bool], str],
    ) -> None:
        """Take the customer out of every answer and of every import of purchases up to ``at``.

        ``receipt`` is called in the same transaction, told whether the customer counted until now. An erasure
        that was begun and not finished stays as it was begun.
        """
        one = customers.c.external_id == external_id
        with transaction(self._engine) as connection:
            before = connection.execute(select(erasures).where(erasures.c.keyed == keyed)).one_or_none()
            if before is not None and before.finished_at is None:
                return
            row = connection.execute(select(customers).where(one)).one_or_none()
            counted = row is not None and not row.opted_out
            connection.execute(update(customers).where(one).values(opted_out=True))
            connection.execute(delete(erasures).where(erasures.c.keyed == keyed))
            connection.execute(
                insert(erasures).values(
                    keyed=keyed,
                    at=at,
                    customer_key=None if row is None else row.customer_key,
                    receipt=receipt(connection, counted),
                )
            )

    def scrubbed(self, keyed: bytes, *, at: int) -> None:
        """Note that no file holds a row of this customer any more."""
        with transaction(self._engine) as connection:
            connection.execute(update(erasures).where(erasures.c.keyed == keyed).values(scrubbed_at=at))

    def finish(
        self, keyed: bytes, external_id: str, *, at: int, receipt: Callable[[Connection], str]
    ) -> None:
        """Delete the customer's row and what the customer said, and write the receipt."""
        with transaction(self._engine) as connection:
            gone = select(customers.c.customer_key).where(customers.c.external_id == external_id)
            connection.execute(delete(appetites).where(appetites.c.customer_key.in_(gone)))
            connection.execute(delete(customers).where(customers.c.external_id == external_id))
            connection.execute(
                update(erasures)
                .where(erasures.c.keyed == keyed)
                .values(customer_key=None, finished_at=at, receipt=receipt(connection))
            )

    def until(self) -> dict[bytes, int]:
        """For every erased customer the last second of purchases that are not read in again."""
        with reading(self._engine) as connection:
            found = connection.execute(select(erasures.c.keyed, erasures.c.at))
            return {row.keyed: row.at for row in found}

    def unfinished(self) -> int:
        """How many erasures were interrupted."""
        query = select(func.count()).where(erasures.c.finished_at.is_(None))
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    @staticmethod
    def mark(connection: Connection) -> Mark:
        """Changes when an erasure begins and when it is scrubbed: what was computed across a change is stale."""
        columns = (func.count(), func.max(erasures.c.at), func.count(erasures.c.scrubbed_at))
        row = connection.execute(select(*columns).select_from(erasures)).one()
        return int(row[0]), int(row[1] or 0), int(row[2])

    def settle_pages(self) -> bool:
        """Have the database let go of old pages; False: another reader held it back, so try again later.

        SQLite overwrites what is deleted (``secure_delete``); its write-ahead log is emptied here. PostgreSQL
        keeps old rows until its own VACUUM.
        """
        if self._engine.dialect.name != "sqlite":
            return True
        with self._engine.connect() as connection:
            raw = connection.connection.driver_connection
            if raw is None:
                return False
            (busy, *_) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
