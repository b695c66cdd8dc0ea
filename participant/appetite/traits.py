"""Four habits of a customer, beside what is usual at the shop: behaviour, not a diagnosis of a person.

Shares are shrunk towards the shop's mean. Breadth is a residual, which a shrunk ratio of kinds to visits was not as
good as on validation weeks.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.store.records_habits import Habits

Floats = NDArray[np.float64]
TRAITS: Final = ("exploration", "breadth", "earliness", "tail")
PRIOR: Final = 20.0
"""So many purchases or kinds of a mean customer are added to everybody's own."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traits:
    """``values``: (customers, 4) in the order of :data:`TRAITS`; ``activity``: (customers, 2), log(1 + count).

    *exploration*: of recent purchases, the share that were the first of their kind. *breadth*: kinds
    bought so far, beside those who have made as many purchases lately. *earliness*: of the kinds bought, the mean share of their buyers who came later. *tail*: of the
    kinds bought, the share outside the shop's obvious list. Activity is recent visits and recent purchases.
    """

    customer_keys: NDArray[np.int64]
    values: Floats
    activity: Floats

    @classmethod
    def of(cls, habits: Habits) -> "Traits":
        """The traits of everybody in ``habits``."""
        values = (
            shrunk(habits.fresh, habits.purchases),
            beyond(habits.kinds, habits.purchases),
            1.0 - shrunk(habits.late, habits.timed),
            shrunk(habits.tail, habits.kinds),
        )
        active = (np.log1p(habits.recent_visits), np.log1p(habits.purchases))
        return cls(
            customer_keys=habits.customer_keys,
            values=np.stack(values, axis=1),
            activity=np.stack(active, axis=1),
        )


def shrunk(counts: NDArray[np.number], of: NDArray[np.number]) -> Floats:
    """``(counts + PRIOR mean) / (of + PRIOR)``: who did little is near the mean of all.

    >>> shrunk(np.array([1, 100]), np.array([1, 400])).round(
    ...     3
    ... )  # unshrunk 1 and 0.25; the mean of rates is 0.625
    array([0.287, 0.25 ])
    """
    total = float(of.sum())
    mean = float(counts.sum()) / total if total else 0.0
    return np.asarray((counts + PRIOR * mean) / (of + PRIOR), np.float64)


def beyond(kinds: NDArray[np.number], purchases: NDArray[np.number]) -> Floats:
    """log(1 + kinds) less what is usual at log(1 + purchases): a least-squares parabola over all customers.

    >>> found = beyond(np.array([3, 7, 15, 7]), np.array([3, 7, 15, 15]))
    >>> found.round(2)  # the third and the fourth bought as much: half of log 2 above and below
    array([ 0.  ,  0.  ,  0.35, -0.35])
    """
    x, y = np.log1p(purchases.astype(np.float64)), np.log1p(kinds.astype(np.float64))
    design = np.stack([np.ones_like(x), x, x * x], axis=1)
    usual = design @ np.linalg.lstsq(design, y, rcond=None)[0] if len(x) else y
    return np.asarray(y - usual, np.float64)
