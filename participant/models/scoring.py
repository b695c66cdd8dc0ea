"""Scores of a node's arms on one scale.

They are standardised as in `protocols.questions.mixture`, over a customer's own candidates.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.questions import mixture

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


def linear(history: Floats, weights: Floats) -> Floats:
    """``history @ weights``, shape (customers, n_concepts), float32."""
    scores: Floats = history @ weights
    return scores


def popularity(buyers: NDArray[np.int64] | NDArray[np.float32]) -> Floats:
    """log(1 + buyers): differences of popularity as ratios, so that the top does not drown the rest."""
    return np.log1p(buyers).astype(np.float32)


def tilted(scores: Floats, tilt: int, buyers: NDArray[np.int64]) -> Floats:
    """``scores + tilt / 100 * log(1 + buyers)``, (..., n_concepts), float32: as in a mixture.

    >>> tilted(np.array([0.0, 0.3], np.float32), 50, np.array([0, 1])).round(3)  # 0.3 + 0.5 log 2
    array([0.   , 0.647], dtype=float32)
    """
    return scores + np.float32(tilt / 100) * popularity(buyers) if tilt else scores


def standardise(scores: Floats, candidates: Mask) -> Floats:
    """Mean 0 and spread 1 over each row's candidates; 0 elsewhere.

    >>> standardise(np.array([[9.0, 1.0, 3.0]], np.float32), np.array([[False, True, True]]))
    array([[ 0., -1.,  1.]], dtype=float32)
    """
    return np.asarray(mixture.standardise(scores, candidates), np.float32)
