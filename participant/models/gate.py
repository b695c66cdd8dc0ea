"""The gate "never below local": a release is deployed only where it holds up on own validation weeks.

The rule: deploy if the mean paired difference of validation nDCG@10 against the tuned local model is
above zero, the blend's gain being cross-fitted (each customer judged by a mix that others chose), so
that choosing does not flatter. Whoever holds neither model to be better beforehand, and minds a loss as much as
a missed gain, decides by the sign of the mean. A margin above zero would buy certainty with missed gains, one
below it would break the promise.

Beforehand there is what the release brings to the customers of all members (`evaluation` with ``beside=own``). Own
customers decide wherever their mean is :func:`sure` standard errors from zero, on either side. Between, where they
cannot tell, the consortium's gain counts as :data:`PRIOR_CUSTOMERS` customers more: the sign of the posterior mean
under a normal prior around it (empirical Bayes, Efron and Morris 1975). So whoever lies about that gain moves nobody
against own evidence; of an honest one a company hears the less, the more customers it has.

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
from scipy.special import ndtr, stdtrit

from participant.models.blend import wins
from participant.models.resampling import Interval, interval

CUSTOMERS_MIN: Final = 2
"""Nobody can be judged by a single customer."""

SURE: Final = 2.0
"""Standard errors from zero beyond which many own customers are not argued with; few need :func:`sure`."""

PRIOR_CUSTOMERS: Final = 50
"""Own customers that the consortium's gain counts for, where own ones cannot tell. It is the variance of a customer's
difference over that of the companies' true means, which was above that on every validation window measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision for one scenario with the figures behind it (validation nDCG@10).

    ``prior``: what the release gains at all members together, 0 where that was not used.
    """

    deployed: bool
    local: Interval
    federated: Interval
    blend: Interval
    difference: Interval
    prior: float = 0.0

    @property
    def sentence(self) -> str:
        """The decision in words, for the console."""
        word = "deployed" if self.deployed else "not deployed: the local model stays"
        others = f"; at all members together by {self.prior:+.4f}" if self.prior else ""
        return (
            f"{word}; on own validation weeks the exchange changes nDCG@10 by {self.difference.mean:+.4f} "
            f"({self.difference.low:+.4f} to {self.difference.high:+.4f}) from {self.local.mean:.4f}{others}"
        )


def judge(
    local: NDArray[np.float64],
    federated: NDArray[np.float64],
    blend: NDArray[np.float64],
    *,
    noisy: bool = False,
    prior: float = 0.0,
) -> Verdict:
    """Judge the blend against the local model; all three are gains of the same customers, in order.

    ``noisy``: the release has noise, other noise than the one that will serve has. ``prior``: what the release
    gains at all members together, 0 where nobody measured it; not used with noise.

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
    >>> (
    ...     judge(barely, down, down).deployed,
    ...     judge(barely, down, down, prior=0.02).deployed,
    ... )  # lost by 0.05: unsure
    (False, True)
    >>> judge(barely, down, down, prior=0.02, noisy=True).deployed
    False
    """
    difference = blend - local
    unsure = noisy or not holds_up(federated - local, prior)
    return Verdict(
        deployed=wins(difference) if unsure else holds_up(difference, prior),
        local=interval(local),
        federated=interval(federated),
        blend=interval(blend),
        difference=interval(difference),
        prior=0.0 if noisy else prior,
    )


def sure(customers: int, errors: float = SURE) -> float:
    """Standard errors with which ``customers`` are as sure as many are with ``errors`` (Student 1908).

    A spread that is itself known from two or five says little: two of it are nothing unusual.

    >>> [round(sure(customers), 2) for customers in (2, 3, 5, 30, 1000)]
    [13.97, 4.53, 2.87, 2.09, 2.0]
    """
    return float(stdtrit(customers - 1, ndtr(errors)))


def holds_up(difference: NDArray[np.float64], prior: float = 0.0) -> bool:
    """Whether there is evidence at all, and it speaks for what was tried.

    ``prior``: what is gained at all members together, 0 where nobody measured it: then the sign of the mean decides.

    >>> unsure, sure = np.array([0.5, -0.5, -0.5, 0.0]), np.array([-0.5, -0.4, -0.5, -0.1])
    >>> (
    ...     holds_up(unsure),
    ...     holds_up(unsure, 0.02),
    ... )  # -0.5 + 50 x 0.02, where a mean of -0.125 + 0.02 would not do
    (False, True)
    >>> (
    ...     holds_up(np.tile(unsure, 8), 0.02),
    ...     holds_up(np.tile(unsure, 8)),
    ... )  # -4 + 1: the more, the less it hears
    (False, False)
    >>> holds_up(sure, 1.0), holds_up(-sure, -1.0)  # whatever others say
    (False, True)
    >>> holds_up(np.zeros(5), 0.02)  # the same for each of them says nothing
    True
    """
    count = len(difference)
    if count < CUSTOMERS_MIN:
        return False
    total = float(difference.sum())
    if abs(total) > sure(count) * float(difference.std(ddof=1)) * count**0.5:
        return total > 0
    return total + PRIOR_CUSTOMERS * prior > 0
