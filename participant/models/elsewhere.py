"""How many customers of the other companies bought each concept, from a sum that may not count customers.

The diagonal of a `taste` sum adds up each buyer's squared entry: 1 under binary rows, less the longer the row
under unit rows, 1 / cap under capped ones. What a buyer weighs is known at home, where customers are counted
both ways; a concept's buyers elsewhere are taken to weigh what its buyers weigh here. For a concept with few
buyers here that weight is drawn towards the mean over all concepts. Under binary rows every weight is 1 and
the estimate is exact: sum minus own.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRIOR_BUYERS: Final = 20.0
"""Buyers of mean weight that are added to those here: a few customers say little about the length of rows."""


def buyers_elsewhere(total: Floats, own: Floats, buyers: Ints) -> Ints:
    """Customers of the others for each concept, all of shape (n_concepts,); zeros where nobody buys here.

    Args:
        total: the diagonal of the released sum.
        own: this company's part of it, counted by the same row scheme.
        buyers: this company's customers of each concept.

    >>> here = np.array([1000, 3000])
    >>> buyers_elsewhere(np.array([50.0, 300.0]), here / [100, 50], here)  # 40 at 1/100; not 50 - 10
    array([ 3942, 12010])
    >>> buyers_elsewhere(np.array([5.0, 9.0]), np.array([2.0, 9.0]), np.array([2, 9]))  # binary: exact
    array([3, 0])
    """
    if not buyers.sum():
        return np.zeros(len(buyers), np.int64)
    mean = float(own.sum()) / float(buyers.sum())
    weight = (own + PRIOR_BUYERS * mean) / (buyers + PRIOR_BUYERS)
    found: Ints = np.rint(np.maximum(total - own, 0.0) / weight).astype(np.int64)
    return found
