"""What the consortium's own validation weeks choose: after how many rounds, with which ridge and mixture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from participant.models import SCENARIOS
from protocols.questions.evaluation import EvaluationReading
from protocols.questions.mixture import Mixture

ALONE: Final = Mixture.typed("100:0:0")
KINDS: Final = ("encoder", "mixture", "without encoder")
"""The encoder alone, the best mixture that has it in it, the best one that has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The best setting of one scenario and kind, and its mean nDCG on validation weeks."""

    mean: float
    rounds: int
    lam: int
    mixture: Mixture


def settings(curve: Sequence[EvaluationReading], scenario: str, kind: str) -> list[Chosen]:
    """Every setting of a kind, after every round."""
    fits = {
        "encoder": lambda mixture: mixture == ALONE,
        "mixture": lambda mixture: mixture.encoder > 0,
        "without encoder": lambda mixture: mixture.encoder == 0,
    }[kind]
    return [
        Chosen(mean=mean, rounds=rounds, lam=lam, mixture=mixture)
        for rounds, reading in enumerate(curve, 1)
        for (lam, mixture), mean in zip(
            getattr(reading, scenario).settings, getattr(reading, scenario).means, strict=True
        )
        if fits(mixture)
    ]


def choose(curve: Sequence[EvaluationReading]) -> dict[str, dict[str, Chosen]]:
    """For each scenario the best setting of each kind; of equal ones the earliest round."""
    return {
        scenario: {kind: max(settings(curve, scenario, kind), key=lambda each: each.mean) for kind in KINDS}
        for scenario in SCENARIOS
    }


def best(kinds: Mapping[str, Chosen]) -> Chosen:
    """The best setting of all kinds: what nodes serve."""
    return max(kinds.values(), key=lambda each: each.mean)


def described(reading: EvaluationReading) -> dict[str, dict[str, float]]:
    """Validation after one round: the best mean of each kind."""
    return {
        scenario: {kind: max(each.mean for each in settings([reading], scenario, kind)) for kind in KINDS}
        for scenario in SCENARIOS
    }
