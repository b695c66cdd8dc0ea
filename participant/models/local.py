"""The company's own model: EASE on its own customers, lambda tuned on its own validation weeks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.holdout import HoldOut
from participant.models.scoring import linear
from participant.models.windows import SCENARIOS
from protocols.questions.ease import ease
from protocols.questions.ranking import ndcg

LAMBDAS: Final = (300, 1000, 3000)
"""The grid that the consortium has for binary rows, so that neither side is given more choice than the other."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TunedLocal:
    """For each scenario the best lambda, its weights, and the scores it gives the hold-out's customers."""

    lambdas: dict[str, int]
    scores: dict[str, NDArray[np.float32]]
    weights: dict[str, NDArray[np.float32]]


def tune(gram: NDArray[np.float64], held: HoldOut, lambdas: Sequence[int] = LAMBDAS) -> TunedLocal:
    """Choose lambda by validation nDCG@10, for each scenario by itself; ties to the first listed."""
    best: dict[str, tuple[float, int]] = {}
    scores: dict[str, NDArray[np.float32]] = {}
    kept: dict[str, NDArray[np.float32]] = {}
    for lam in lambdas:
        weights = ease(gram, float(lam))
        found = linear(held.history, weights)
        for scenario in SCENARIOS:
            mean = ndcg(found, held.history > 0, held.future, held.excluded(scenario)).mean
            if scenario not in best or mean > best[scenario][0]:
                best[scenario] = (mean, lam)
                scores[scenario], kept[scenario] = found, weights
    return TunedLocal(lambdas={name: lam for name, (_, lam) in best.items()}, scores=scores, weights=kept)
