"""The privacy ledger as arithmetic: what was spent, what is left, whether one more answer may be paid.

A *debit* is written before anything of its answer may move, and stands until it is given back. What a
company may spend is limited twice: in a calendar quarter (UTC), and over the lifetime of its rows. A debit
counts against the lifetime of another answer as long as both reach the same rows, and in any case until
``months`` have passed: forgetting needs both. Nothing here is signed and nothing here is a secret.

A clock that is set back refills nothing: the quarter never falls below that of the newest debit.

>>> from protocols.privacy import loss_of
>>> day = 86_400
>>> quote = Quote(price=Price(loss=loss_of(1, 6), customers=1000), since=0, until=19_000 * day)
>>> spent = Ledger(debits=(Debit.example(quote, at=19_000 * day),))
>>> say_quarter(spent.quarter(19_000 * day)), say_quarter(spent.quarter(18_000 * day))
('2022 Q1', '2022 Q1')
>>> spent.check(Budget(), quote, now=19_000 * day, months=24)  # doctest: +ELLIPSIS
Traceback (most recent call last):
...
protocols.errors.BudgetSpent: expected at most epsilon 2 a quarter; came epsilon 2.91 with this answer; ...
>>> spent.check(Budget(), quote, now=19_100 * day, months=24)  # the next quarter
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil
from typing import Final, Self

import numpy as np

from protocols.errors import QuestionNotAllowed, TooManyUnreleased
from protocols.limits import HASH_BYTES
from protocols.messages import AnswerSpec, Block
from protocols.privacy import Budget, Price
from protocols.questions import price, question_named, taste

DISPLACED: Final = 4
"""How much more a company with as many customers as the cap pays. There one more customer displaces another:
the answer changes by two rows, at most twice the sensitivity, and a loss is its square."""

MONTH_S: Final = 31 * 86_400
"""No month is longer: a debit is never forgotten early."""

QUARTERS_A_YEAR: Final = 4
EPOCH_YEAR: Final = 1970


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What an answer costs, and the purchases that it is made from: ``since <= time < until``, unix seconds.

    ``price`` is None where the answer has no noise: there is no differential privacy, and no number for it. It
    is that of one release, or of one round on a sample of customers, which travels alone: each round of a
    training is an answer, and paid for by itself.
    """

    price: Price | None
    since: int
    until: int

    def __post_init__(self) -> None:
        sampled = () if self.price is None else self.price.sampled
        if self.price is not None and sampled:
            alone = len(sampled) == 1 and sampled[0].rounds == 1
            if self.price.loss or self.price.releases or not alone:
                raise QuestionNotAllowed(
                    expected="one round on a sample of customers, in a vector of its own",
                    came="more in one answer",
                    do="ask for each round by itself",
                )

    def reaches(self, other: "Quote") -> bool:
        """Whether both are made from some of the same purchases."""
        return self.since < other.until and other.since < self.until

    def covers(self, made: "Quote") -> bool:
        """Whether an answer that costs ``made`` may be given for this; what a sample saves counts in neither.

        >>> from protocols.privacy import loss_of
        >>> quoted = Quote(price=Price(loss=loss_of(1, 6), customers=1000), since=0, until=1)
        >>> at_cap = replace(quoted, price=quoted.price.times(DISPLACED))
        >>> quoted.covers(quoted), quoted.covers(at_cap), at_cap.covers(quoted)
        (True, False, True)
        """
        if made.price is None:
            return True
        return self.price is not None and made.price.times(1).loss <= self.price.times(1).loss


NO_QUOTE: Final = Quote(price=None, since=0, until=0)
"""Of an answer that was accepted before there were prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Debit:
    """One answer that was paid for, at the attempt that first needed it.

    ``note`` is empty for an answer that was paid for when it was sealed. Else it says why this line is here: it
    was booked afterwards, by a node that was restored from a backup.
    """

    answer_id: bytes
    questions: tuple[str, ...]
    round: int
    attempt: int
    at: int
    quarter: int
    quote: Quote
    note: str = ""

    @classmethod
    def example(cls, quote: Quote, *, at: int) -> Self:
        """A value for doctests."""
        return cls(
            answer_id=bytes(HASH_BYTES),
            questions=("taste",),
            round=1,
            attempt=1,
            at=at,
            quarter=quarter_of(at),
            quote=quote,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The debits that stand, in the order in which they were written."""

    debits: tuple[Debit, ...]

    def of(self, answer_id: bytes) -> Debit | None:
        """The debit that paid for this answer, whatever round asks for it, or None."""
        return next((debit for debit in self.debits if debit.answer_id == answer_id), None)

    def quarter(self, now: int) -> int:
        """The quarter that a debit made ``now`` falls into."""
        return max([quarter_of(now), *(debit.quarter for debit in self.debits)])

    def in_quarter(self, now: int) -> Price | None:
        """What was spent in the quarter of ``now``, together; None: nothing."""
        quarter = self.quarter(now)
        return total(debit.quote.price for debit in self.debits if debit.quarter == quarter)

    def over_lifetime(self, quote: Quote, *, now: int, months: int) -> Price | None:
        """What counts against the lifetime of the rows of ``quote``, together; None: nothing."""
        latest = max([now, *(debit.at for debit in self.debits)])
        return total(
            debit.quote.price
            for debit in self.debits
            if debit.quote.reaches(quote) or latest - debit.at < months * MONTH_S
        )

    def check(self, budget: Budget, quote: Quote, *, now: int, months: int) -> None:
        """Refuse an answer that the budget does not hold any more; one without a price is not its business.

        Raises:
            BudgetSpent: for this quarter or for the lifetime of these rows.
        """
        if quote.price is not None:
            budget.check(
                quote.price,
                this_quarter=self.in_quarter(now),
                lifetime=self.over_lifetime(quote, now=now, months=months),
            )


def quote_for(spec: AnswerSpec, n_concepts: int, *, delta: float, at_cap: bool) -> Quote:
    """What answering ``spec`` costs this company's customers, by its own computation.

    ``delta`` is the company's own and the same for all answers: a single question for very many customers
    would have everything else read at its smaller one. ``at_cap`` says whether the company has as many
    customers as a block's public cap.

    Raises:
        QuestionNotAllowed: an unknown question, or a cap on customers that is too large for ``delta``.
        UnboundedSensitivity: a block whose noise hides nobody.
    """
    spans = [_rows(block) for block in spec.blocks]
    since, until = min(span[0] for span in spans), max(span[1] for span in spans)
    public = price(spec, n_concepts)
    if public is None:
        return Quote(price=None, since=since, until=until)
    if public.delta < delta:
        raise QuestionNotAllowed(
            expected=f"a customers_cap of at most {customers_at(delta):,} at delta {delta:g}",
            came=f"{public.customers:,}",
            do="ask with a lower customers_cap, or lower delta in the node's policy",
        )
    own = replace(public, customers=customers_at(delta))
    return Quote(price=own.times(DISPLACED) if at_cap else own, since=since, until=until)


def customers_at(delta: float) -> int:
    """The public cap on customers for which `protocols.privacy` reads epsilon at ``delta``, rounded up.

    >>> from protocols.privacy import delta_for
    >>> delta_for(customers_at(1e-7)), customers_at(1e-7), customers_at(3e-9)
    (1e-07, 100000, 3333334)
    """
    return ceil(0.01 / delta * (1 - 1e-9))  # less the rounding of the division


def check_unreleased(limit: float, lost: Price | None) -> None:
    """Refuse a further answer while those that were paid for and came into no sum cost epsilon ``limit``.

    A coordinator that lets round after round fail after the masked vectors left wastes that much of a quarter
    and one answer more, not the quarter. The same answers can be asked for again, and cost nothing again.

    Raises:
        TooManyUnreleased: as it says.
    """
    if lost is not None and lost.epsilon >= limit:
        raise TooManyUnreleased(
            expected=f"less than epsilon {limit:g} a quarter in answers that left and came into no sum",
            came=f"epsilon {lost.epsilon:.2f}",
            do="let the consortium ask for the same answers again, or wait for the next quarter",
        )


def total(prices: Iterable[Price | None]) -> Price | None:
    """Prices together, as one release would cost; answers without noise have none and are left out."""
    known = [price for price in prices if price is not None]
    return sum(known[1:], known[0]) if known else None


def quarter_of(at: int) -> int:
    """The calendar quarter (UTC) of a unix second, counted from the first of 1970.

    >>> quarter_of(0), quarter_of(7_775_999), quarter_of(7_776_000)  # 31 March and 1 April 1970
    (0, 0, 1)
    """
    return int(np.datetime64(at, "s").astype("datetime64[M]").astype(np.int64)) // 3


def begin_of(quarter: int) -> int:
    """The unix second at which a quarter begins.

    >>> begin_of(1)
    7776000
    """
    return int(np.datetime64(3 * quarter, "M").astype("datetime64[s]").astype(np.int64))


def say_price(price: Price) -> str:
    """What a price means for one customer, in words.

    >>> from protocols.privacy import loss_of
    >>> say_price(Price(loss=loss_of(1, 6), customers=1000))
    'epsilon 2.00 at delta 1e-07 for one account'
    """
    return f"epsilon {price.epsilon:.2f} at delta {price.delta:.2g} for one account"


def say_quarter(quarter: int) -> str:
    """A quarter in words.

    >>> say_quarter(quarter_of(1_700_000_000))
    '2023 Q4'
    """
    year, number = divmod(quarter, QUARTERS_A_YEAR)
    return f"{EPOCH_YEAR + year} Q{number + 1}"


def _rows(block: Block) -> tuple[int, int]:
    """The purchases that a block is made from: all before its window's end, where it does not say less."""
    kind = question_named(block.question)
    asked = kind.open(block.parameters)
    return (asked.since if isinstance(asked, taste.Parameters) else 0), kind.window(asked)[1]
