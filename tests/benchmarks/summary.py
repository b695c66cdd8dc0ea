"""From gains per customer to figures with intervals: means over customers, then over companies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from participant.models.resampling import bootstrap_means

Floats = NDArray[np.float64]
RESAMPLES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A mean over companies, its 95% bootstrap interval by customer, and the worst company."""

    value: float
    low: float
    high: float
    worst: float
    worst_company: int
    by_company: tuple[float, ...]


def figure(gains: Sequence[Floats]) -> Figure:
    """Average ``gains[company][customer]``; customers are resampled within their companies."""
    means = [float(g.mean()) if len(g) else 0.0 for g in gains]
    drawn = np.mean(
        [bootstrap_means(g, seed=seed, resamples=RESAMPLES) for seed, g in enumerate(gains) if len(g)], axis=0
    )
    low, high = np.quantile(drawn, [0.025, 0.975])
    worst = int(np.argmin(means))
    return Figure(
        value=float(np.mean(means)),
        low=float(low),
        high=float(high),
        worst=means[worst],
        worst_company=worst,
        by_company=tuple(means),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """Companies below their own local model: nominally, and significantly after Holm's correction."""

    nominal: tuple[int, ...]
    significant: tuple[int, ...]
    p_values: tuple[float, ...]


def below(arm: Sequence[Floats], local: Sequence[Floats], *, level: float = 0.05) -> Below:
    """Compare company by company, paired by customer, one-sided."""
    differences = [a - b for a, b in zip(arm, local, strict=True)]
    adjusted = holm([p_below(difference) for difference in differences])
    return Below(
        nominal=tuple(i for i, d in enumerate(differences) if len(d) and d.mean() < 0),
        significant=tuple(i for i, p in enumerate(adjusted) if p < level),
        p_values=adjusted,
    )


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
