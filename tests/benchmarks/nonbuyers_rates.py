"""First purchases for each visit with a change against visits without, or of one reason against others, like with like.

Mantel and Haenszel's rate ratio over strata (Rothman et al., Modern Epidemiology, chapter 15): within one
concept at one company and among customers equally active, so that neither the popularity of a concept nor
the activity of a customer can make a difference. Intervals: bootstrap by household, whichever companies it is at.

>>> one, two = Sums(np.array([[4.0]]), np.array([[100.0]])), Sums(np.array([[1.0]]), np.array([[50.0]]))
>>> float(ratio(one, two)[0])  # 4 in 100 against 1 in 50
2.0
>>> wide = Sums(
...     np.array([[4.0, 9.0]]), np.array([[100.0, 10.0]])
... )  # a stratum that the other lacks says nothing
>>> float(ratio(wide, Sums(np.array([[1.0, 0.0]]), np.array([[50.0, 0.0]])))[0])
2.0
"""

from collections.abc import Iterator, Mapping
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


def ratio(one: Sums, two: Sums) -> Floats:
    """Rate of ``one`` over that of ``two``, for each resample; strata that lack either say nothing."""
    both = np.maximum(one.visits + two.visits, 1e-9)
    top = (one.events * (two.visits / both)).sum(axis=1, dtype=np.float64)
    bottom = (two.events * (one.visits / both)).sum(axis=1, dtype=np.float64)
    found: Floats = top / np.maximum(bottom, 1e-9)
    return found


def interval(ratios: Floats) -> Interval:
    """The first of ``ratios`` is the estimate, the others are its resamples."""
    low, high = np.quantile(ratios[1:], (0.025, 0.975))
    return Interval(ratio=float(ratios[0]), low=float(low), high=float(high))
