"""Rows of the companies for the benchmark of leaks, and the shares of noise that epsilon stands for."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocols.privacy import multiplier_for
from tests.benchmarks import oracle

KEEP = Path(".pytest_cache")
DELTA = 1e-7
EPSILONS = (8.0, 4.0, 2.0, 1.0)
MULTIPLIERS = {epsilon: multiplier_for(epsilon, DELTA) for epsilon in EPSILONS}
"""sigma / Delta of one company's noise. A unit row's Gram matrix has a length of at most 1 as a matrix, so that
this is the noise's deviation in every direction of it, and on the diagonal."""

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Json = dict[str, object]


def load(companies: int) -> list[Rows]:
    """Binary rows of weeks 1-40, one (customers, concepts) array a company; kept in a file between runs."""
    path = KEEP / f"leak_rows_{companies}.npz"
    if not path.exists():
        KEEP.mkdir(exist_ok=True)
        members = oracle.load(companies)[1]
        np.savez_compressed(path, *[member.full.astype(bool) for member in members])
    with np.load(path) as kept:
        return [kept[name].astype(np.float32) for name in kept.files]


def unit(rows: Rows) -> Rows:
    """Rows divided by their length."""
    return np.asarray(rows / np.sqrt(np.maximum(rows.sum(1, keepdims=True), 1)), np.float32)


def auc(score: NDArray[np.floating], label: NDArray[np.bool_]) -> float:
    """The chance that a positive scores above a negative, ties counted half.

    >>> auc(np.array([1.0, 1.0, 2.0]), np.array([False, True, True]))
    0.75
    """
    values, place = np.unique(score, return_inverse=True)
    below = np.bincount(place[~label], minlength=len(values)).astype(np.float64)
    beaten = (np.cumsum(below) - below / 2)[place[label]]
    return float(beaten.mean() / below.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What was asked: the row scheme, a cap on customers (0: none), and what each company's noise claims."""

    name: str
    scheme: str
    cap: int = 0
    epsilon: float | None = None

    @property
    def multiplier(self) -> float:
        """sigma / Delta of each company's noise; 0: none."""
        return MULTIPLIERS[self.epsilon] if self.epsilon else 0.0


def releases() -> list[Release]:
    """Binary counts, with a cap, unit rows, and unit rows with noise."""
    plain = [
        Release(name="binary rows, no noise", scheme="binary"),
        Release(name="binary rows, 100 customers of each", scheme="binary", cap=100),
        Release(name="unit rows, no noise", scheme="unit"),
    ]
    return plain + [
        Release(name=f"unit rows, epsilon {epsilon:g}", scheme="unit", epsilon=epsilon)
        for epsilon in EPSILONS
    ]
