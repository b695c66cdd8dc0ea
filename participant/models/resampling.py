"""Uncertainty of means over customers: bootstrap intervals, paired tests, Holm's correction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

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


def p_below(differences: Floats) -> float:
    """One-sided p-value of "the mean of the paired ``differences`` is not below zero" (paired t-test).

    >>> round(p_below(np.array([-1.0, -2.0, -3.0, -2.0])), 4)  # the other tail would be 0.9919
    0.0081
    """
    if len(differences) < 2 or not np.ptp(differences) > 0:
        return 0.0 if len(differences) > 1 and differences.mean() < 0 else 1.0
    n = len(differences)
    t = differences.mean() / (differences.std(ddof=1) / np.sqrt(n))
    return float(stdtr(n - 1, t))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down adjusted p-values (Holm 1979), in the given order.

    >>> holm([0.01, 0.04, 0.03])  # Bonferroni would give (0.03, 0.12, 0.09)
    (0.03, 0.06, 0.06)
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, place in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = running
    return tuple(adjusted)
