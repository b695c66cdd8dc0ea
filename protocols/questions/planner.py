"""Before any budget is spent: which signal survives the noise, and how many customers it would take.

The Gram matrix of unit rows has one unit of trace for every customer: its eigenvalues are the rows that go
in each direction. The noise of a sum over M concepts is a symmetric random matrix, and a direction weaker
than ``sigma sqrt(M)`` cannot be told from it by any method that looks at eigenvectors (Péché 2006,
theorem 1.1). So ``sigma sqrt(M) / customers`` is the smallest share of all rows that a direction must
carry to be seen: the *faintest* direction. How faint it may be before a model of the sum loses to the
companies' own models is measured, not derived (:data:`NEEDED`).

`evaluation` compares means: two of them differ by noise of ``multiplier sqrt(2 outputs members) / customers``.

Everything comes from public numbers: customers, concepts, companies, epsilon. Nobody is asked anything.

>>> types = Level(name="types", concepts=2500)
>>> faintest(types, customers=100_000, sigma=10.0)  # 10 sqrt(2500) = 500 rows
0.005
>>> customers_for(types, sigma=10.0, needed=0.001), customers_for(types, sigma=20.0, needed=0.001)
(500000, 1000000)
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from protocols.errors import BadInput
from protocols.privacy import delta_for, epsilon, multiplier_for
from protocols.questions.evaluation import LAMBDAS, METRICS

NOISE_AWARE: Final = "noise-aware"
PLAIN: Final = "plain"
WITH_OWN: Final = "own exact, others noise-aware"
NODES: Final = "popularity, directions, cells: what nodes read"
CELLS: Final = "cell by cell"
LOW_RANK: Final = "low rank"
CATEGORIES: Final = "what nodes read, and public categories"
HIERARCHICAL: Final = "hierarchical, a fifth of the budget for categories"
PROJECTED: Final = "projected to half as many random directions"
NEEDED: Final[Mapping[str, float]] = {NOISE_AWARE: 1 / 740, PLAIN: 1 / 1000}
"""The faintest direction with which a reading still beat popularity and the companies' own models on
*surprise*: `tests/benchmarks/results/privacy_quality.md` says at which levels this was set, and how often
it is right. The noise-aware one was set with the reading that nodes had before decision 26, cell by cell and
with ranks tempered (`tests/benchmarks/tempering.py`), and holds for today's as that page says."""

OUTPUTS: Final = len(METRICS) * (1 + len(LAMBDAS))
"""Numbers in an `evaluation` answer for the ridges that it asks about by itself."""

RESOLUTION: Final = 0.001
"""Difference of mean nDCG@10 that `evaluation` must tell: neighbouring ridges differ by about this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A way to read or to ask at equal epsilon, and how often its *surprise* was above the plain Gram's.

    ``above_own`` of ``beside_own``: at some 5,700 customers, above the best of what companies have alone.
    """

    name: str
    above_plain: int
    beside_plain: int
    above_own: int
    beside_own: int


ALTERNATIVES: Final = (
    Alternative(name=CELLS, above_plain=3, beside_plain=15, above_own=0, beside_own=7),
    Alternative(name=LOW_RANK, above_plain=12, beside_plain=15, above_own=0, beside_own=7),
    Alternative(name=NODES, above_plain=11, beside_plain=15, above_own=0, beside_own=7),
    Alternative(name=CATEGORIES, above_plain=7, beside_plain=7, above_own=0, beside_own=3),
    Alternative(name=HIERARCHICAL, above_plain=6, beside_plain=7, above_own=0, beside_own=3),
    Alternative(name=PROJECTED, above_plain=0, beside_plain=11, above_own=0, beside_own=6),
    Alternative(name=WITH_OWN, above_plain=16, beside_plain=16, above_own=2, beside_own=16),
)
"""As `privacy_choice.json` and `privacy_quality.json` in `tests/benchmarks/results` have them; a test compares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One vocabulary that could be asked."""

    name: str
    concepts: int

    def __post_init__(self) -> None:
        if not self.name or self.concepts < 1:
            raise BadInput(
                expected="a level with a name and at least one concept",
                came=f"{self.name!r} with {self.concepts}",
                do="write it as types=2221",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What one question at one level may be expected to say.

    Attributes:
        question, level, concepts: what is asked.
        epsilon: of one release; ``a_year`` that of four.
        noise: the multiplier sigma / Delta to ask with, rounded up to thousandths: `ask ... noise=4.68`.
        limit: `taste`: the faintest direction; `evaluation`: the smallest difference of means told.
        survives: by reading, whether the signal does.
        customers_needed: by reading, of all companies together.
    """

    question: str
    level: str
    concepts: int
    epsilon: float
    a_year: float
    noise: str
    limit: float
    survives: Mapping[str, bool]
    customers_needed: Mapping[str, int]


def sigma_of(multiplier: float, members: int) -> float:
    """Noise of a `taste` sum of unit rows off the diagonal, every member adding its own in full.

    >>> round(sigma_of(4.68, 5), 2)  # 4.68 / sqrt(2) off the diagonal, times sqrt(5)
    7.4
    """
    return multiplier * math.sqrt(members / 2)


def faintest(level: Level, *, customers: int, sigma: float) -> float:
    """The smallest share of all rows that a direction must carry to be told from the noise.

    Args:
        level: the vocabulary.
        customers: of all companies together.
        sigma: of the sum's noise off the diagonal.
    """
    return sigma * math.sqrt(level.concepts) / customers


def customers_for(level: Level, *, sigma: float, needed: float) -> int:
    """The fewest customers with which :func:`faintest` is at most ``needed``."""
    return math.ceil(sigma * math.sqrt(level.concepts) / needed)


def plan(
    levels: Sequence[Level], *, customers: int, members: int, wanted: float, cap: int, outputs: int = OUTPUTS
) -> tuple[Prospect, ...]:
    """What to expect of `taste` at every level, finest first, and of `evaluation`, at epsilon ``wanted`` each.

    Args:
        levels: the vocabularies that could be asked.
        customers: of all companies together.
        members: companies in the sum.
        wanted: epsilon of one release.
        cap: the public cap on one company's customers; gives delta.
        outputs: numbers in an `evaluation` answer.

    Raises:
        BadInput: no level, nobody, or an epsilon that delta cannot pay.
    """
    if not levels or customers < 1 or members < 1:
        raise BadInput(
            expected="a level, customers and members",
            came=f"{len(levels)}, {customers}, {members}",
            do="give all three",
        )
    delta = delta_for(cap)
    multiplier = multiplier_for(wanted, delta)
    a_year = epsilon(4 / multiplier**2, delta, 4)
    noise = f"{math.ceil(1000 * multiplier) / 1000:g}"
    sigma = sigma_of(multiplier, members)
    tastes = [
        Prospect(
            question="taste",
            level=level.name,
            concepts=level.concepts,
            epsilon=wanted,
            a_year=a_year,
            noise=noise,
            limit=faintest(level, customers=customers, sigma=sigma),
            survives={
                reading: customers >= customers_for(level, sigma=sigma, needed=needed)
                for reading, needed in NEEDED.items()
            },
            customers_needed={
                reading: customers_for(level, sigma=sigma, needed=needed)
                for reading, needed in NEEDED.items()
            },
        )
        for level in sorted(levels, key=lambda each: -each.concepts)
    ]
    told = 2 * multiplier * math.sqrt(2 * outputs * members)  # two standard deviations, times customers
    enough = math.ceil(told / RESOLUTION)
    asked = Prospect(
        question="evaluation",
        level="any",
        concepts=outputs,
        epsilon=wanted,
        a_year=a_year,
        noise=noise,
        limit=told / customers,
        survives={PLAIN: customers >= enough},
        customers_needed={PLAIN: enough},
    )
    return (*tastes, asked)


def finest(prospects: Sequence[Prospect], reading: str) -> Prospect | None:
    """The `taste` level with most concepts whose signal survives under ``reading``; None if none does."""
    alive = [each for each in prospects if each.question == "taste" and each.survives[reading]]
    return max(alive, key=lambda each: each.concepts, default=None)
