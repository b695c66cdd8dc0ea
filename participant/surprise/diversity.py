"""Maximal marginal relevance: a suggestion loses worth by its likeness to those above it.

Carbonell and Goldstein (SIGIR 1998), on ratios instead of differences so that the scale of the
utility does not matter: ``utility x (1 - diversity x likeness)``.
"""

import numpy as np
from numpy.typing import NDArray


def rerank(
    utility: NDArray[np.float64], likeness: NDArray[np.float64], n: int, diversity: float
) -> NDArray[np.int64]:
    """Indices of the ``n`` chosen, in order.

    Args:
        utility: (candidates,), positive.
        likeness: (candidates, candidates), in [0, 1].
        n: how many to choose.
        diversity: in [0, 1), what full likeness to one above costs.

    >>> twins = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> rerank(np.array([1.0, 0.9, 0.6]), twins, 2, 0.5)  # by utility alone: [0, 1]
    array([0, 2])
    """
    chosen: list[int] = []
    nearest = np.zeros(len(utility))
    open_places = np.ones(len(utility), np.bool_)
    for _ in range(min(n, len(utility))):
        worth = np.where(open_places, utility * (1.0 - diversity * nearest), -np.inf)
        best = int(np.argmax(worth))
        chosen.append(best)
        open_places[best] = False
        nearest = np.maximum(nearest, likeness[best])
    return np.array(chosen, np.int64)
