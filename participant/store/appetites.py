"""What customers said about their own appetite: answers with the day of consent, or that none be kept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, delete, insert, select

from participant.store.record_tables import appetites, customers
from participant.store.records import unknown
from protocols.service.unit_of_work import reading, transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One customer. ``removed``: wants no appetite; ``consented_at`` 0: no questionnaire, and no ``answers``."""

    customer_key: int
    opted_out: bool
    removed: bool
    consented_at: int
    answers: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A questionnaire: need for uniqueness and openness, 1 to 5, and the second of consent."""

    customer: str
    consented_at: int
    uniqueness: float
    openness: float


class SaidAppetites:
    """Reads and writes it; a call is a transaction. An erasure of the customer takes it along."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, external_id: str) -> Said:
        """What one customer said.

        Raises:
            UnknownCustomer: nobody with this id bought here.
        """
        with reading(self._engine) as connection:
            key, opted_out = _customer(connection, external_id)
            row = connection.execute(select(appetites).where(appetites.c.customer_key == key)).one_or_none()
        asked = row is not None and row.consented_at is not None
        return Said(
            customer_key=key,
            opted_out=opted_out,
            removed=row is not None and row.removed_at is not None,
            consented_at=row.consented_at if row is not None and asked else 0,
            answers=(row.uniqueness, row.openness) if row is not None and asked else (),
        )

    def removed(self) -> NDArray[np.int64]:
        """Keys of the customers who want no appetite, ascending."""
        query = select(appetites.c.customer_key).where(appetites.c.removed_at.is_not(None))
        with reading(self._engine) as connection:
            keys = connection.execute(query.order_by(appetites.c.customer_key)).scalars().all()
        return np.array(keys, np.int64)

    def remove(self, external_id: str, *, at: int) -> None:
        """Forget the answers and assume nothing of this customer from now on.

        Raises:
            UnknownCustomer: nobody with this id bought here.
        """
        with transaction(self._engine) as connection:
            key, _ = _customer(connection, external_id)
            _replace(connection, key, removed_at=at)

    def keep(self, given: Answered) -> bool:
        """Store a questionnaire; False where the customer had it removed after that consent, or agreed anew later.

        Raises:
            UnknownCustomer: nobody with this id bought here.
        """
        with transaction(self._engine) as connection:
            key, _ = _customer(connection, given.customer)
            row = connection.execute(select(appetites).where(appetites.c.customer_key == key)).one_or_none()
            before = 0 if row is None else max(row.removed_at or 0, row.consented_at or 0)
            if before >= given.consented_at:
                return False
            _replace(
                connection,
                key,
                consented_at=given.consented_at,
                uniqueness=given.uniqueness,
                openness=given.openness,
            )
        return True


def _customer(connection: Connection, external_id: str) -> tuple[int, bool]:
    query = select(customers.c.customer_key, customers.c.opted_out).where(
        customers.c.external_id == external_id
    )
    found = connection.execute(query).one_or_none()
    if found is None:
        raise unknown()
    return int(found.customer_key), bool(found.opted_out)


def _replace(connection: Connection, key: int, **values: float) -> None:
    connection.execute(delete(appetites).where(appetites.c.customer_key == key))
    connection.execute(insert(appetites).values(customer_key=key, **values))
