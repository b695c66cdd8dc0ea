"""Scores of the three arms, and their blend on one scale.

An arm's scores are standardised over a customer's own candidates, so that a weight means the same
for every customer and every arm: ``z = (score - mean) / spread``.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
SPREAD_MIN: Final = 1e-12
"""A constant arm says nothing: its standardised scores are all zero."""


def linear(history: Floats, weights: Floats) -> Floats:
    """``history @ weights``, shape (customers, n_concepts), float32."""
    scores: Floats = history @ weights
    return scores


def popularity(buyers: NDArray[np.int64] | NDArray[np.float32]) -> Floats:
    """log(1 + buyers): differences of popularity as ratios, so that the top does not drown the rest."""
    return np.log1p(buyers).astype(np.float32)


def standardise(scores: Floats, candidates: Mask) -> Floats:
    """Mean 0 and spread 1 over each row's candidates; 0 elsewhere.

    >>> standardise(np.array([[9.0, 1.0, 3.0]], np.float32), np.array([[False, True, True]]))
    array([[ 0., -1.,  1.]], dtype=float32)
    """
    count = np.maximum(candidates.sum(1, keepdims=True), 1)
    mean = np.where(candidates, scores, 0).sum(1, keepdims=True, dtype=np.float64) / count
    centred = np.where(candidates, scores - mean, 0.0)
    spread = np.sqrt((centred**2).sum(1, keepdims=True) / count)
    scaled = centred / np.maximum(spread, SPREAD_MIN) * (spread > SPREAD_MIN)
    return np.asarray(scaled, np.float32)
