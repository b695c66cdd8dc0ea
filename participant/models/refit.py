"""Whether a refit may be served: a sum that nobody judged must not put into lists what the judged one never came near.

A release is judged on validation weeks with the sum until the end of the fit window, and served with the sum until
the end of validation. Of that one own customers say nothing, so whoever forges one answer to it, within the bound of
every cell, could lift an item into every list of every company. Honest weeks move items by places; so an item that
is among the first so many of a customer has to have been among the first ``REACH`` times as many of as many customers,
by the sum that was judged or by this company's own sales. It is asked at several depths (``DEPTHS``), down to the last
place from which the longest list is drawn, and of what is ordered for bold places
(:func:`participant.surprise.judging.bold_orders`). Where one item is not, beyond :func:`tolerance`, the whole refit is
held back and the judged sum serves: a forged answer bends more than the one item that shows.

What it does not see: an item that is lifted from within reach, or between two of the depths (from place 99 to 21), or
behind the tenth bold place, or in fewer lists than the tolerance, or within a dial (``surprise.min`` and ``max`` of a
request) only; many items, each in the lists of a few (an answer with all concepts renamed lifts nothing); which of the
concepts that nobody bought here comes first, which has at most one place in ten; a text that is listed after the
training; what a moment moves (:mod:`participant.models.sway`).
How far honest refits stay from the border, and what a forged answer does with and without it:
`tests/benchmarks/results/refits.json`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from protocols.questions.ranking import TOP, top_indices

DEPTHS: Final = (TOP, 20, 50, 100, 200)
"""Places that are compared: a list of ten, and the likeliest from which lists of 10, 25, 50 and 100 are drawn."""
REACH: Final = 2
"""Times as deep: so far from the first places an item may stand before the refit. Honest weeks stay far below the
tolerance at every depth, so that one reach does for all."""
TOLERANCE: Final = 0.1
"""Share of all customers, and :data:`SURE` standard errors of it: among few, chance alone moves a tenth."""
SURE: Final = 2.0
CUSTOMERS: Final = 500
"""Own customers whose lists are compared, at most."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Risen:
    """An item that a refit puts among the first ``places`` of ``served`` of all customers.

    It was within reach of ``before`` of them.
    """

    name: str
    served: float
    before: float
    places: int = TOP

    @property
    def sentence(self) -> str:
        """What was done, for the officer."""
        return (
            f"held back: the newest sum, which no validation weeks have judged, would put {self.name!r} among "
            f"the first {self.places} of {self.served:.0%} of own customers; by the sum that was judged and by own sales "
            f"it was within reach of {self.before:.0%}. The sum that was judged serves. One forged answer can do this, and so can "
            "loud noise: ask the other members what they see."
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Lists of own customers by a refit beside what they were before it.

    Attributes:
        names: of the items.
        served: scores of own customers by the refit, (customers, n_items).
        before: scores of the same by the judged sum, and by own sales.
        allowed: what may be on their lists, same shape.
        depths: places that are compared.

    >>> judged, own = np.zeros((1, 99)), np.zeros((1, 99))
    >>> judged[0, :40], own[0, 60] = np.arange(40, 0, -1), 1.0
    >>> def lifted(item):
    ...     forged, names = judged.copy(), [str(at) for at in range(99)]
    ...     forged[0, item] = 100.0
    ...     return Comparison(
    ...         names=names, served=forged, before=(judged, own), allowed=np.ones((1, 99), bool)
    ...     ).risen
    >>> lifted(19), lifted(60)  # the twentieth before, and the first by own sales
    (None, None)
    >>> lifted(20)
    Risen(name='20', served=1.0, before=0.0, places=10)
    """

    names: Sequence[str]
    served: NDArray[np.floating]
    before: tuple[NDArray[np.floating], ...]
    allowed: Mask
    depths: tuple[int, ...] = DEPTHS

    def first(self, places: int) -> Floats:
        """Of what share of the customers each item is among the first ``places`` by the refit, (n_items,)."""
        return share_of_lists(self.served, self.allowed, places)

    def within(self, places: int) -> Floats:
        """The same before, by the sum that was judged or by own sales."""
        shares = [share_of_lists(each, self.allowed, places) for each in self.before]
        return np.asarray(np.max(shares, axis=0), np.float64)

    @property
    def risen(self) -> Risen | None:
        """The item that rises most at the first depth where one does beyond the tolerance."""
        if not len(self.served):
            return None
        for places in self.depths:
            now, reach = self.first(places), self.within(places * REACH)
            most = int(np.argmax(now - reach))
            if now[most] - reach[most] > tolerance(len(self.served)):
                return Risen(
                    name=self.names[most], served=float(now[most]), before=float(reach[most]), places=places
                )
        return None


def tolerance(customers: int) -> float:
    """By how much of all customers an item may rise: ``TOLERANCE`` and two standard errors of such a share.

    >>> tolerance(500).__round__(3), tolerance(10).__round__(3), tolerance(1).__round__(3)
    (0.127, 0.29, 0.7)
    """
    return TOLERANCE + SURE * float((TOLERANCE * (1 - TOLERANCE) / customers) ** 0.5)


def share_of_lists(scores: NDArray[np.floating], allowed: Mask, places: int) -> Floats:
    """Of all customers, in how many's first ``places`` each item is, (n_items,).

    >>> share_of_lists(np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]]), np.ones((2, 3), bool), 1)
    array([0.5, 0. , 0.5])
    """
    first = top_indices(np.where(allowed, scores, -np.inf), min(places, scores.shape[1]))
    on_list = np.zeros(allowed.shape, np.bool_)
    np.put_along_axis(on_list, first, values=True, axis=1)
    return np.asarray((on_list & allowed).mean(0), np.float64)
