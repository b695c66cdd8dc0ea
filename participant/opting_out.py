"""Opting out: the flag on the customer and the closing of unsent answers are one transaction.

It needs no daemon, and a running daemon obeys at its next look at the database: the attempt ends here, a
vector that is being carried is cut, an answer that is still being filled in is dropped.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from participant.door import Door
from participant.door.withdrawal import ClosedAnswer
from participant.store.records import Records
from participant.store.releases import Releases
from protocols.service.unit_of_work import reading

REASON: Final = "a customer opted out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an opt-out did. ``rounds`` are those of releases that may still contain the customer."""

    closed: tuple[ClosedAnswer, ...]
    rounds: tuple[int, ...]


def opt_out(customer: str, *, db: Engine, records: Records, door: Door) -> Receipt:
    """Leave ``customer`` (an id in the company's own data) out of every answer from now on.

    For a customer who opted out before nothing changes and nothing is closed.

    Raises:
        UnknownCustomer: nobody with this id bought here; nothing was closed.
    """
    withdrawal = door.withdrawal(REASON)
    records.opt_out(customer, before_commit=withdrawal.close)
    withdrawal.erase()
    with reading(db) as connection:
        released = sorted({kept.round for kept in Releases(connection).all() if kept.witnessed})
    return Receipt(closed=withdrawal.closed, rounds=tuple(released))
