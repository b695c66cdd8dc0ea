"""Calibration by category: a list that divides between categories as the customer's own purchases do, as an option.

Steck, *Calibrated Recommendations* (RecSys 2018): a list is worth ``(1 - strength) x utility - strength x
KL(p || q)``, p the shares of the categories in the customer's history, q those in the list, smoothed by a
hundredth of p so that a category that is not there yet costs much and not everything. Chosen greedily.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SMOOTHING: Final = 0.01


def divergence(wanted: Floats, given: Floats) -> float:
    """Kullback-Leibler divergence of the smoothed ``given`` shares from the ``wanted`` ones, in nats.

    >>> wanted = np.array([0.75, 0.25])
    >>> round(divergence(wanted, wanted), 6), round(divergence(wanted, np.array([1.0, 0.0])), 3)
    (0.0, 0.937)
    >>> round(divergence(np.array([1.0, 0.0]), wanted), 3)  # not symmetric
    0.284
    """
    mixed = (1 - SMOOTHING) * given + SMOOTHING * wanted
    there = wanted > 0
    return float((wanted[there] * np.log(wanted[there] / mixed[there])).sum())


def shares(categories: Sequence[str], known: Sequence[str]) -> Floats:
    """Shares of ``known`` categories among ``categories``; zeros where none of them is known.

    >>> shares(["tea", "tea", "bread", "soap"], ["bread", "tea"]).round(2)
    array([0.33, 0.67])
    """
    counts = np.array([sum(c == name for c in categories) for name in known], np.float64)
    return counts / counts.sum() if counts.sum() else counts


def rerank(
    utility: Floats, categories: Sequence[str], bought: Sequence[str], n: int, strength: float
) -> Ints:
    """Indices of the ``n`` chosen of the pool, in order.

    Args:
        utility: (candidates,), positive; compared as shares of the largest.
        categories: of each candidate.
        bought: the category of each concept that the customer has bought.
        n: how many to choose.
        strength: in [0, 1), what the divergence weighs.

    >>> rerank(
    ...     np.array([1.0, 0.9, 0.5]), ["tea", "tea", "soap"], ["tea", "soap"], 2, 0.5
    ... )  # by utility: [0, 1]
    array([0, 2])
    """
    known = sorted(set(bought))
    wanted = shares(bought, known)
    scaled = utility / max(float(utility.max(initial=0.0)), 1e-12)
    chosen: list[int] = []
    for _ in range(min(n, len(utility))):
        best, most = -1, -np.inf
        for at in range(len(utility)):
            if at in chosen:
                continue
            given = shares([categories[i] for i in (*chosen, at)], known)
            worth = (1 - strength) * float(scaled[[*chosen, at]].sum()) / n
            worth -= strength * divergence(wanted, given)
            if worth > most:
                best, most = at, worth
        chosen.append(best)
    return np.array(chosen, np.int64)
