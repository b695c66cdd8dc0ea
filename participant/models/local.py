"""The company's own model, the floor of the exchange: EASE on its own customers, and what is popular here.

``scores = x @ W + tilt / 100 * log(1 + buyers)``: EASE's scores grow with what is known of a customer, so that
popularity says most about those of whom little is. Ridge and tilt are chosen on own validation weeks, for each
scenario by itself: the best ridge, and a tilt only where it gains by one standard error. A company with few
customers would otherwise pay for having more to choose from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.blend import wins
from participant.models.gram import GramMatrix
from participant.models.holdout import HoldOut
from participant.models.scoring import tilted
from participant.models.weights import Weights
from participant.models.windows import SCENARIOS
from protocols.questions.ranking import ndcg

Floats = NDArray[np.float32]
Gains = NDArray[np.float64]

LAMBDAS: Final = (100, 300, 1000, 3000, 10_000)
"""The ridges that the consortium has for binary rows, so that neither side is given more choice than the other."""
FIRST: Final = 1000
"""Where the search begins: it goes on until both neighbours of the best have been tried. Each costs an inverse."""
TILTS: Final = (0, 5, 10)
"""Hundredths that log(1 + buyers) may count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One ridge and one tilt."""

    lam: int
    tilt: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TunedLocal:
    """For each scenario the choice, its weights, and the scores it gives the hold-out's customers.

    ``buyers``: of each concept in the fit window.
    """

    chosen: dict[str, Setting]
    scores: dict[str, Floats]
    weights: dict[str, Weights]
    buyers: NDArray[np.int64]

    def scored(self, scenario: str, history: Floats) -> Floats:
        """Scores for any customers, (customers, n_concepts)."""
        scores = self.weights[scenario].scores(history)
        return tilted(scores, self.chosen[scenario].tilt, self.buyers)


def tune(gram: GramMatrix, held: HoldOut) -> TunedLocal:
    """Choose by validation nDCG@10, for each scenario by itself; ties to what was tried first.

    Args:
        gram: of own binary rows in the fit window.
        held: own validation customers.
    """
    buyers = np.rint(gram.diagonal).astype(np.int64)
    tables: dict[str, dict[Setting, Gains]] = {name: {} for name in SCENARIOS}
    chosen: dict[str, Setting] = {}
    kept: dict[int, Weights] = {}
    tried: set[int] = set()
    wanted = [FIRST]
    while wanted:
        lam = wanted[0]
        tried.add(lam)
        kept[lam] = gram.weights(float(lam))
        scores = kept[lam].scores(held.history)
        for tilt in TILTS:
            found = tilted(scores, tilt, buyers)
            for name, table in tables.items():
                made = ndcg(found, held.history > 0, held.future, held.excluded(name))
                table[Setting(lam=lam, tilt=tilt)] = made.gains
        chosen = {name: best_of(table) for name, table in tables.items()}
        best = {each.lam for each in chosen.values()}
        kept = {each: weights for each, weights in kept.items() if each in best}  # not one for every ridge
        wanted = [near for each in sorted(best) for near in _neighbours(each) if near not in tried]
    for lam in {each.lam for each in chosen.values()} - set(kept):
        kept[lam] = gram.weights(float(lam))
    return TunedLocal(
        chosen=chosen,
        scores={
            name: tilted(kept[each.lam].scores(held.history), each.tilt, buyers)
            for name, each in chosen.items()
        },
        weights={name: kept[each.lam] for name, each in chosen.items()},
        buyers=buyers,
    )


def best_of(table: Mapping[Setting, Gains]) -> Setting:
    """The best without a tilt, unless one with it is better by a standard error of the paired difference.

    >>> level, steep = Setting(lam=300, tilt=0), Setting(lam=300, tilt=10)
    >>> flat = np.array([0.2, 0.2, 0.2])
    >>> best_of(
    ...     {level: flat, steep: np.array([0.1, 0.1, 0.5])}
    ... ) == level  # better by 0.03, with an error of 0.13
    True
    >>> best_of({level: flat, steep: np.array([0.3, 0.3, 0.5])}) == steep
    True
    """
    means = {each: float(gains.mean()) if len(gains) else 0.0 for each, gains in table.items()}
    plain = max((each for each in table if not each.tilt), key=means.__getitem__)
    best = max(table, key=means.__getitem__)
    return best if wins(table[best] - table[plain]) else plain


def _neighbours(lam: int) -> tuple[int, ...]:
    place = LAMBDAS.index(lam)
    return LAMBDAS[max(place - 1, 0) : place + 2]
