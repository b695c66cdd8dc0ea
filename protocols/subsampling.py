"""Secret Poisson samples of customers for gradient questions, and what rounds on such samples cost.

Each customer is in a round's sample independently with the same probability, and nobody but its company
knows who is: the round is then cheaper than its noise alone says. No closed form is known for that, so
these rounds are accounted by privacy loss distributions (Doroshenko et al. 2022), pessimistically, with
Google's `dp-accounting`; it is imported where it is used, as a node that asks no such question needs none.

>>> poisson_sample(8, Fraction(1, 2), bytes(32)).tolist()
[False, False, False, False, True, True, True, False]
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput
from protocols.keystream import Keystream
from protocols.privacy import SHORTFALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """``rounds`` rounds with noise of ``multiplier`` sensitivities, each on a fresh sample at ``rate``."""

    multiplier: float
    rate: float
    rounds: int

    def __post_init__(self) -> None:
        if not (self.multiplier > 0 and 0 < self.rate <= 1 and self.rounds > 0):
            raise BadInput(
                expected="a positive multiplier, a rate in (0, 1] and at least one round",
                came=f"{self.multiplier:g}, {self.rate:g}, {self.rounds}",
                do="correct the question",
            )


def poisson_sample(customers: int, rate: Fraction, key: bytes) -> npt.NDArray[np.bool_]:
    """Who is in the sample, shape (customers,); ``key`` is fresh, secret, and for this sample alone.

    The rate is rounded down to a multiple of 2**-64: a smaller sample costs less.
    """
    if not 0 < rate <= 1:
        raise BadInput(expected="a rate in (0, 1]", came=str(rate), do="correct the question")
    if rate == 1:
        return np.ones(customers, dtype=np.bool_)
    words = Keystream(key).words(0, 8 * customers, 64)
    return np.asarray(words < np.uint64(math.floor(rate * 2**64)))


def epsilon_with(sampled: Iterable[Sampled], delta: float, *, mu2: float = 0.0, releases: int = 0) -> float:
    """The epsilon at ``delta`` of sampled rounds and of ``releases`` plain ones of total ``mu2`` together.

    An upper bound, a little above the exact value; infinite if ``delta`` cannot pay what the noise is cut
    off by. For no sampled rounds it agrees with `protocols.privacy.epsilon`.
    """
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent
    from dp_accounting.pld import PLDAccountant

    accountant = PLDAccountant()
    if mu2 > 0:
        accountant.compose(GaussianDpEvent(1 / math.sqrt(mu2)))
    for some in sampled:
        event = PoissonSampledDpEvent(some.rate, GaussianDpEvent(some.multiplier))
        accountant.compose(event, some.rounds)
        releases += some.rounds
    charged = 0.0
    for _ in range(8):  # the charge grows with epsilon, and epsilon with the charge: two or three turns
        epsilon = float(accountant.get_epsilon(delta - charged))
        needed = releases * (1 + math.exp(min(epsilon, 700.0))) * SHORTFALL
        if needed <= charged:
            return epsilon
        charged = 1.01 * needed
        if charged >= delta:
            break
    return math.inf
