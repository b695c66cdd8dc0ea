"""What is compared under noise: row schemes, ways to read a noisy sum, and one search for the ridge.

A *reading* makes weights from a released Gram matrix, a ridge and the noise's public sigma. Its ridge is
chosen on validation weeks (the mean over companies, as the `evaluation` question would), for each metric
by itself; test weeks are read once, with other noise.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from participant.models.holdout import HoldOut
from participant.models.scoring import linear
from participant.models.windows import SCENARIOS
from protocols.questions.ease import ease
from protocols.questions.ranking import ndcg
from tests.benchmarks.privacy_cells import cell_by_cell
from tests.benchmarks.tempering import tempered_ease

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Weights = NDArray[np.float32]
Denoise = Callable[[Floats, float], Floats]
Reading = Callable[[Floats, float], Weights]
"""Weights from a (denoised) Gram matrix at a ridge."""

LOW_RANK = "low rank, positive semidefinite, tempered"
OTHERS = (
    "tempered, no shrinkage",
    "shrinkage without categories, tempered",
    "shrinkage with categories, not tempered",
    LOW_RANK,
    "rows clipped at 75 concepts, noise-aware",
)
"""Mechanisms beside the chosen one, compared at :data:`OTHERS_AT` (epsilon, population)."""
OTHERS_AT = ((1.0, 100), (4.0, 10))
LOW_RANK_AT = ((8.0, 10), (8.0, 1), (2.0, 10), (1.0, 10))
"""More of the one that came out above the chosen one there."""
LOW_RANK_COARSER_AT = ((8.0, 1), (4.0, 1), (2.0, 1), (1.0, 1), (4.0, 10), (1.0, 10), (1.0, 100))
"""Where low rank is compared with cell-by-cell shrinkage at a level at which this takes seconds."""

STEP = 2.0
TRIALS = 6
"""At most so many ridges are tried at one point; neighbouring points start from each other's best."""


def gram(holds: Sequence[HoldOut], clip: float = 1.0) -> Floats:
    """Sum of q q^T with q = x min(1, sqrt(clip / |x|^2)) / sqrt(clip): every customer has a norm of at most 1.

    ``clip`` 1 divides every row by its length ("unit"); ``clip`` infinity leaves binary rows, unscaled.
    """
    total = np.zeros((holds[0].history.shape[1],) * 2)
    for held in holds:
        sizes = np.maximum(held.history.sum(1, keepdims=True), 1.0)
        scale = np.ones_like(sizes) if np.isinf(clip) else np.minimum(1.0, clip / sizes) / clip
        rows = held.history * np.sqrt(scale)
        total += (rows.T @ rows).astype(np.float64)
    return total


def noise(concepts: int, seed: int) -> Floats:
    """Symmetric standard normal noise off the diagonal, sqrt(2) times that on it: sigma is a factor."""
    drawn = np.random.default_rng(seed).standard_normal((concepts, concepts))
    upper = np.triu(drawn, 1)
    return np.asarray(upper + upper.T + np.diag(np.sqrt(2.0) * np.diagonal(drawn)))


def shrunk(groups: Ints | None) -> Denoise:
    """Empirical Bayes cell by cell, with or without the concepts' public groups."""
    return lambda matrix, sigma: cell_by_cell(matrix, sigma, groups)


def as_it_is(matrix: Floats, _sigma: float) -> Floats:
    """No denoising."""
    return matrix


def low_rank(matrix: Floats, sigma: float) -> Floats:
    """Positive semidefinite and low rank: eigenvalues shrunk optimally under Wigner noise, the diagonal kept.

    Eigenvalues below the noise's edge 2 sigma sqrt(n) go, others become sqrt(e^2 - edge^2)
    (Gavish and Donoho 2017, Frobenius loss, symmetric case).
    """
    values, vectors = np.linalg.eigh(matrix)
    edge = 2 * sigma * np.sqrt(len(matrix))
    kept = values > edge
    basis = vectors[:, kept] * np.sqrt(np.sqrt(values[kept] ** 2 - edge**2))
    out = basis @ basis.T
    np.fill_diagonal(out, np.maximum(np.diagonal(matrix), np.diagonal(out)))
    return np.asarray(out)


PLAIN: Reading = ease
TEMPERED: Reading = tempered_ease


def means(holds: Sequence[HoldOut], weights: Weights) -> dict[str, list[float]]:
    """nDCG@10 by metric and company."""
    found: dict[str, list[float]] = {name: [] for name in SCENARIOS}
    for held in holds:
        scores = linear(held.history, weights)
        for name in SCENARIOS:
            found[name].append(ndcg(scores, held.history > 0, held.future, held.excluded(name)).mean)
    return found


def best_ridges(matrix: Floats, reading: Reading, holds: Sequence[HoldOut], start: float) -> dict[str, float]:
    """For each metric the ridge with the best mean over companies: uphill from ``start`` by factors of two."""
    tried: dict[float, dict[str, float]] = {}

    def attempt(lam: float) -> None:
        if lam not in tried:
            tried[lam] = {k: float(np.mean(v)) for k, v in means(holds, reading(matrix, lam)).items()}

    for lam in (start, start * STEP, start / STEP):
        attempt(lam)
    for name in SCENARIOS:
        best = max(tried, key=lambda lam: tried[lam][name])
        while len(tried) < TRIALS and best in (min(tried), max(tried)):
            attempt(best * STEP if best == max(tried) else best / STEP)
            best = max(tried, key=lambda lam: tried[lam][name])
    return {name: max(tried, key=lambda lam: tried[lam][name]) for name in SCENARIOS}


def of_popularity(holds: Sequence[HoldOut]) -> dict[str, list[float]]:
    """The company's own popularity, nDCG@10 by metric and company."""
    return {
        name: [
            ndcg(
                np.broadcast_to(held.buyers.astype(np.float64), held.history.shape),
                held.history > 0,
                held.future,
                held.excluded(name),
            ).mean
            for held in holds
        ]
        for name in SCENARIOS
    }


def of_own_models(
    valid: Sequence[HoldOut], test: Sequence[HoldOut], lambdas: Sequence[float]
) -> dict[str, list[float]]:
    """Each company's own model on its own binary rows without noise, ridge by its own validation."""
    found: dict[str, list[float]] = {name: [] for name in SCENARIOS}
    for before, after in zip(valid, test, strict=True):
        fitted, refitted = gram([before], np.inf), gram([after], np.inf)
        tried = {lam: means([before], ease(fitted, lam)) for lam in lambdas}
        for name in SCENARIOS:
            best = max(lambdas, key=lambda lam: tried[lam][name][0])
            found[name] += means([after], ease(refitted, best))[name]
    return found
