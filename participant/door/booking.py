"""After a restore: what this node signed since its backup is booked, or what may have been.

A restored ledger has forgotten debits, and whoever restores a node would get their answers for nothing. So before
the door opens again each answer that the node advertised since is debited at this company's own price, whether
or not a masked input can be shown: a coordinator that kept one back must gain nothing by it. Where advertisements
are missing altogether, all that the budget still allowed is booked, in every quarter since the backup.

The lines are of the same append-only ledger, and their notes say where they came from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from participant.door.admission import accepted
from participant.store.attempts import Attempts
from participant.store.ledger import LedgerBook
from protocols import ledger as ledgers
from protocols.codec import tagged_hash
from protocols.ledger import Debit, Quote
from protocols.policy import Policy

SENT: Final = "booked after a restore: this company's own signature shows a masked answer"
UNSURE: Final = "booked after a restore: it was begun, and nobody can show that it was not sent"
UNKNOWN: Final = (
    "booked after a restore: nobody shows what was answered, so all that was left is taken as spent"
)
"""Notes of booked lines, as officers read them."""

OF_NO_ROUND: Final = 0
"""Rounds count from 1: what is booked for nobody knows which answer is under this number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """An answer that was begun since the backup: its price, and when at the latest it was paid for."""

    answer_id: bytes
    questions: tuple[str, ...]
    round: int
    attempt: int
    at: int
    quote: Quote
    note: str


def book(
    connection: Connection,
    policy: Policy,
    owed: Sequence[Owed],
    *,
    unknown: bool,
    since: int,
    now: int,
) -> tuple[Debit, ...]:
    """Debit what is owed and what the backup held open; ``unknown``: and the rest of every budget ``since``.

    What has a debit already costs nothing again, so that doing this twice books it once.
    """
    ledger = LedgerBook(connection)
    booked = []
    for each in (*owed, *_held_open(connection, now)):
        standing = ledger.standing()
        if standing.of(each.answer_id) is None:
            debit = Debit(
                answer_id=each.answer_id,
                questions=each.questions,
                round=each.round,
                attempt=each.attempt,
                at=each.at,
                quarter=standing.quarter(each.at),
                quote=each.quote,
                note=each.note,
            )
            ledger.debit(debit)
            booked.append(debit)
    if unknown:
        booked += _everything(ledger, policy, since=since, now=now)
    return tuple(booked)


def _held_open(connection: Connection, now: int) -> Sequence[Owed]:
    """Attempts that the backup holds open: they may have gone on after it was made."""
    found = (Attempts(connection).find(*key) for key in Attempts(connection).open_keys())
    return [
        Owed(
            answer_id=each.answer_id,
            questions=tuple(block.question for block in accepted(each).answer.blocks),
            round=each.round,
            attempt=each.attempt,
            at=now,
            quote=each.quote,
            note=UNSURE,
        )
        for each in found
        if each is not None
    ]


def _everything(ledger: LedgerBook, policy: Policy, *, since: int, now: int) -> Sequence[Debit]:
    """One line for each quarter from ``since`` on that takes up all that it and the lifetime still hold."""
    booked = []
    used = [line.debit.attempt for line in ledger.lines() if line.debit.round == OF_NO_ROUND]
    for quarter in range(ledgers.quarter_of(min(since, now)), ledgers.quarter_of(now) + 1):
        standing, at = ledger.standing(), min(now, ledgers.begin_of(quarter + 1) - 1)
        rows = Quote(price=None, since=0, until=at)
        spent = (debit.quote.price for debit in standing.debits if debit.quarter == quarter)
        price = policy.budget.left(
            customers=ledgers.customers_at(policy.delta),
            this_quarter=ledgers.total(spent),
            lifetime=standing.over_lifetime(rows, now=at, months=policy.lifetime_months),
        )
        if price is None:
            continue
        number = max(used, default=0) + 1
        used.append(number)
        debit = Debit(
            answer_id=tagged_hash("unknown-answers", number.to_bytes(8, "big")),
            questions=("unknown",),
            round=OF_NO_ROUND,
            attempt=number,
            at=at,
            quarter=quarter,
            quote=Quote(price=price, since=0, until=at),
            note=UNKNOWN,
        )
        ledger.debit(debit)
        booked.append(debit)
    return booked
