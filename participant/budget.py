"""How a company's privacy budget stands: what each answer cost, what they cost together, what is left.

Read from the ledger, for people. Prices are of this company's own computation, and epsilons do not add up:
several answers together cost less than the sum of their epsilons, so every line says what it made of the whole.
"""

from dataclasses import dataclass

from sqlalchemy import Engine

from participant.store.ledger import LedgerBook, Line
from protocols import ledger as ledgers
from protocols.ledger import Debit, Ledger, Quote
from protocols.policy import Policy
from protocols.privacy import Price
from protocols.service.unit_of_work import reading

EVERYTHING = Quote(price=None, since=0, until=2**62)
"""Reaches every purchase: what all answers together cost an account that was there from the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """One answer in the ledger.

    ``epsilon`` is its own, ``quarter_epsilon`` and ``lifetime_epsilon`` what everything up to it came to; all
    are 0 without noise, where ``is_private`` is False. ``returned`` says why it cost nothing in the end, ``note``
    why it was booked after a restore; ``round`` 0 is of answers that nobody can name.
    """

    round: int
    attempt: int
    questions: tuple[str, ...]
    at: int
    is_private: bool
    epsilon: float
    quarter_epsilon: float
    lifetime_epsilon: float
    returned: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarterSpent:
    """What the answers of one quarter cost together."""

    name: str
    epsilon: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStanding:
    """The whole budget. Epsilons are for one account, at ``delta``; ``renewed_at`` is unix seconds.

    ``without_privacy`` counts answers that left without noise: for them no epsilon holds.
    """

    quarter: str
    renewed_at: int
    delta: float
    quarter_epsilon: float
    quarter_limit: float
    lifetime_epsilon: float
    lifetime_limit: float
    without_privacy: int
    noise_required: bool
    quarters: tuple[QuarterSpent, ...]
    spendings: tuple[Spending, ...]


def standing(db: Engine, policy: Policy, now: int) -> BudgetStanding:
    """How the budget of ``policy`` stands ``now``; spendings newest first."""
    with reading(db) as connection:
        lines = LedgerBook(connection).lines()
    ledger = Ledger(debits=tuple(line.debit for line in lines if not line.returned_at))
    months, quarter = policy.lifetime_months, ledger.quarter(now)
    spent, lifetime = ledger.in_quarter(now), ledger.over_lifetime(EVERYTHING, now=now, months=months)
    least = Price(loss=1, customers=ledgers.customers_at(policy.delta))
    return BudgetStanding(
        quarter=ledgers.say_quarter(quarter),
        renewed_at=ledgers.begin_of(quarter + 1),
        delta=(lifetime or least).delta,
        quarter_epsilon=_epsilon(spent),
        quarter_limit=policy.epsilon_quarter,
        lifetime_epsilon=_epsilon(lifetime),
        lifetime_limit=policy.epsilon_lifetime,
        without_privacy=sum(1 for debit in ledger.debits if debit.quote.price is None),
        noise_required=policy.require_dp,
        quarters=_quarters(ledger.debits, quarter),
        spendings=tuple(reversed([_spending(lines, at, months) for at in range(len(lines))])),
    )


def left_after(db: Engine, policy: Policy, now: int, quote: Quote) -> tuple[float, float]:
    """The epsilons of this quarter and of the lifetime of these rows if ``quote`` were paid ``now``.

    Raises:
        BudgetSpent: the budget does not hold it.
    """
    with reading(db) as connection:
        ledger = LedgerBook(connection).standing()
    ledger.check(policy.budget, quote, now=now, months=policy.lifetime_months)
    lifetime = ledger.over_lifetime(quote, now=now, months=policy.lifetime_months)
    return (
        _epsilon(ledgers.total([ledger.in_quarter(now), quote.price])),
        _epsilon(ledgers.total([lifetime, quote.price])),
    )


def _quarters(debits: tuple[Debit, ...], current: int) -> tuple[QuarterSpent, ...]:
    """Every quarter from the first debit's to the current one, in order."""
    first = min([current, *(debit.quarter for debit in debits)])
    return tuple(
        QuarterSpent(
            name=ledgers.say_quarter(quarter),
            epsilon=_epsilon(ledgers.total(d.quote.price for d in debits if d.quarter == quarter)),
        )
        for quarter in range(first, current + 1)
    )


def _spending(lines: tuple[Line, ...], at: int, months: int) -> Spending:
    line, debit = lines[at], lines[at].debit
    so_far = Ledger(debits=tuple(each.debit for each in lines[: at + 1] if not each.returned_at))
    together = so_far.over_lifetime(EVERYTHING, now=debit.at, months=months)
    in_quarter = ledgers.total(d.quote.price for d in so_far.debits if d.quarter == debit.quarter)
    return Spending(
        round=debit.round,
        attempt=debit.attempt,
        questions=debit.questions,
        at=debit.at,
        is_private=debit.quote.price is not None,
        epsilon=_epsilon(debit.quote.price),
        quarter_epsilon=_epsilon(in_quarter),
        lifetime_epsilon=_epsilon(together),
        returned=line.reason if line.returned_at else "",
        note=debit.note,
    )


def _epsilon(price: Price | None) -> float:
    return 0.0 if price is None else price.epsilon
