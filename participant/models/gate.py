"""The gate "never below local": a release is deployed only where it holds up on own validation weeks.

The rule: deploy if the mean paired difference of validation nDCG@10 against the tuned local model is
above zero, the blend's gain being cross-fitted (each customer judged by a mix that others chose), so
that choosing does not flatter. It is the literal promise, with no constant: whoever holds neither model
to be better beforehand, and minds a loss as much as a missed gain, decides by the sign of the mean.
A margin above zero would buy certainty with missed gains, one below it would break the promise.

That is about a release that is above the own model by itself. Where it is not, only a mixture with the own model
can pass, and among strangers some mixture often does by luck: it has to be above zero by one standard error.

A noisy release is judged with one draw of the noise and served with another, that of the sum until the end of
validation. Customers say nothing of the second, so their mean has to be above zero by as much.
How lists are made has a stricter gate of its own: :mod:`participant.surprise.choosing`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.blend import wins
from participant.models.resampling import Interval, interval

CUSTOMERS_MIN: Final = 2
"""Nobody can be judged by a single customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision for one scenario with the figures behind it (validation nDCG@10)."""

    deployed: bool
    local: Interval
    federated: Interval
    blend: Interval
    difference: Interval

    @property
    def sentence(self) -> str:
        """The decision in words, for the console."""
        word = "deployed" if self.deployed else "not deployed: the local model stays"
        return (
            f"{word}; on own validation weeks the exchange changes nDCG@10 by {self.difference.mean:+.4f} "
            f"({self.difference.low:+.4f} to {self.difference.high:+.4f}) from {self.local.mean:.4f}"
        )


def judge(
    local: NDArray[np.float64],
    federated: NDArray[np.float64],
    blend: NDArray[np.float64],
    *,
    noisy: bool = False,
) -> Verdict:
    """Judge the blend against the local model; all three are gains of the same customers, in order.

    ``noisy``: the release has noise, other noise than the one that will serve has.

    >>> up, down = np.array([0.3, 0.2, 0.4, 0.3]), np.array([0.1, 0.1, 0.1, 0.1])
    >>> judge(down, up, up).deployed, judge(up, down, down).deployed, judge(up, up, up).deployed
    (True, False, False)
    >>> barely = down + np.array([0.2, -0.1, 0.2, -0.1])  # by 0.05, with a standard error of 0.09
    >>> judge(down, up, barely).deployed, judge(down, up, barely, noisy=True).deployed
    (True, False)
    >>> (
    ...     judge(down, down - 0.05, barely).deployed,
    ...     judge(down, down - 0.05, up).deployed,
    ... )  # a mixture of a worse one
    (False, True)
    """
    difference = blend - local
    unsure = noisy or not holds_up(federated - local)
    return Verdict(
        deployed=(wins if unsure else holds_up)(difference),
        local=interval(local),
        federated=interval(federated),
        blend=interval(blend),
        difference=interval(difference),
    )


def holds_up(difference: NDArray[np.float64]) -> bool:
    """Whether there is evidence at all, and its mean lies above zero."""
    return bool(len(difference) >= CUSTOMERS_MIN and difference.mean() > 0)
