"""EASE whose ridge draws towards given weights instead of towards nothing: tried, and not what nodes serve.

With P = (G + lam I)^-1 and M = lam P W0 the weights that minimise |X - X W|^2 + lam |W - W0|^2 with a diagonal of 0
are W[i, j] = M[i, j] - P[i, j] (1 + M[j, j]) / P[j, j] off the diagonal: the multiplier of column j is what makes
its diagonal 0. A company needs its own Gram matrix and the release for it, and no customer's row.

>>> gram, nothing = np.array([[2.0, 1.0], [1.0, 3.0]]), np.zeros((2, 2), np.float32)
>>> np.array_equal(residual(gram, 1.0, nothing), ease(gram, 1.0))  # towards nothing: EASE itself
True
>>> others = np.array([[0.0, 0.9], [0.9, 0.0]], np.float32)
>>> residual(gram, 1e9, others).round(3)  # own rows weigh nothing; the mean of both would be 0.617 and 0.575
array([[0. , 0.9],
       [0.9, 0. ]], dtype=float32)
"""

import numpy as np
from numpy.typing import NDArray

from protocols.questions.ease import ease

Floats = NDArray[np.float32]


def residual(gram: NDArray[np.float64], lam: float, towards: Floats) -> Floats:
    """The weights, (n_concepts, n_concepts), of own co-purchases ``gram`` and the release's weights ``towards``."""
    inverse = np.linalg.inv(gram + lam * np.eye(len(gram)))
    kept = (lam * inverse).astype(np.float32) @ towards
    weights = kept + ease(gram, lam) * (1 + np.diagonal(kept))
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights, np.float32)
