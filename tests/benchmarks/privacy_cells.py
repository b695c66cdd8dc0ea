"""A noisy Gram matrix read cell by cell, without directions: what nodes did before decision 26, kept to compare.

It is `protocols.questions.shrinkage` without its second step. The noise-aware arms of `privacy_quality.py`
were measured with it.
"""

import math

import numpy as np
import numpy.typing as npt

from protocols.questions.shrinkage import corrected, posterior, predict, symmetric

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def cell_by_cell(gram: Floats, sigma: float, groups: Ints | None = None) -> Floats:
    """Posterior means around what popularity and ``groups`` (if any) predict of a cell."""
    pairs = gram.copy()
    np.fill_diagonal(pairs, 0.0)
    return around(gram, *predict(pairs, sigma, groups), sigma)


def around(gram: Floats, predicted: Floats, share: Floats, sigma: float) -> Floats:
    """Posterior means around ``predicted``, and around ``share`` of each concept on the diagonal."""
    upper = np.triu_indices(len(gram), 1)
    cells, expected = gram[upper], predicted[upper]
    out = symmetric(posterior(cells, corrected(cells, expected), expected, sigma), len(gram))
    diagonal = np.diagonal(gram)
    np.fill_diagonal(out, posterior(diagonal, corrected(diagonal, share), share, sigma * math.sqrt(2)))
    return out
