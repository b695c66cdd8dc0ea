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
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from protocols.errors import OutOfBounds

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

TOP = 10
"""Length of a list, unless a question says otherwise."""

STRIP: Final = 32
"""Customers at a time: their scores stay in a processor's cache between the steps, which is most of the speed."""

_SETS: Final = 128
"""Sets of concepts whose maxima are compared first; of a list of 10 about 10.5 concepts are then left."""

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
    rows, concepts = scores.shape
    k = min(top, concepts)
    found = np.empty((rows, k), dtype=np.int64)
    if k:
        for start in range(0, rows, STRIP):
            found[start : start + STRIP] = _top(scores[start : start + STRIP], k)
    return found


def _top(scores: Floats, k: int) -> npt.NDArray[np.int64]:
    """:func:`top_indices` of a few rows.

    The k-th highest of the maxima of any k or more sets of concepts is not above the k-th highest score: what
    is below it is not looked at again. Rows where that leaves much, since much is equal, are sorted whole.
    """
    rows, concepts = scores.shape
    sets = max(_SETS, 8 * k)
    whole = concepts // sets * sets
    if whole == 0:
        return _sorted(_numbers(scores), k)
    highest = scores[:, :whole].reshape(rows, -1, sets).max(axis=1)
    rest = highest[:, : concepts - whole]
    np.maximum(rest, scores[:, whole:], out=rest)
    floor = np.partition(_numbers(highest), sets - k, axis=1)[:, sets - k]
    row, concept = np.divmod(np.flatnonzero(scores >= floor[:, None]), concepts)
    left = np.bincount(row, minlength=rows)
    most = 4 * k
    place = np.arange(len(row)) - np.repeat(np.cumsum(left) - left, left)
    held = place < most
    row, concept, place = row[held], concept[held], place[held]
    some = np.full((rows, most), -np.inf, scores.dtype)
    names = np.zeros((rows, most), np.int64)
    some[row, place], names[row, place] = scores[row, concept], concept
    found = np.take_along_axis(names, _sorted(some, k), axis=1)
    many = left > most
    if many.any():
        found[many] = _sorted(scores[many], k)
    return found


def _sorted(scores: Floats, k: int) -> npt.NDArray[np.int64]:
    return np.argsort(-scores, axis=1, kind="stable")[:, :k].astype(np.int64, copy=False)


def _numbers(scores: Floats) -> Floats:
    if np.isnan(scores).any():
        raise OutOfBounds(expected="scores that are numbers", came="NaN", do="train the model again")
    return scores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Targets:
    """What some customers may be shown and what of it they wanted: those of them who wanted anything.

    Made once for all rankings of the same customers.

    Attributes:
        customers: row numbers of those with a target.
        candidates: (with a target, n_concepts), what may be shown.
        wanted: same shape, the targets.
    """

    customers: npt.NDArray[np.int64]
    candidates: Mask
    wanted: Mask

    @classmethod
    def of(cls, history: Mask, future: Mask, excluded: Mask) -> Self:
        """Targets are what the customer had in the ``future``, not in its ``history``, and nobody is refused."""
        candidates = ~(history | excluded)
        wanted = future & candidates
        customers = np.flatnonzero(wanted.any(axis=1))
        if len(customers) < len(wanted):
            candidates, wanted = candidates[customers], wanted[customers]
        return cls(customers=customers.astype(np.int64, copy=False), candidates=candidates, wanted=wanted)

    def gains(self, scores: Floats, top: int) -> npt.NDArray[np.float64]:
        """NDCG at ``top`` of each, in [0, 1]; ``scores`` have the shape of ``candidates``."""
        exact = np.rint(np.ldexp(1.0 / np.log2(np.arange(2, top + 2)), _DISCOUNT_BITS))
        discounts = exact / 2.0**_DISCOUNT_BITS
        ideal = np.concatenate([[0.0], np.cumsum(discounts)])
        gains = np.empty(len(self.customers))
        for start in range(0, len(gains), STRIP):
            some = slice(start, start + STRIP)
            wanted = self.wanted[some]
            shown = np.where(self.candidates[some], scores[some], -np.inf)
            hits = np.take_along_axis(wanted, top_indices(shown, top), axis=1)
            reached = (hits * discounts[: hits.shape[1]]).sum(axis=1)
            gains[some] = reached / ideal[np.minimum(np.count_nonzero(wanted, axis=1), top)]
        return gains


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
    targets = Targets.of(history, future, excluded)
    everybody = len(targets.customers) == len(scores)
    gains = targets.gains(scores if everybody else scores[targets.customers], top)
    return Gains(customers=targets.customers, gains=gains)


def obvious(buyers: npt.NDArray[np.floating | np.integer]) -> Mask:
    """A company's own obvious list: the tenth of all concepts with most buyers, and all ties.

    Never more than half of those that anybody buys here: a shop that sells a small part of the vocabulary has
    something less obvious on its shelves as well.

    Args:
        buyers: (n_concepts,), customers who had the concept at this company.

    >>> obvious(np.array([9, 1, 8, 8, 1, 1, 0, 0, 0, 0])).nonzero()[0]  # not only the first: [0]
    array([0, 2, 3])
    >>> small = np.zeros(100)
    >>> small[:4] = 9, 8, 2, 1
    >>> obvious(small).nonzero()[0]  # four of a hundred: two of them, not the best ten of all
    array([0, 1])
    >>> obvious(np.where(small > 0, 1, 0)).any()  # no better and no worse ones
    np.False_
    """
    most = int((buyers > 0).sum()) // 2
    line = np.sort(buyers)[::-1][min(len(buyers) // 10, most)]
    found = np.asarray(buyers >= line)
    return found if int(found.sum()) <= most else np.asarray(buyers > line)
