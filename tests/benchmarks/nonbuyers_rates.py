"""First purchases for each visit with a change against visits without, or of one reason against others, like with like.

Mantel and Haenszel's rate ratio over strata (Rothman et al., Modern Epidemiology, chapter 15): within one
concept at one company and among customers equally active, so that neither the popularity of a concept nor
the activity of a customer can make a difference. Intervals: bootstrap by household, whichever companies it is at.

>>> one = Visits(
...     household=np.array([0]), stratum=np.array([0]), events=np.array([4.0]), visits=np.array([100.0])
... )
>>> two = Visits(
...     household=np.array([1]), stratum=np.array([0]), events=np.array([1.0]), visits=np.array([50.0])
... )
>>> other = Visits(
...     household=np.array([2]), stratum=np.array([1]), events=np.array([9.0]), visits=np.array([10.0])
... )
>>> float(ratio(one, two, np.ones((1, 3)))[0]), float(ratio(one + other, two, np.ones((1, 3)))[0])
(2.0, 2.0)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RESAMPLES = 400
AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Visits:
    """Pairs of customer and concept: household and stratum of each, first purchases, and visits at risk of one."""

    household: Ints
    stratum: Ints
    events: Floats
    visits: Floats

    def __add__(self, other: "Visits") -> "Visits":
        return Visits(
            household=np.concatenate([self.household, other.household]),
            stratum=np.concatenate([self.stratum, other.stratum]),
            events=np.concatenate([self.events, other.events]),
            visits=np.concatenate([self.visits, other.visits]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A ratio of two rates with its 95% interval, and what it rests on."""

    ratio: float
    low: float
    high: float
    events: tuple[int, int]
    visits: tuple[int, int]


def weights(households: int, *, seed: int) -> Floats:
    """Multiplicities, shape (1 + RESAMPLES, households): the sample itself, then resamples of as many households."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(households, np.full(households, 1 / households), size=RESAMPLES)
    return np.vstack([np.ones(households), drawn]).astype(np.float64)


def ratio(one: Visits, two: Visits, resamples: Floats) -> Floats:
    """Rate of ``one`` over that of ``two``, for each row of ``resamples``; strata that lack either say nothing."""
    strata, places = np.unique(np.concatenate([one.stratum, two.stratum]), return_inverse=True)
    of_one, of_two = places[: len(one.stratum)], places[len(one.stratum) :]
    shared = np.intersect1d(of_one, of_two)
    found = []
    sums = [
        _by_stratum(part, at, values, resamples.shape[1], len(strata))[:, shared]
        for part, at in ((one, of_one), (two, of_two))
        for values in (part.events, part.visits)
    ]
    for start in range(0, len(resamples), AT_ONCE):
        a, t1, b, t2 = ((resamples[start : start + AT_ONCE] @ part) for part in sums)
        both = np.maximum(t1 + t2, 1e-9)
        found.append((a * t2 / both).sum(1) / np.maximum((b * t1 / both).sum(1), 1e-9))
    return np.concatenate(found)


def contrast(one: Visits, two: Visits, resamples: Floats) -> Contrast:
    """:func:`ratio` with its interval."""
    return said(ratio(one, two, resamples), one, two)


def said(ratios: Floats, one: Visits, two: Visits) -> Contrast:
    """The first of ``ratios`` is the estimate, the others are its resamples."""
    low, high = np.quantile(ratios[1:], (0.025, 0.975))
    return Contrast(
        ratio=float(ratios[0]),
        low=float(low),
        high=float(high),
        events=(int(one.events.sum()), int(two.events.sum())),
        visits=(int(one.visits.sum()), int(two.visits.sum())),
    )


def _by_stratum(
    part: Visits, places: Ints, values: Floats, households: int, strata: int
) -> sparse.csc_matrix:
    return sparse.csc_matrix((values, (part.household, places)), shape=(households, strata))
