"""Erasing a customer: out of every answer, out of every file and model of this node, and it does not come back.

The steps are in an order in which each can be repeated, and the customer's row goes last: killed anywhere, the
same verb goes on where it stood. A finished erasure asked for again gives the same receipt.

What is not here to erase is said on the receipt: sums that left, backups, the shop's own files.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import Connection, Engine

from participant.door import Door
from participant.intake import erasing as files
from participant.opting_out import Contained, containing
from participant.store.erasures import ErasedIds, Erasures
from participant.store.records import unknown
from participant.training import Trainer
from protocols.service.clock import Clock

REASON: Final = "a customer was erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """An answer that was closed unsent; in ``rounds`` masked bytes of it may have left."""

    questions: tuple[str, ...]
    rounds: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an erasure did, begun ``at`` (unix seconds); it names nobody.

    ``rows`` purchases were removed, and ``rejected`` rows that had been refused. ``contained`` are the sums from
    which nobody can be taken out again. ``pages_settled`` is False where the database still holds an old page.
    """

    at: int
    rows: int
    rejected: int
    closed: tuple[Closed, ...]
    contained: tuple[Contained, ...]
    pages_settled: bool = True


_RECEIPT: Final = TypeAdapter(Receipt)


class Eraser:
    """Erases customers of one node, with or without its daemon."""

    def __init__(
        self,
        *,
        home: Path,
        db: Engine,
        door: Door,
        trainer: Trainer,
        clock: Clock,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._home = home
        self._db = db
        self._door = door
        self._trainer = trainer
        self._clock = clock
        self._entropy = entropy
        self._erasures = Erasures(db)
        self._ids = ErasedIds(home)

    def erase(self, customer: str) -> Receipt:
        """Erase ``customer`` (an id in the company's own data).

        Raises:
            UnknownCustomer: nobody with this id is or was stored here.
            ImportRunning, RecordsInUse, DiskFull, StorageFull: run it again; what was done stays done.
        """
        self._ids.make_key(self._entropy)
        keyed = self._ids.keyed(customer)
        earlier, key = self._erasures.find(keyed), self._erasures.customer(customer)
        rejected = files.count_rejected(customer, home=self._home)
        if earlier is None or (earlier.finished and (key is not None or rejected)):
            if key is None and not rejected:
                raise unknown()
            rows = 0 if key is None else files.count(key, home=self._home, engine=self._db)
            self._begin(customer, keyed, rows=rows, rejected=rejected)
        elif earlier.finished:
            return self._with_pages(earlier.receipt)
        self._door.erase_closed()
        files.scrub(customer, key, home=self._home, engine=self._db)
        self._erasures.scrubbed(keyed, at=self._clock.now())
        self._trainer.train_anew()
        begun = self._erasures.find(keyed)
        if begun is None:
            raise unknown()
        self._erasures.finish(
            keyed,
            customer,
            at=self._clock.now(),
            receipt=partial(_finished, _RECEIPT.validate_json(begun.receipt)),
        )
        finished = self._erasures.find(keyed)
        return self._with_pages(begun.receipt if finished is None else finished.receipt)

    def _begin(self, customer: str, keyed: bytes, *, rows: int, rejected: int) -> None:
        withdrawal, at = self._door.withdrawal(REASON), self._clock.now()

        def receipt(connection: Connection, counted: bool) -> str:
            if counted:
                withdrawal.close(connection)
            withdrawal.close_unmasked(connection)  # older ones may hold also who counts no more
            closed = tuple(Closed(questions=each.questions, rounds=each.rounds) for each in withdrawal.closed)
            made = Receipt(at=at, rows=rows, rejected=rejected, closed=closed, contained=())
            return _RECEIPT.dump_json(made).decode()

        self._erasures.begin(customer, keyed, at=at, receipt=receipt)
        withdrawal.erase()

    def _with_pages(self, receipt: str) -> Receipt:
        return replace(_RECEIPT.validate_json(receipt), pages_settled=self._erasures.settle_pages())


def _finished(begun: Receipt, connection: Connection) -> str:
    return _RECEIPT.dump_json(replace(begun, contained=containing(connection))).decode()
