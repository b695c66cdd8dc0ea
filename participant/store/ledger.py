"""The ledger's lines: every answer that was paid for, and every payment that was given back. Lines are only added."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, insert, select

from participant.store.exchange_tables import ledger
from protocols.ledger import Debit, Ledger, Quote
from protocols.privacy import Price, Sampled

DEBIT, RETURNED = "debit", "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: a debit, or (with its ``returned_at`` and ``reason``) one that was given back."""

    debit: Debit
    returned_at: int
    reason: str


class LedgerBook:
    """The ledger within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def standing(self) -> Ledger:
        """Every debit that was not given back."""
        return Ledger(debits=tuple(line.debit for line in self.lines() if not line.returned_at))

    def lines(self) -> tuple[Line, ...]:
        """Every debit in the order in which it was made, with what became of it."""
        rows = self._db.execute(_ordered()).mappings().all()
        returned = {(row["round"], row["attempt"]): row for row in rows if row["kind"] == RETURNED}
        return tuple(
            _line(row, returned.get((row["round"], row["attempt"]))) for row in rows if row["kind"] == DEBIT
        )

    def debit(self, debit: Debit) -> None:
        """Add a debit (with the surrounding transaction); the database refuses a second one of an attempt."""
        self._add(DEBIT, debit, at=debit.at, reason=debit.note)

    def give_back(self, debit: Debit, *, at: int, reason: str) -> None:
        """Add the line that gives ``debit`` back; the database refuses a second one."""
        self._add(RETURNED, debit, at=at, reason=reason)

    def _add(self, kind: str, debit: Debit, *, at: int, reason: str) -> None:
        self._db.execute(
            insert(ledger).values(
                kind=kind,
                answer_id=debit.answer_id,
                round=debit.round,
                attempt=debit.attempt,
                questions=" ".join(debit.questions),
                at=at,
                quarter=debit.quarter,
                reason=reason,
                **quoted(debit.quote),
            )
        )


def quoted(quote: Quote) -> Mapping[str, int | None]:
    """A quote as columns: the same five wherever one is kept."""
    price = quote.price
    round_ = price.sampled[0] if price is not None and price.sampled else None
    loss = None if price is None else price.loss
    return {
        "loss": loss if round_ is None else round_.loss,
        "customers_cap": None if price is None else price.customers,
        "sample_rate": None if round_ is None else round_.rate,
        "rows_since": quote.since,
        "rows_until": quote.until,
    }


def quote_in(row: RowMapping) -> Quote:
    """The quote in those five columns."""
    loss, customers, rate = row["loss"], row["customers_cap"], row["sample_rate"]
    price = None
    if loss is not None:
        price = Price(loss=loss, customers=customers)
        if rate is not None:
            price = Price.of_rounds(Sampled(loss=loss, rate=rate), customers)
    return Quote(price=price, since=row["rows_since"], until=row["rows_until"])


def _ordered() -> Select[Any]:
    return select(ledger).order_by(ledger.c.id)


def _line(row: RowMapping, returned: RowMapping | None) -> Line:
    return Line(
        debit=Debit(
            answer_id=row["answer_id"],
            questions=tuple(row["questions"].split()),
            round=row["round"],
            attempt=row["attempt"],
            at=row["at"],
            quarter=row["quarter"],
            quote=quote_in(row),
            note=row["reason"],
        ),
        returned_at=0 if returned is None else returned["at"],
        reason="" if returned is None else returned["reason"],
    )
