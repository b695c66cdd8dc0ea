"""What training an encoder under noise costs, and what is left to hear: before anything is asked.

Every round by gradient is a release. On a secret sample of customers it costs less, in a way that has no closed
form: the noise that a whole training needs for one epsilon is searched with `protocols.privacy`. What is left
to hear is the ratio of two lengths: that of the noise in a sum, every member adding its own in full, and the longest
that the gradients of all sampled customers could be together (when all pull the same way).

>>> once = plan_training(
...     weights=10_000, customers=100_000, members=4, wanted=2.0, cap=100_000, rounds=1, sample=1.0
... )
>>> once.noise, round(once.drowned, 4)  # 2.45 x sqrt(10,000 x 4) / 100,000
('2.450', 0.0049)
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from protocols.errors import BadInput
from protocols.privacy import LOSS_BITS, RATE_BITS, Price, Sampled, delta_for, multiplier_for

STEPS: Final = 12
"""Halvings of the search: the noise is within one part in a hundred, never too little."""

LEAST: Final = 0.3
"""Less noise than this share of the sensitivity hides nobody, however small the sample."""

ROUNDS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """A training of ``rounds`` rounds on samples of ``sample``.

    ``noise`` is to be typed with each round; together they cost ``epsilon``. ``drowned``: how many times as long as
    all gradients together the noise of one round is; above 1 nothing can be heard in a round.
    """

    weights: int
    rounds: int
    sample: float
    noise: str
    epsilon: float
    drowned: float


def plan_training(
    *, weights: int, customers: int, members: int, wanted: float, cap: int, rounds: int, sample: float
) -> TrainingPlan:
    """The least noise with which a whole training keeps epsilon ``wanted``.

    Args:
        weights: of the network.
        customers: of all companies together.
        members: companies in the sum.
        wanted: epsilon of all rounds together.
        cap: the public cap on one company's customers; gives delta.
        rounds: of the training.
        sample: the chance with which a customer counts in a round.

    Raises:
        BadInput: no rounds, no chance, or an epsilon that delta cannot pay.
    """
    if not (1 <= rounds <= ROUNDS_MAX and 0 < sample <= 1 and weights > 0 and customers > 0 and members > 0):
        raise BadInput(
            expected=f"1 to {ROUNDS_MAX} rounds and a sample above 0 and up to 1",
            came=f"{rounds}, {sample:g}",
            do="write for example 20:0.05",
        )
    high = multiplier_for(wanted, delta_for(cap), rounds)  # on everybody; a sample costs no more
    low = min(LEAST, high)
    for _ in range(STEPS if sample < 1 else 0):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if _price(middle, rounds, sample, cap).epsilon <= wanted else (middle, high)
    noise = Fraction(math.ceil(high * 1000 - 1e-6), 1000)
    return TrainingPlan(
        weights=weights,
        rounds=rounds,
        sample=sample,
        noise=f"{float(noise):.3f}",
        epsilon=_price(float(noise), rounds, sample, cap).epsilon,
        drowned=float(noise) * math.sqrt(weights * members) / (customers * sample),
    )


def _price(noise: float, rounds: int, sample: float, cap: int) -> Price:
    loss = math.ceil(2**LOSS_BITS / noise**2)
    if sample == 1:
        return Price(loss=rounds * loss, customers=cap, releases=rounds)
    return Price.of_rounds(Sampled(loss=loss, rate=math.ceil(sample * 2**RATE_BITS), rounds=rounds), cap)
