"""Four habits of a customer, each shrunk towards the shop's mean: behaviour, not a diagnosis of a person."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.store.records_habits import Habits

Floats = NDArray[np.float64]
TRAITS: Final = ("exploration", "breadth", "earliness", "tail")
PRIOR: Final = 20.0
"""So many purchases, visits or kinds of a mean customer are added to everybody's own."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traits:
    """``values``: (customers, 4) in the order of :data:`TRAITS`; ``activity``: (customers, 2), log(1 + count).

    *exploration*: of recent purchases, the share that were the first of their kind. *breadth*: kinds bought for
    each visit. *earliness*: of the kinds bought, the mean share of their buyers who came later. *tail*: of the
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
            shrunk(habits.kinds, habits.visits),
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
