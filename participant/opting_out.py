"""Opting out: the flag on the customer and the closing of unsent answers are one transaction.

It needs no daemon, and a running daemon obeys at its next look at the database: the attempt ends here, a
vector that is being carried is cut, an answer that is still being filled in is dropped.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from participant.door import Door
from participant.door.admission import accepted
from participant.door.withdrawal import ClosedAnswer, Kept, kept_for
from participant.door.words import MASKED_VECTOR, privacy
from participant.store.attempts import Attempts
from participant.store.outbox import Outbox
from participant.store.records import Records
from protocols.service.unit_of_work import reading

REASON: Final = "a customer opted out"

KEPT: Final = {
    Kept.ANSWERING: "to take the own part out of the sum, or for another attempt at it",
    Kept.CHECKING: "until the linear check of its sum has ended; then it is deleted",
    Kept.NOTHING: "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contained:
    """A sum that may still contain the customer; ``privacy`` says what protects one customer in it.

    ``kept`` says why this company's own sealed vector of it is still here; empty where it is not.
    """

    round: int
    questions: tuple[str, ...]
    privacy: str
    kept: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an opt-out did: the answers that it closed, and the sums from which nobody can be taken out again.

    A sum is listed as soon as a masked vector for it was committed here: the other companies can complete it also
    where this one let go of it, and nobody has to tell.
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
    """Every sum for which masked bytes of this company may have left: a customer who counted may be in it."""
    attempts = Attempts(connection)
    masked = (attempts.find(*key) for key in Outbox(connection).having(MASKED_VECTOR))
    found = {each.round: each for each in masked if each is not None}
    return tuple(
        Contained(
            round=each.round,
            questions=tuple(block.question for block in accepted(each).answer.blocks),
            privacy=privacy(each.quote),
            kept=KEPT[kept_for(connection, each.answer_id)],
        )
        for each in found.values()
    )
