"""The measures behind a surprise: novelty, unexpectedness, appeal elsewhere, utility.

Each is a pure function with a doctest that a wrong formula fails.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
DEPTH: Final = 10.0
"""Ranks that a shopper looks at: attention halves at this rank."""
UNSURPRISING: Final = 1.0 / (1.0 + DEPTH)
"""What the least surprising candidate counts for: the unexpectedness of the first rank, whose attention is the rest."""
PRIOR_BUYERS: Final = 50.0
"""Shrinkage of the appeal: as many buyers at the common rate are added to either side."""
MINIMUM_ELSEWHERE: Final = 20
"""Fewer buyers elsewhere say nothing and would point at single companies: the appeal is neutral. Under noise as
many have to stand out of it, so that the rule grows with the noise."""
APPEAL_SPAN: Final = 8.0
"""The appeal is kept within 1/8 and 8."""


def novelty(buyers: NDArray[np.int64]) -> Floats:
    """Self-information of a purchase here, scaled to [0, 1]: -log2(share) over its largest value.

    Args:
        buyers: customers of this company who bought each concept; the share is of the most bought
            concept's buyers plus one, so that the most bought is the least novel and nobody's is 1.

    >>> novelty(np.array([7, 3, 0])).round(3)  # 8, 4 and 1 eighths: 0, 1 and 3 bits; not 1 - share
    array([0.   , 0.333, 1.   ])
    """
    if buyers.max(initial=0) == 0:
        return np.ones(len(buyers))
    bits = np.log2(float(buyers.max() + 1)) - np.log2(buyers + 1.0)
    result: Floats = bits / np.log2(float(buyers.max() + 1))
    return result


def expectedness(local_scores: NDArray[np.floating], bestselling: Floats) -> Floats:
    """How likely this shop would have shown it anyway: the attention its better rank would get.

    A rank r (1 is first) among the shop's bestsellers (``bestselling``: their :func:`ranks`), or among what its own
    also-bought model would suggest to this customer, gets attention ``1 / (1 + r / DEPTH)``; the larger one counts.
    Not even the first is seen for sure: else any exponent of surprise, however small, would strike it out.

    >>> expectedness(np.array([9.0, 1.0, 0.0]), ranks(np.array([1.0, 5.0, 0.0]))).round(
    ...     3
    ... )  # the mean would be (.871, .871, .769); with ranks from 0: (1, 1, .833)
    array([0.909, 0.909, 0.769])
    """
    best = np.minimum(ranks(local_scores), bestselling)
    result: Floats = 1.0 / (1.0 + (best + 1.0) / DEPTH)
    return result


def appeal_elsewhere(here: Ints, elsewhere: Ints, least: Ints, *, on_sale: Floats | None = None) -> Floats:
    """How much more of the buying goes to a concept at the other members than here, shrunk towards 1.

    Buyers are divided by their opportunities, so that neither large members nor new listings count wrongly:
    ``((e + a E / O) / E) / ((h + a) / O)`` with e, h the buyers of the concept elsewhere and here, E the total over
    all concepts elsewhere, O the total here times the share of it made since the concept was first sold here
    (``on_sale``; its first buyer, who opened that time, is then not counted), and a the buyers expected here at
    the common rate, at most PRIOR_BUYERS. Of elsewhere nobody knows since when, or at how many members, something
    is sold. Neutral where there may be fewer than MINIMUM_ELSEWHERE buyers elsewhere: ``least`` is how many there
    are whatever the noise of the release, ``elsewhere`` itself where it has none.

    >>> here, elsewhere = np.array([100, 900]), np.array([1000, 1000])
    >>> appeal_elsewhere(here, elsewhere, elsewhere).round(2)  # unshrunk: 5.0 and 0.56
    array([3.67, 0.58])
    >>> appeal_elsewhere(here, elsewhere, np.array([19, 20])).round(2)  # the first may be 19: no evidence
    array([1.  , 0.58])
    >>> new = np.array([0.2, 1.0])  # 99 buyers in a fifth of the time: as loved here as elsewhere
    >>> appeal_elsewhere(here, elsewhere, elsewhere, on_sale=new).round(2)
    array([1.01, 0.58])
    """
    total_here, total_elsewhere = float(here.sum()), float(elsewhere.sum())
    if total_here == 0 or total_elsewhere == 0:
        return np.ones(len(here))
    sold = np.ones(len(here)) if on_sale is None else np.where(on_sale > 0, on_sale, 1.0)
    chances, counted = total_here * sold, np.where(sold < 1, np.maximum(here - 1, 0), here)
    pooled = (here + elsewhere) / (chances + total_elsewhere)
    prior_here = np.minimum(pooled * chances, PRIOR_BUYERS)
    rate_here = (counted + prior_here) / chances
    rate_elsewhere = (elsewhere + prior_here * (total_elsewhere / chances)) / total_elsewhere
    ratio = np.divide(rate_elsewhere, rate_here, out=np.ones(len(here)), where=rate_here > 0)
    bounded = np.clip(ratio, 1 / APPEAL_SPAN, APPEAL_SPAN)
    result: Floats = np.where(least < MINIMUM_ELSEWHERE, 1.0, bounded)
    return result


def surprise(novel: Floats, unexpected: Floats, candidates: Mask) -> Floats:
    """Novelty x unexpectedness on the scale of what is attainable: what the dial bounds, in [0, 1].

    0 is the least surprising of the candidates and 1 the most: a half means the same in a small shop as in a
    large one, for a customer who has bought little as for one who has bought much. Where all candidates are
    alike, and for what is none, it is 0.

    >>> surprise(np.array([0.2, 0.5, 0.8, 1.0]), np.array([0.5, 0.5, 0.5, 1.0]), np.array([1, 1, 1, 0], bool))
    array([0. , 0.5, 1. , 0. ])

    Unscaled it would be (0.1, 0.25, 0.4), and by the mean of both, which lets one stand for the other, (0.35, ...).
    """
    raw = novel * unexpected
    if not candidates.any():
        return np.zeros(len(raw))
    low, high = raw[candidates].min(), raw[candidates].max()
    span = high - low
    scaled = (raw - low) / span if span > 0 else np.zeros(len(raw))
    return np.asarray(np.where(candidates, scaled, 0.0), np.float64)


def utility(accept: Floats, surprising: Floats, appeal: Floats, *, tau: float, beta: float) -> Floats:
    """P(accept) x (floor + (1 - floor) surprise)^tau x appeal^beta.

    The floor, UNSURPRISING, keeps any tau from striking out what is least surprising.

    >>> utility(np.array([0.1, 0.1]), np.array([0.0, 1.0]), np.array([16.0, 16.0]), tau=0.5, beta=0.25).round(
    ...     3
    ... )
    array([0.06, 0.2 ])
    """
    scaled = UNSURPRISING + (1 - UNSURPRISING) * surprising
    result: Floats = accept * scaled**tau * appeal**beta
    return result


def own(accept: Floats, typical: Floats) -> Floats:
    """How much a suggestion is this customer's own: its chance over that for the typical customer who bought as much.

    What everybody would be shown in a bold place is no surprise.

    >>> own(np.array([0.2, 0.1]), np.array([0.2, 0.02])).round(2)  # by likelihood the first would win
    array([1., 5.])
    """
    result: Floats = accept / typical
    return result


def ranks(values: NDArray[np.floating]) -> Floats:
    """Rank of each value, 0 for the highest; ties to the lowest index.

    >>> ranks(np.array([1.0, 5.0, 5.0]))
    array([2., 0., 1.])
    """
    falling = _falling(values) if values.dtype == np.float32 else np.argsort(-values, kind="stable")
    found = np.empty(len(values))
    found[falling] = np.arange(len(values))
    return found


def _falling(values: NDArray[np.float32]) -> Ints:
    """``np.argsort(-values, kind="stable")`` in a quarter of the time, for a request needs it.

    The bits of a float are in order as a whole number once those of a negative one are turned over; with the index
    below them no two are alike, and sorting whole numbers needs no stable algorithm. Taken from 0, a minus zero is
    the same as zero.
    """
    bits = (np.float32(0) - values).view(np.int32)
    ordered = (bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))).astype(np.int64)
    keys = np.sort((ordered << 32) | np.arange(len(values)))
    return np.asarray(keys & 0xFFFFFFFF, np.int64)
