"""How many customers of the other companies bought each concept, from a sum that may not count customers.

The diagonal of a `taste` sum adds up each buyer's squared entry: 1 under binary rows, less the longer the row
under unit rows, 1 / cap under capped ones. What a buyer weighs is known at home, where customers are counted
both ways; a concept's buyers elsewhere are taken to weigh what its buyers weigh here. For a concept with few
buyers here that weight is drawn towards the mean over all concepts. Under binary rows every weight is 1 and
the estimate is exact: sum minus own.

Of a noisy sum the count is an estimate, and below the noise it says nothing. What may be said of it, or shown
to anybody, rests on the least number of buyers that the noise leaves room for (:func:`least_elsewhere`).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRIOR_BUYERS: Final = 20.0
"""Buyers of mean weight that are added to those here: a few customers say little about the length of rows."""


SURE: Final = 3.0
"""Standard deviations of noise that a count has to stand out by: one empty concept in 700 does so by chance."""


def buyers_elsewhere(others: Floats, own: Floats, buyers: Ints) -> Ints:
    """Customers of the others for each concept, all of shape (n_concepts,); zeros where nobody buys here.

    Args:
        others: the diagonal of the other companies' sum.
        own: that of this company, counted by the same row scheme.
        buyers: this company's customers of each concept.

    >>> here = np.array([1000, 3000])
    >>> buyers_elsewhere(np.array([40.0, 240.0]), here / [100, 50], here)  # 40 at 1/100; not 40
    array([ 3942, 12010])
    >>> buyers_elsewhere(np.array([3.0, 0.0]), np.array([2.0, 9.0]), np.array([2, 9]))  # binary: exact
    array([3, 0])
    """
    if not buyers.sum():
        return np.zeros(len(buyers), np.int64)
    mean = float(own.sum()) / float(buyers.sum())
    weight = (own + PRIOR_BUYERS * mean) / (buyers + PRIOR_BUYERS)
    found: Ints = np.rint(np.maximum(others, 0.0) / weight).astype(np.int64)
    return found


def least_elsewhere(released: Floats, sigma: float, own: Floats, buyers: Ints) -> Ints:
    """The fewest customers of the others that noise of ``sigma`` on the diagonal leaves room for.

    ``released`` is the diagonal with its noise, not one that was shrunk towards what is plausible.

    >>> binary = np.array([50.0]), np.array([50])
    >>> least_elsewhere(np.array([80.0]), 25.0, *binary), least_elsewhere(np.array([80.0]), 0.0, *binary)
    (array([5]), array([80]))
    """
    return buyers_elsewhere(released - SURE * sigma, own, buyers)
