"""`nonbuyers`: for every concept, how many customers buy it and how many do not, by likely reason.

Every customer is in exactly one of :data:`STATES` for every concept, the first that applies in the order
of :data:`PRECEDENCE`. A reason is a **hypothesis** read off purchases and shelves, until an invitation confirms
it. What a reason means is fixed here, not at each company, so that sums add like to like; how each
was chosen and what it is worth: `tests/benchmarks/results/nonbuyers.md`.

Layout: state by state in the order of :data:`STATES`, one cell a concept asked about.

Sensitivity: one customer adds 1 to exactly one cell of every concept asked about, sqrt(concepts) in L2, since a state
depends on this customer's own purchases and on the company's shelves, and on no other customer. Few
concepts cost little noise: ask about the ones that matter.

>>> asked = parse({"until": 5, "concepts": "7,2"})
>>> asked.concepts, length(asked, 9), sensitivity2(asked, 9) == 2 * 4**24  # 2 cells move by 1, not 20
((2, 7), 20, True)
>>> total = np.zeros((len(STATES), 2))
>>> total[STATES.index("buys")] = 30, 999
>>> total[STATES.index("never-shown")] = 970, 1
>>> reading = NONBUYERS.read(total.ravel(), asked, 9)
>>> reading.customers, reading.band("never-shown", 2).words, reading.band("never-shown", 7).words
(1000.0, 'over 60 of 100 customers', 'too few to say')
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput
from protocols.limits import FRACTION_BITS
from protocols.questions.bands import Band, band_of
from protocols.questions.parameters import (
    INSTANT_MAX,
    Given,
    instant,
    refuse_unknown,
    require,
    say_instant,
    whole,
    whole_list,
)
from protocols.questions.question import Question
from protocols.questions.taste import CAP_MAX, CUSTOMERS_CAP

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "buys": "bought it in the last 12 weeks",
        "tried-once": "bought it on one day, more than 12 weeks ago, and not again",
        "lapsed": "bought it on several days, and not in the last 12 weeks",
        "not-stocked": "never bought it; no store that they visit stocks it",
        "out-of-reach": "never bought it; it costs a quarter more than the most they paid for anything of its category",
        "substitute": "never bought it; four of five purchases in its category are of one other concept",
        "only-reduced": "buys it, or its category, only or nearly only at a reduced price",
        "never-shown": "never bought it; it was on no display and in no leaflet when they came",
        "shown-not-taken": "never bought it, although it was on display or in the leaflet when they came",
        "unknown": "never bought it; what their stores stock or show is not known",
    }
)
"""Every state with its meaning, in the layout's order."""

STATES: Final = tuple(WORDS)
BUYS: Final = "buys"

PRECEDENCE: Final = (
    "only-reduced",  # by own purchases of the concept: bought often enough, and every time reduced
    "buys",
    "tried-once",
    "lapsed",
    "not-stocked",  # what is not there cannot be bought, whatever else holds
    "out-of-reach",  # then what the customer's own purchases say, the rarest first
    "substitute",
    "only-reduced",
    "never-shown",  # then what the shelves say
    "shown-not-taken",
    "unknown",
)
"""The first that applies is the customer's only state for a concept; the first four are of who has bought it."""

HYPOTHESIS: Final = (
    "A reason is a hypothesis, read off purchases and shelves alone, until an invitation confirms it."
)

DEFINITION: Final = 1
"""Changes with every constant below: counts of different definitions do not add up."""

RECENT_DAYS: Final = 84
"""A concept bought within so many days is bought. After 12 weeks without, who had bought once came back in 7 weeks
in 10 of 100 cases, whether 12 or 30 weeks had passed; who had bought often was down to a third of its rate."""

REDUCED_DAYS: Final = 3
"""All of two purchases are reduced by chance in a third of cases, where half of all lines are."""

REDUCED_SHARE: Final = 0.65
"""Nearly only: the share of reduced lines in a category, drawn by :data:`PRIOR_LINES` towards the customer's own."""

PRIOR_LINES: Final = 5
LINES_MIN: Final = 20
"""With fewer lines in all nothing is said about somebody's habit of prices."""

REACH: Final = 1.25
LOYAL_SHARE: Final = 0.8
LOYAL_LINES: Final = 3
CATEGORY_CONCEPTS: Final = 3
"""A category with fewer concepts has no choice to be loyal in."""

CONCEPTS_MAX: Final = 1_000
"""Concepts that can be named one by one; more than these, ask about all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Which concepts, customers and purchases. Times are unix seconds in UTC.

    Attributes:
        concepts: indices in the vocabulary, ascending; empty for all.
        since, until: a purchase counts if ``since <= time < until``; "the last 12 weeks" end at ``until``.
        customers_until: a customer counts if first seen at this company before.
        customers_cap: the most customers one company may answer for; bounds every cell.
        definition: of the states, :data:`DEFINITION`.
    """

    TAG: ClassVar[str] = "question-nonbuyers"
    concepts: tuple[int, ...]
    since: int
    until: int
    customers_until: int
    customers_cap: int
    definition: int

    def __post_init__(self) -> None:
        ascending = all(a < b for a, b in zip((-1, *self.concepts), self.concepts, strict=False))
        require(
            ascending and len(self.concepts) <= CONCEPTS_MAX,
            "distinct ascending concepts",
            len(self.concepts),
        )
        require(0 <= self.since < self.until <= INSTANT_MAX, "since before until", self.until)
        require(
            0 < self.customers_until <= INSTANT_MAX, "customers_until as an instant", self.customers_until
        )
        require(0 < self.customers_cap <= CAP_MAX, f"a customers_cap of 1 to {CAP_MAX}", self.customers_cap)
        require(self.definition == DEFINITION, f"definition {DEFINITION} of the states", self.definition)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NonBuyers:
    """The reading: ``counts`` of customers, shape (states, concepts asked about), and which ``concepts`` these are."""

    counts: npt.NDArray[np.float64]
    concepts: npt.NDArray[np.int64]

    @property
    def customers(self) -> float:
        """Customers of all companies; the same for every concept, so that noise averages out."""
        return float(self.counts.sum()) / len(self.concepts)

    def count(self, state: str, concept: int) -> float | None:
        """Customers in ``state`` for a concept of the vocabulary; None where it was not asked about."""
        at = int(np.searchsorted(self.concepts, concept))
        if at == len(self.concepts) or self.concepts[at] != concept:
            return None
        return float(self.counts[STATES.index(state), at])

    def band(self, state: str, concept: int, sigma: float = 0.0) -> Band:
        """The share of all customers who are in ``state`` for ``concept``, as a band, never as a count.

        ``sigma`` is the noise of a cell of the sum; a band is as wide as the noise leaves room for.
        """
        return band_of(self.count(state, concept), self.customers, sigma)


def parse(values: Mapping[str, Given]) -> Parameters:
    """Parameters from what an admin typed; only ``until`` is required.

    Raises:
        BadInput: an unknown, missing or wrong parameter.
    """
    known = [name for name in Parameters.__slots__ if name != "definition"]
    refuse_unknown(values, known)
    until = instant(values, "until")
    typed = values.get("concepts", "")
    named = whole_list(values, "concepts", low=0, default=()) if isinstance(typed, int) or typed else ()
    return Parameters(
        concepts=tuple(sorted(set(named))),
        since=instant(values, "since", default=0),
        until=until,
        customers_until=instant(values, "customers_until", default=until),
        customers_cap=whole(values, "customers_cap", low=1, high=CAP_MAX, default=CUSTOMERS_CAP),
        definition=DEFINITION,
    )


def asked_about(parameters: Parameters, n_concepts: int) -> npt.NDArray[np.int64]:
    """Indices of the concepts asked about, ascending.

    Raises:
        BadInput: one that the vocabulary does not have.
    """
    if not parameters.concepts:
        return np.arange(n_concepts, dtype=np.int64)
    if parameters.concepts[-1] >= n_concepts:
        raise BadInput(
            expected=f"concepts from 0 to {n_concepts - 1}",
            came=str(parameters.concepts[-1]),
            do="look the concepts up in the vocabulary, the first is 0",
        )
    return np.array(parameters.concepts, dtype=np.int64)


def length(parameters: Parameters, n_concepts: int) -> int:
    """Every state of every concept asked about."""
    return len(STATES) * len(asked_about(parameters, n_concepts))


def bound(parameters: Parameters) -> int:
    """C_inf: every customer adds at most 1 to a cell."""
    return parameters.customers_cap


def sensitivity2(parameters: Parameters, n_concepts: int) -> int:
    """One cell of every concept moves by 1."""
    return len(asked_about(parameters, n_concepts)) << (2 * FRACTION_BITS)


def describe(parameters: Parameters) -> str:
    """One sentence for the data-protection officer."""
    what = f"{len(parameters.concepts)} concepts" if parameters.concepts else "every concept"
    since = f"from {say_instant(parameters.since)} " if parameters.since else ""
    return (
        f"For {what}: how many customers buy it, and how many do not by likely reason (a hypothesis: not stocked, "
        f"never shown, shown and not taken, tried once, lapsed, a substitute, only when reduced, out of reach), over "
        f"purchases {since}until {say_instant(parameters.until)}, for up to {parameters.customers_cap} customers "
        f"first seen before {say_instant(parameters.customers_until)}."
    )


def pack(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A company's answer from its counts of customers, shape (states, concepts asked about)."""
    return counts.ravel() << FRACTION_BITS


def _cell(parameters: Parameters, cell: int, concepts: Sequence[str]) -> str:
    """Who a cell counts.

    >>> _cell(
    ...     parse({"until": 1, "concepts": "1,3"}), 2 * 2 + 1, "ABCD"
    ... )  # the third state, the second concept
    'D: customers who bought it on several days, and not in the last 12 weeks'
    """
    about = asked_about(parameters, len(concepts))
    state, at = divmod(cell, len(about))
    return f"{concepts[about[at]]}: customers who {WORDS[STATES[state]].replace('buys', 'buy')}"


def _interpret(total: npt.NDArray[np.float64], parameters: Parameters, n_concepts: int) -> NonBuyers:
    return NonBuyers(
        counts=total.reshape(len(STATES), -1).copy(), concepts=asked_about(parameters, n_concepts)
    )


NONBUYERS: Final = Question(
    name="nonbuyers",
    parameters=Parameters,
    parse=parse,
    length=length,
    bound=bound,
    window=lambda asked: (asked.since, asked.until),
    describe=describe,
    interpret=_interpret,
    sensitivity2=sensitivity2,
    cell=_cell,
)
