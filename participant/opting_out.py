"""Opting out: the flag on the customer and the closing of unsent answers are one transaction.

It needs no daemon, and a running daemon obeys at its next look at the database: the attempt ends here, a
vector that is being carried is cut, an answer that is still being filled in is dropped.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from participant.door import Door
from participant.door.admission import accepted
from participant.door.withdrawal import ClosedAnswer
from participant.door.words import privacy
from participant.store.attempts import Attempts
from participant.store.records import Records
from participant.store.releases import Releases
from protocols.service.unit_of_work import reading

REASON: Final = "a customer opted out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contained:
    """A sum that may still contain the customer; ``privacy`` says what protects one customer in it."""

    round: int
    questions: tuple[str, ...]
    privacy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an opt-out did: the answers that it closed, and the sums from which nobody can be taken out again.

    A sum is listed as soon as this company has unmasked it, whether its release came already or not.
    """

    closed: tuple[ClosedAnswer, ...]
    contained: tuple[Contained, ...]

    @property
    def rounds(self) -> tuple[int, ...]:
        """The rounds of those sums."""
        return tuple(each.round for each in self.contained)


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
        return Receipt(closed=withdrawal.closed, contained=containing(connection))


def containing(connection: Connection) -> tuple[Contained, ...]:
    """Every sum that this company helped to open: a customer who counted may be in it."""
    attempts = Attempts(connection)
    witnessed = [kept for kept in Releases(connection).all() if kept.witnessed]
    released = (attempts.find(kept.round, kept.attempt) for kept in witnessed)
    found = {each.round: each for each in (*attempts.unmasked(), *released) if each is not None}
    return tuple(
        Contained(
            round=number,
            questions=tuple(block.question for block in accepted(found[number]).answer.blocks),
            privacy=privacy(found[number].quote),
        )
        for number in sorted(found)
    )
