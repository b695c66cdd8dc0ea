"""What a release costs: Gaussian mechanisms, exactly composed; deltas, prices and budgets.

The unit is one account of one company, added or removed. A release of a vector whose block b has L2
sensitivity Delta_b and noise sigma_b is one Gaussian mechanism with mu^2 = sum (Delta_b / sigma_b)^2, and
releases compose by adding their mu^2 (Dong, Roth and Su 2022, corollary 3.3: no loss, whatever the order
or the choice of later questions). So a *loss* is an integer, mu^2 in units of 2**-LOSS_BITS rounded up:
losses add up in a ledger, and epsilon is only ever a reading of their sum
(Balle and Wang 2018, theorem 8; exact for a Gaussian). Nothing here is a secret, and nothing is signed.

>>> one = Price(loss=loss_of(25, 150), customers=100_000)  # sigma / Delta = sqrt(150 / 25) = 2.449
>>> f"{one.epsilon:.2f} {(one + one + one + one).epsilon:.2f}"  # a quarter, a year: not 4 times as much
'2.00 4.27'
"""

import math
from dataclasses import dataclass
from typing import Final

from protocols.errors import BadInput, BudgetSpent
from protocols.limits import VECTOR_BYTES

LOSS_BITS: Final = 40
"""A loss of ``2**LOSS_BITS`` is mu = 1: noise as large as the sensitivity."""

DELTA_MAX: Final = 1e-7
"""No delta is larger, however few customers there are."""

TAIL_SIGMAS: Final = 10
"""Noise beyond this many standard deviations is cut off, and the cut is charged."""

QUARTER_EPSILON: Final = 2.0
LIFETIME_EPSILON: Final = 8.0

SHORTFALL: Final = VECTOR_BYTES / 4 * (math.erfc(TAIL_SIGMAS / math.sqrt(2)) + 2.0**-127)
"""Total variation between the noise of the longest vector and exact Gaussians: the cut-off tails and
what the sampler's tables round away. A release pays (1 + e**epsilon) times this in delta."""


def delta_for(customers: int) -> float:
    """The delta of a question for up to ``customers`` customers, a public cap.

    >>> delta_for(100_000), delta_for(570_000)
    (1e-07, 1.754385964912281e-08)
    """
    return min(DELTA_MAX, 1 / (100 * customers))


def loss_of(sensitivity2: int, variance: int) -> int:
    """The loss (Delta / sigma)^2 of one block, rounded up.

    >>> loss_of(1, 4) == 2**LOSS_BITS // 4
    True
    """
    if sensitivity2 <= 0 or variance <= 0:
        raise BadInput(expected="a sensitivity and noise", came="none", do="ask with noise")
    return -((-sensitivity2 << LOSS_BITS) // variance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one release, or several together, cost.

    Attributes:
        loss: sum of (Delta / sigma)^2 over blocks and releases, in units of ``2**-LOSS_BITS``.
        customers: the largest public cap on customers among them; gives delta.
        releases: how many were added up; each has its own cut-off tails.
    """

    loss: int
    customers: int
    releases: int = 1

    def __add__(self, other: "Price") -> "Price":
        return Price(
            loss=self.loss + other.loss,
            customers=max(self.customers, other.customers),
            releases=self.releases + other.releases,
        )

    @property
    def delta(self) -> float:
        """The delta at which epsilon is read."""
        return delta_for(self.customers)

    @property
    def multiplier(self) -> float:
        """The sigma / Delta of a single release that costs as much."""
        return math.sqrt(2**LOSS_BITS / self.loss)

    @property
    def epsilon(self) -> float:
        """The epsilon at :attr:`delta`; infinite where delta does not even pay the cut-off tails."""
        return epsilon(self.loss / 2**LOSS_BITS, self.delta, self.releases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A company's own limits: epsilon a quarter, and over the lifetime of its data."""

    quarter: float = QUARTER_EPSILON
    lifetime: float = LIFETIME_EPSILON

    def check(self, price: Price, *, this_quarter: Price | None, lifetime: Price | None) -> None:
        """Refuse ``price`` if it would exceed a limit after what was spent (None: nothing yet).

        Raises:
            BudgetSpent: by name, with what would be spent and what is allowed.
        """
        for name, limit, spent in (
            ("quarter", self.quarter, this_quarter),
            ("lifetime", self.lifetime, lifetime),
        ):
            after = price if spent is None else spent + price
            if after.epsilon > limit:
                raise BudgetSpent(
                    expected=f"at most epsilon {limit:g} a {name}",
                    came=f"epsilon {after.epsilon:.2f} with this answer",
                    do="ask with more noise, ask later, or reuse a released sum",
                )


def epsilon(mu2: float, delta: float, releases: int = 1) -> float:
    """The smallest epsilon at which Gaussian releases of total ``mu2`` are (epsilon, delta)-private.

    ``releases`` times the :data:`SHORTFALL` of truncated and rounded noise is charged to delta. Rounded
    up by at most 1e-9; infinite if delta cannot pay.

    >>> f"{epsilon(1 / 4.68**2, 1e-7):.2f} {epsilon(1 / 0.7022**2, 1e-7):.2f}"
    '1.00 8.00'
    """
    low, high = 0.0, 700.0  # e**700 is still a float
    if releases:  # from there on the charge alone takes half of delta
        high = max(0.0, math.log(delta / (2 * releases * SHORTFALL)))
    if not _enough(high, mu2, delta, releases):
        return math.inf
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (low, middle) if _enough(middle, mu2, delta, releases) else (middle, high)
    return high


def multiplier_for(epsilon_wanted: float, delta: float, releases: int = 1) -> float:
    """The sigma / Delta that each of ``releases`` needs so that together they keep ``epsilon_wanted``.

    Rounded up by at most one part in 1e9.

    >>> f"{multiplier_for(2, 1e-7):.2f} {multiplier_for(2, 1e-7, 4) / multiplier_for(2, 1e-7):.2f}"
    '2.45 2.00'

    Raises:
        BadInput: no epsilon above 0, or one so large that delta cannot pay the truncation.
    """
    low, high = 2.0**-10, 2.0**30
    if not (epsilon_wanted > 0 and _enough(epsilon_wanted, releases / high**2, delta, releases)):
        raise BadInput(
            expected=f"an epsilon above 0 that delta {delta:g} can pay",
            came=f"{epsilon_wanted:g}",
            do="use 0.1 to 8",
        )
    while high / low > 1 + 1e-9:
        middle = math.sqrt(low * high)
        low, high = (
            (low, middle)
            if _enough(epsilon_wanted, releases / middle**2, delta, releases)
            else (middle, high)
        )
    return high


def _enough(epsilon_: float, mu2: float, delta: float, releases: int) -> bool:
    mu = math.sqrt(mu2)
    exact = _normal(mu / 2 - epsilon_ / mu) - math.exp(epsilon_) * _normal(-mu / 2 - epsilon_ / mu)
    return exact + releases * (1 + math.exp(epsilon_)) * SHORTFALL <= delta


def _normal(x: float) -> float:
    """The standard normal distribution function, accurate in both tails."""
    return math.erfc(-x / math.sqrt(2)) / 2
