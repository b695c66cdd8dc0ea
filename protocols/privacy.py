"""What a release costs: Gaussian mechanisms, exactly composed; deltas, prices and budgets.

The unit is one account of one company, added or removed. A release of a vector whose block b has L2
sensitivity Delta_b and noise sigma_b is one Gaussian mechanism with mu^2 = sum (Delta_b / sigma_b)^2, and
releases compose by adding their mu^2 (Dong, Roth and Su 2022, corollary 3.3: no loss, whatever the order
or the choice of later questions). So a *loss* is an integer, mu^2 in units of 2**-LOSS_BITS rounded up:
losses add up in a ledger, and epsilon is only ever a reading of their sum
(Balle and Wang 2018, theorem 8; exact for a Gaussian). Nothing here is a secret, and nothing is signed.

Rounds on secret Poisson samples of customers (`protocols.subsampling`) have no closed form: they are kept as
what they are, and read by privacy loss distributions (Doroshenko et al. 2022), pessimistically, with Google's
`dp-accounting`. It is imported where it is used, as a node that asks no such question needs none.

>>> one = Price(loss=loss_of(25, 150), customers=100_000)  # sigma / Delta = sqrt(150 / 25) = 2.449
>>> f"{one.epsilon:.2f} {(one + one + one + one).epsilon:.2f}"  # a quarter, a year: not 4 times as much
'2.00 4.27'
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from protocols.errors import BadInput, BudgetSpent
from protocols.limits import VECTOR_BYTES

LOSS_BITS: Final = 40
"""A loss of ``2**LOSS_BITS`` is mu = 1: noise as large as the sensitivity."""

RATE_BITS: Final = 32
"""A rate of ``2**RATE_BITS`` samples everybody."""

DELTA_MAX: Final = 1e-7
"""No delta is larger, however few customers there are."""

TAIL_SIGMAS: Final = 10
"""Noise beyond this many standard deviations is cut off, and the cut is charged."""

QUARTER_EPSILON: Final = 2.0
LIFETIME_EPSILON: Final = 8.0

SHORTFALL: Final = VECTOR_BYTES / 4 * (math.erfc(TAIL_SIGMAS / math.sqrt(2)) + 2.0**-127)
"""Total variation between the noise of the longest vector and exact Gaussians: the cut-off tails and
what the sampler's tables round away. A release pays (1 + e**epsilon) times this in delta."""

EPSILON_MAX: Final = 700.0
"""Above it e**epsilon is no float any more; it protects nobody long before."""


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


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Sampled:
    """Rounds of one noise, each on a fresh secret sample in which every customer is with the same probability.

    Attributes:
        loss: (Delta / sigma)^2 of one round on everybody, as in :class:`Price`.
        rate: that probability, in units of ``2**-RATE_BITS``.
        rounds: how many of them.
    """

    loss: int
    rate: int
    rounds: int = 1

    def __post_init__(self) -> None:
        if not (self.loss > 0 and 0 < self.rate <= 2**RATE_BITS and self.rounds > 0):
            raise BadInput(
                expected=f"a loss, a rate of 1 to 2**{RATE_BITS} and at least one round",
                came=f"{self.loss}, {self.rate}, {self.rounds}",
                do="correct the question",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one release, or several together, cost.

    Attributes:
        loss: sum of (Delta / sigma)^2 over blocks and releases, in units of ``2**-LOSS_BITS``.
        customers: the largest public cap on customers among them; gives delta.
        releases: how many were added up; each has its own cut-off tails.
        sampled: rounds on samples, which are in none of the others; ordered, one entry for each noise and rate.
    """

    loss: int
    customers: int
    releases: int = 1
    sampled: tuple[Sampled, ...] = ()

    @classmethod
    def of_rounds(cls, sampled: Sampled, customers: int) -> Self:
        """The price of rounds on samples: of one, to debit it, or of a whole training, to plan it."""
        return cls(loss=0, customers=customers, releases=0, sampled=(sampled,))

    def __add__(self, other: "Price") -> "Price":
        rounds: dict[tuple[int, int], int] = {}
        for each in (*self.sampled, *other.sampled):
            rounds[each.loss, each.rate] = rounds.get((each.loss, each.rate), 0) + each.rounds
        return Price(
            loss=self.loss + other.loss,
            customers=max(self.customers, other.customers),
            releases=self.releases + other.releases,
            sampled=tuple(
                Sampled(loss=loss, rate=rate, rounds=n) for (loss, rate), n in sorted(rounds.items())
            ),
        )

    def times(self, factor: int) -> "Price":
        """The price for neighbours that differ by sqrt(``factor``) times as much.

        No sample makes it cheaper: where one customer more displaces another, what a sample saves is not claimed.
        """
        return Price(
            loss=factor * (self.loss + sum(each.loss * each.rounds for each in self.sampled)),
            customers=self.customers,
            releases=self.releases + sum(each.rounds for each in self.sampled),
        )

    @property
    def delta(self) -> float:
        """The delta at which epsilon is read."""
        return delta_for(self.customers)

    @property
    def epsilon(self) -> float:
        """The epsilon at :attr:`delta`; infinite where delta does not even pay the cut-off tails."""
        mu2 = self.loss / 2**LOSS_BITS
        if self.sampled:
            return _read(self.sampled, self.delta, mu2, self.releases)
        return epsilon(mu2, self.delta, self.releases)


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

    def left(self, *, customers: int, this_quarter: Price | None, lifetime: Price | None) -> Price | None:
        """The most that one more answer may cost: what must be assumed where nobody knows what was spent.

        >>> most = Budget().left(customers=100_000, this_quarter=None, lifetime=None)
        >>> f"{most.epsilon:.4f}"
        '2.0000'
        """
        low, high = 0, 2 ** (LOSS_BITS + 10)  # an epsilon of some hundreds
        while high - low > 1:
            middle = (low + high) // 2
            try:
                price = Price(loss=middle, customers=customers)
                self.check(price, this_quarter=this_quarter, lifetime=lifetime)
            except BudgetSpent:
                high = middle
            else:
                low = middle
        return Price(loss=low, customers=customers) if low else None


def epsilon(mu2: float, delta: float, releases: int = 1) -> float:
    """The smallest epsilon at which Gaussian releases of total ``mu2`` are (epsilon, delta)-private.

    ``releases`` times the :data:`SHORTFALL` of truncated and rounded noise is charged to delta. Rounded
    up by at most 1e-9; infinite if delta cannot pay.

    >>> f"{epsilon(1 / 4.68**2, 1e-7):.2f} {epsilon(1 / 0.7022**2, 1e-7):.2f}"
    '1.00 8.00'
    """
    low, high = 0.0, EPSILON_MAX
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
    if not (
        0 < epsilon_wanted <= EPSILON_MAX and _enough(epsilon_wanted, releases / high**2, delta, releases)
    ):
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


def epsilon_with(sampled: Iterable[Sampled], delta: float, *, mu2: float = 0.0, releases: int = 0) -> float:
    """The epsilon at ``delta`` of sampled rounds and of ``releases`` plain ones of total ``mu2`` together.

    An upper bound, a little above the exact value; infinite if ``delta`` cannot pay what the noise is cut
    off by. For no sampled rounds it agrees with :func:`epsilon`.
    """
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent
    from dp_accounting.pld import PLDAccountant

    accountant = PLDAccountant()
    if mu2 > 0:
        accountant.compose(GaussianDpEvent(1 / math.sqrt(mu2)))
    for some in sampled:
        noise = GaussianDpEvent(math.sqrt(2**LOSS_BITS / some.loss))
        accountant.compose(PoissonSampledDpEvent(some.rate / 2**RATE_BITS, noise), some.rounds)
        releases += some.rounds
    charged = 0.0
    for _ in range(8):  # the charge grows with epsilon, and epsilon with the charge: two or three turns
        found = float(accountant.get_epsilon(delta - charged))
        needed = releases * (1 + math.exp(min(found, EPSILON_MAX))) * SHORTFALL
        if needed <= charged:
            return found
        charged = 1.01 * needed
        if charged >= delta:
            break
    return math.inf


@lru_cache(maxsize=4096)
def _read(sampled: tuple[Sampled, ...], delta: float, mu2: float, releases: int) -> float:
    """:func:`epsilon_with`, remembered: a ledger is read again at every answer."""
    return epsilon_with(sampled, delta, mu2=mu2, releases=releases)


def _enough(epsilon_: float, mu2: float, delta: float, releases: int) -> bool:
    mu = math.sqrt(mu2)
    exact = _normal(mu / 2 - epsilon_ / mu) - math.exp(epsilon_) * _normal(-mu / 2 - epsilon_ / mu)
    return exact + releases * (1 + math.exp(epsilon_)) * SHORTFALL <= delta


def _normal(x: float) -> float:
    """The standard normal distribution function, accurate in both tails."""
    return math.erfc(-x / math.sqrt(2)) / 2
