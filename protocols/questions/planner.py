"""Before any budget is spent: which signal survives the noise, and how many customers it would take.

`taste` with unit rows gives concept i an expected diagonal of ``customers x share_i / row``: its share of
buyers, over the mean length of a row. The noise of the sum is a symmetric random matrix; with sigma off the
diagonal and M concepts, a direction weaker than ``sigma sqrt(M)`` cannot be told from it by any method that
looks at eigenvectors (Péché 2006, theorem 1.1, symmetric case). So a concept is *audible* if its diagonal
is above that, and the planner asks which part of all purchases is of audible concepts. How much of it a
model needs to beat the companies' own ones is measured, not derived (:data:`NEEDED`).

`evaluation` compares means: the noise of a mean is ``multiplier sqrt(outputs x members) / customers``.

Everything comes from public numbers: counts of buyers, caps, sigma. Nothing is asked of anybody.

>>> types = Counts(level="types", buyers=(900, 500) + (10,) * 98, counted=1000)
>>> types.row, round(audible(types, customers=1000, sigma=10.0), 3)  # above 10 sqrt(100) = 100: 1400 of 2380
(2.38, 0.588)
>>> (
...     customers_for(types, 10.0, needed=0.5),
...     customers_for(types, 20.0, needed=0.5),
... )  # as many more as the noise
(477, 953)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from protocols.errors import BadInput
from protocols.privacy import delta_for, epsilon, multiplier_for

NOISE_AWARE: Final = "noise-aware"
PLAIN: Final = "plain"
NEEDED: Final = {NOISE_AWARE: 0.5, PLAIN: 0.6}
"""Audible share of purchases from which on a reading beat the companies' own models on *surprise*:
halfway, in order of audible share, between what did and what did not at the level of product types
(`tests/benchmarks/results/privacy_quality.md`, which also says how often this is right elsewhere)."""

RESOLUTION: Final = 0.001
"""Difference of mean nDCG@10 that `evaluation` must tell: neighbouring ridges differ by about this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Public counts at one vocabulary level: ``buyers`` of each concept among ``counted`` customers."""

    level: str
    buyers: tuple[int, ...]
    counted: int

    def __post_init__(self) -> None:
        if not self.buyers or min(self.buyers) < 0 or not 0 < max(self.buyers) <= self.counted:
            raise BadInput(
                expected=f"buyers of each concept of {self.level!r}, at most the customers counted",
                came=f"{len(self.buyers)} counts up to {max(self.buyers, default=0)} of {self.counted}",
                do="give the number of customers that the counts are of",
            )

    @property
    def row(self) -> float:
        """Concepts of a mean customer."""
        return sum(self.buyers) / self.counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What one question at one level may be expected to say.

    Attributes:
        question, level, concepts: what is asked.
        epsilon: of one release; ``a_year`` that of four.
        heard: `taste`: audible share of purchases; `evaluation`: the smallest difference told.
        survives: by reading, whether the signal does.
        customers_needed: by reading, of all companies together.
    """

    question: str
    level: str
    concepts: int
    epsilon: float
    a_year: float
    heard: float
    survives: dict[str, bool]
    customers_needed: dict[str, int]


def audible(counts: Counts, *, customers: int, sigma: float) -> float:
    """Share of purchases that are of concepts above the noise, in [0, 1].

    Args:
        counts: public counts of buyers.
        customers: of all companies together.
        sigma: of the sum's noise off the diagonal.
    """
    buyers = np.array(counts.buyers, np.float64)
    diagonal = buyers * (customers / counts.counted / counts.row)
    return float(buyers[diagonal > sigma * np.sqrt(len(buyers))].sum() / buyers.sum())


def customers_for(counts: Counts, sigma: float, *, needed: float) -> int:
    """The customers from which on :func:`audible` reaches ``needed``."""
    buyers = np.sort(np.array(counts.buyers, np.float64))[::-1]
    last = int(np.searchsorted(np.cumsum(buyers), needed * buyers.sum()))
    return int(sigma * np.sqrt(len(buyers)) * counts.row * counts.counted / buyers[last]) + 1


def sigma_of(multiplier: float, members: int) -> float:
    """Noise of a `taste` sum off the diagonal, every member adding its own in full.

    >>> sigma_of(4.68, 5).__round__(2)
    7.4
    """
    return float(multiplier * np.sqrt(members / 2))


def plan(
    levels: Sequence[Counts], *, customers: int, members: int, wanted: float, cap: int, outputs: int = 8
) -> tuple[Prospect, ...]:
    """What to expect of `taste` at every level and of `evaluation`, at epsilon ``wanted`` each.

    Args:
        levels: public counts, one a vocabulary level.
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
            do="give all",
        )
    delta = delta_for(cap)
    multiplier = multiplier_for(wanted, delta)
    a_year = epsilon(4 / multiplier**2, delta, 4)
    sigma = sigma_of(multiplier, members)
    found = []
    for counts in sorted(levels, key=lambda each: -len(each.buyers)):
        share = audible(counts, customers=customers, sigma=sigma)
        found.append(
            Prospect(
                question="taste",
                level=counts.level,
                concepts=len(counts.buyers),
                epsilon=wanted,
                a_year=a_year,
                heard=share,
                survives={reading: share >= needed for reading, needed in NEEDED.items()},
                customers_needed={
                    reading: customers_for(counts, sigma, needed=needed) for reading, needed in NEEDED.items()
                },
            )
        )
    told = 2 * multiplier * np.sqrt(2 * outputs * members)
    return (
        *found,
        Prospect(
            question="evaluation",
            level="any",
            concepts=outputs,
            epsilon=wanted,
            a_year=a_year,
            heard=float(told / customers),
            survives={PLAIN: bool(told / customers <= RESOLUTION)},
            customers_needed={PLAIN: int(told / RESOLUTION) + 1},
        ),
    )


def finest(prospects: Sequence[Prospect], reading: str) -> Prospect | None:
    """The `taste` level with most concepts whose signal survives under ``reading``; None if none does."""
    alive = [each for each in prospects if each.question == "taste" and each.survives[reading]]
    return max(alive, key=lambda each: each.concepts, default=None)
