"""Uncertainty of means over customers: bootstrap intervals."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES: Final = 2_000
LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean with its percentile-bootstrap interval at :data:`LEVEL`; ``customers`` were averaged."""

    mean: float
    low: float
    high: float
    customers: int


def interval(values: Floats, *, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """Bootstrap the mean of ``values`` (one per customer), resampling customers (Efron 1979).

    >>> interval(np.array([0.5, 0.5, 0.5]))
    Interval(mean=0.5, low=0.5, high=0.5, customers=3)
    """
    n = len(values)
    if n == 0:
        return Interval(mean=0.0, low=0.0, high=0.0, customers=0)
    means = bootstrap_means(values, seed=seed, resamples=resamples)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(mean=float(values.mean()), low=float(low), high=float(high), customers=n)


def bootstrap_means(values: Floats, *, seed: int = 0, resamples: int = RESAMPLES) -> Floats:
    """Means of ``resamples`` samples drawn with replacement, shape (resamples,)."""
    rng = np.random.default_rng(seed)
    n = len(values)
    return np.array([values[rng.integers(0, n, n)].mean() for _ in range(resamples)])
