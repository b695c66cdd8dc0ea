"""Whether a refit may be served: a sum that nobody judged must not put into lists what the judged one never came near.

A release is judged on validation weeks with the sum until the end of the fit window, and served with the sum until
the end of validation. Of that one own customers say nothing, so whoever forges one answer to it, within the bound of
every cell, could lift an item into every list of every company. Honest weeks move items by places; so an item that
stands in the lists of ``TOP`` places has to have been among the first ``TOP * REACH`` of as many customers, by the
sum that was judged or by this company's own sales. Where one item is not, beyond ``TOLERANCE`` of all lists, the whole
refit is held back and the judged sum serves: a forged answer bends more than the one item that shows.

What it does not see: an item that is lifted from within reach, or in fewer lists than the tolerance; which of the
concepts that nobody bought here comes first, which has at most one place in ten; a text that is listed after the
training; what a moment moves (:mod:`participant.models.sway`). And it looks at the ten likeliest: an item that is lifted
to places eleven to twenty of everybody may be shown by a bold place or in a longer list. How far honest refits stay
from it, and what a forged answer does with and without it: `tests/benchmarks/results/refits.json`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from protocols.questions.ranking import TOP, top_indices

REACH: Final = 2
"""Times as deep as a list: so far from a list an item may stand before the refit."""
TOLERANCE: Final = 0.1
"""Share of all lists."""
CUSTOMERS: Final = 500
"""Own customers whose lists are compared, at most."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Risen:
    """An item that a refit puts into ``served`` of all lists, and which was within reach of ``before`` of them."""

    name: str
    served: float
    before: float

    @property
    def sentence(self) -> str:
        """What was done, for the officer."""
        return (
            f"held back: the newest sum, which no validation weeks have judged, would put {self.name!r} into "
            f"{self.served:.0%} of own customers' lists; by the sum that was judged and by own sales it was within "
            f"reach of {self.before:.0%}. The sum that was judged serves. One forged answer can do this, and so can "
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
    Risen(name='20', served=1.0, before=0.0)
    """

    names: Sequence[str]
    served: NDArray[np.floating]
    before: tuple[NDArray[np.floating], ...]
    allowed: Mask

    @property
    def lists(self) -> Floats:
        """In what share of the lists each item is, (n_items,)."""
        return share_of_lists(self.served, self.allowed, TOP)

    def within(self, places: int) -> Floats:
        """The share of customers in whose first ``places`` each item was before, by the sum or by own sales."""
        shares = [share_of_lists(each, self.allowed, places) for each in self.before]
        return np.asarray(np.max(shares, axis=0), np.float64)

    @property
    def risen(self) -> Risen | None:
        """The item that rises most, where that is beyond ``TOLERANCE``."""
        if not len(self.served):
            return None
        now, reach = self.lists, self.within(TOP * REACH)
        most = int(np.argmax(now - reach))
        if now[most] - reach[most] <= TOLERANCE:
            return None
        return Risen(name=self.names[most], served=float(now[most]), before=float(reach[most]))


def share_of_lists(scores: NDArray[np.floating], allowed: Mask, places: int) -> Floats:
    """Of all customers, in how many's first ``places`` each item is, (n_items,).

    >>> share_of_lists(np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]]), np.ones((2, 3), bool), 1)
    array([0.5, 0. , 0.5])
    """
    first = top_indices(np.where(allowed, scores, -np.inf), min(places, scores.shape[1]))
    on_list = np.zeros(allowed.shape, np.bool_)
    np.put_along_axis(on_list, first, values=True, axis=1)
    return np.asarray((on_list & allowed).mean(0), np.float64)
