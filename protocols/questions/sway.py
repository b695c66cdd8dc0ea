"""How a moment sways the odds of each concept: log-likelihood ratios, shrunk towards none.

Of a concept's purchases a share falls in each band of a factor; of everybody's purchases of anything another
share does. The log of their ratio is what the moment adds to the concept's log-odds among what is bought then.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PRIOR: Final = 1_000.0
"""Purchases at the common shares that are added to a concept's own: what is bought seldom hardly moves. Of 30 to
3,000 this was best on validation weeks; how much the ratios are worth then is for each node to find out."""


def log_ratios(counts: Floats, before: Floats | None = None, *, prior: float = PRIOR) -> Floats:
    """Log P(band | concept) / P(band), shape (bands, n_concepts); in a band with no purchase what was believed.

    Args:
        counts: purchases by band and concept, same shape.
        before: log ratios that are believed before these are counted (the consortium's, for a company's own
            counts); None: none.
        prior: how many purchases that belief is worth.

    >>> counts = np.array([[60.0, 0.0], [0.0, 60.0]])
    >>> log_ratios(counts, prior=60.0).round(3).tolist()  # (60 + 30) / 120 against 1 / 2: not log 2
    [[0.405, -0.693], [-0.693, 0.405]]
    >>> log_ratios(np.zeros((2, 1)), before=np.array([[0.4], [-0.4]])).round(3).tolist()  # nothing counted
    [[0.4], [-0.4]]
    >>> few = log_ratios(np.array([[1.0, 9.0], [1.0, 9.0]]), before=np.array([[0.4, 0.0], [-0.4, 0.0]]))
    >>> bool(0.2 < few[0, 0] < 0.4)
    True
    """
    by_band = counts.sum(1, keepdims=True)
    total = float(by_band.sum())
    ratios = np.zeros_like(counts) if before is None else before.astype(np.float64)
    if total <= 0:
        return ratios
    common = by_band / total
    believed = common if before is None else common * np.exp(before)
    believed = believed / believed.sum(0, keepdims=True)
    share = (counts + prior * believed) / (counts.sum(0, keepdims=True) + prior)
    known = np.broadcast_to(common > 0, counts.shape) & (share > 0)
    np.log(np.divide(share, common, where=known, out=np.ones_like(counts)), where=known, out=ratios)
    return ratios
