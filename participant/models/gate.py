"""The gate "never below local": a release is deployed only where it holds up on own validation weeks.

The rule: deploy if the paired difference of validation nDCG@10 against the tuned local model is
above zero by :data:`MARGIN` standard errors. A release that is truly worse by one standard error passes
with a chance of about 7%; a release that is truly better by two is kept with about 93%.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.resampling import Interval, interval

MARGIN: Final = 0.5


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
    local: NDArray[np.float64], federated: NDArray[np.float64], blend: NDArray[np.float64]
) -> Verdict:
    """Judge the blend against the local model; all three are gains of the same customers, in order.

    >>> up, down = np.array([0.3, 0.2, 0.4, 0.3]), np.array([0.1, 0.1, 0.1, 0.1])
    >>> judge(down, up, up).deployed, judge(up, down, down).deployed, judge(up, up, up).deployed
    (True, False, False)
    """
    difference = blend - local
    return Verdict(
        deployed=holds_up(difference),
        local=interval(local),
        federated=interval(federated),
        blend=interval(blend),
        difference=interval(difference),
    )


def holds_up(difference: NDArray[np.float64]) -> bool:
    """Whether the mean difference exceeds zero by :data:`MARGIN` standard errors."""
    if len(difference) < 2:
        return False
    error = float(difference.std(ddof=1)) / math.sqrt(len(difference))
    return bool(difference.mean() > 0 and difference.mean() >= MARGIN * error)
