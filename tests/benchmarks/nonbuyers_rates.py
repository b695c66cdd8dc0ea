"""First purchases for each visit: of one reason and of others, with a change and without, like with like.

Direct standardisation with common weights (Rothman et al., Modern Epidemiology, chapter 15): rates are taken within
strata in which all four kinds of visits occur, and averaged with the same weights for all four. A stratum is one concept
at one company among customers equally active, so that neither popularity nor activity can make a difference, and the
ratios of the four rates agree with one another. Intervals: bootstrap by household, whichever companies it is at.

>>> visits = np.array([[100.0, 10.0]])
>>> four = [Sums(np.array([[e, e]]), visits) for e in (4.0, 2.0, 3.0, 3.0)]
>>> [
...     float(rate[0]) for rate in standardised(four)
... ]  # the second stratum has a tenth of the visits and of the weight
[0.07272727272727272, 0.03636363636363636, 0.05454545454545454, 0.05454545454545454]
>>> nowhere = Sums(
...     np.array([[1.0, 0.0]]), np.array([[50.0, 0.0]])
... )  # a stratum that one of them lacks says nothing
>>> float(standardised([*four[:3], nowhere])[0][0])
0.04
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Key = tuple[str, str, bool]
"""A state, a change, and whether visits are those with it."""

RESAMPLES = 200
AT_ONCE = 26


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Events and visits by resample and stratum, each (resamples, strata)."""

    events: Floats
    visits: Floats

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.events + other.events, self.visits + other.visits)


@dataclass(frozen=True, slots=True, eq=False)
class ByHousehold:
    """The same by household instead of by resample, sparse: (households, strata)."""

    events: sparse.csc_matrix
    visits: sparse.csc_matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its 95% interval."""

    ratio: float
    low: float
    high: float


def multiplicities(households: int, *, seed: int) -> NDArray[np.float32]:
    """Shape (1 + RESAMPLES, households): the sample itself, then resamples of as many households."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(households, np.full(households, 1 / households), size=RESAMPLES)
    return np.vstack([np.ones(households), drawn]).astype(np.float32)


def resampled(parts: Mapping[Key, ByHousehold], drawn: NDArray[np.float32]) -> Iterator[Mapping[Key, Sums]]:
    """The sums of every part, some resamples at a time."""
    for start in range(0, len(drawn), AT_ONCE):
        some = drawn[start : start + AT_ONCE]
        yield {key: Sums(some @ part.events, some @ part.visits) for key, part in parts.items()}


def standardised(arms: Sequence[Sums]) -> list[Floats]:
    """The rate of each arm, for each resample, over the strata that all of them have."""
    shared = np.minimum.reduce([arm.visits for arm in arms]) > 0
    weight = np.where(shared, 1 / sum(1 / np.maximum(arm.visits, 1e-9) for arm in arms), 0.0)
    whole = weight.sum(axis=1, dtype=np.float64)
    return [
        (weight * arm.events / np.maximum(arm.visits, 1e-9)).sum(axis=1, dtype=np.float64) / whole
        for arm in arms
    ]


def interval(ratios: Floats) -> Interval:
    """The first of ``ratios`` is the estimate, the others are its resamples."""
    low, high = np.quantile(ratios[1:], (0.025, 0.975))
    return Interval(ratio=float(ratios[0]), low=float(low), high=float(high))
