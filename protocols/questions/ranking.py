"""How well a ranking foretells: nDCG at k over the full list, with one definition for everybody.

Candidates are all concepts that the customer never had and that are not excluded; targets are the
candidates that the customer had in the future. Ties go to the lowest concept index. The ideal
ranking has all targets on top, so a customer with one target and one with twenty are both worth at
most 1. Customers without a target count nowhere.

>>> scores = np.array([[3.0, 2.0, 1.0, 0.0]])
>>> had, wants = np.array([[True, False, False, False]]), np.array([[True, False, True, False]])
>>> ndcg(scores, had, wants, np.zeros(4, bool), top=2).gains  # second of the list, one target
array([0.63092975])

One target at the second place: 1/log2(3) over an ideal of 1. With the ideal of two places
(1 + 1/log2(3)) it would be 0.387, and with the concept already had counted as a target 0.613.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from protocols.errors import OutOfBounds

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

TOP = 10
"""Length of a list, unless a question says otherwise."""


_DISCOUNT_BITS = 44
"""Discounts are multiples of 2**-44: their sums are exact in float64 for lists of up to 1,000, so that no
customer's gain depends on how many others are ranked beside."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gains:
    """nDCG of the customers with a target: ``gains`` in [0, 1] and their row numbers ``customers``."""

    customers: npt.NDArray[np.int64]
    gains: npt.NDArray[np.float64]

    @property
    def mean(self) -> float:
        """The mean over customers with a target; 0 when there is none."""
        return float(self.gains.mean()) if len(self.gains) else 0.0


def top_indices(scores: Floats, top: int) -> npt.NDArray[np.int64]:
    """The ``top`` highest scores of each row in order, ties to the lowest index.

    Args:
        scores: shape (n_customers, n_concepts); minus infinity means "never".
        top: length of a list.

    Returns:
        Shape (n_customers, min(top, n_concepts)); equal to a stable sort of the whole row.

    Raises:
        OutOfBounds: a score that is not a number.

    >>> top_indices(np.array([[0.0, 2.0, 1.0, 2.0, 1.0]]), 3)
    array([[1, 3, 2]])
    """
    if np.isnan(scores).any():
        raise OutOfBounds(expected="scores that are numbers", came="NaN", do="train the model again")
    rows, concepts = scores.shape
    k = min(top, concepts)
    if k == 0 or rows == 0:
        return np.empty((rows, k), dtype=np.int64)
    last = np.partition(scores, concepts - k, axis=1)[:, concepts - k, None]
    above, level = scores > last, scores == last
    room = k - above.sum(axis=1, keepdims=True)
    kept = above | (level & (np.cumsum(level, axis=1, dtype=np.int32) <= room))
    columns = np.nonzero(kept)[1].reshape(rows, k)
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1).astype(np.int64, copy=False)


def ndcg(scores: Floats, history: Mask, future: Mask, excluded: Mask, *, top: int = TOP) -> Gains:
    """Rank, and return nDCG at ``top`` of each customer with a target (Järvelin and Kekäläinen 2002, binary gains).

    Args:
        scores: (n_customers, n_concepts), any finite numbers.
        history: (n_customers, n_concepts), what the customer had: no candidate.
        future: (n_customers, n_concepts), what the customer had afterwards.
        excluded: (n_concepts,), what nobody is shown.
        top: length of a list.

    Raises:
        OutOfBounds: a score that is not a number.
    """
    candidate = ~(history | excluded)
    target = future & candidate
    targets = target.sum(axis=1)
    customers = np.flatnonzero(targets)
    shown = np.where(candidate[customers], scores[customers], -np.inf)
    hits = np.take_along_axis(target[customers], top_indices(shown, top), axis=1)
    discounts = np.rint(np.ldexp(1.0 / np.log2(np.arange(2, top + 2)), _DISCOUNT_BITS)) / 2.0**_DISCOUNT_BITS
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])
    gains = (hits * discounts[: hits.shape[1]]).sum(axis=1) / ideal[np.minimum(targets[customers], top)]
    return Gains(customers=customers.astype(np.int64, copy=False), gains=gains)


def obvious(buyers: npt.NDArray[np.floating | np.integer]) -> Mask:
    """A company's own obvious list: the tenth of its concepts with most buyers, and all ties.

    Args:
        buyers: (n_concepts,), customers who had the concept at this company.

    >>> obvious(np.array([9, 1, 8, 8, 0, 0, 0, 0, 0, 0])).nonzero()[0]  # not only the first: [0]
    array([0, 2, 3])
    """
    concepts = len(buyers)
    return np.asarray(buyers >= np.sort(buyers)[::-1][concepts // 10])
