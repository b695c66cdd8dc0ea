"""A company's own exact Gram matrix beside the shrunk noisy sum of all others: what noise has to hide.

Noise protects a company's customers from everybody else, not from itself. A company that keeps the noised
answer which it sealed can take it out of the released sum and put its own exact one in: what is left noisy
is the others' part. Weight of the others and ridge are chosen on the company's own validation weeks, for
each metric by itself, so that nothing more is released; weight 0 is the company alone, read the same way.
"""

from collections.abc import Sequence
from itertools import product
from typing import Final

import numpy as np

from participant.models.holdout import HoldOut
from participant.models.windows import SCENARIOS
from protocols.questions.planner import WITH_OWN
from tests.benchmarks import privacy_arms as arms
from tests.benchmarks.privacy_levels import Level

ALONE: Final = "own exact, unit rows, tempered"
WEIGHTS: Final = (0.0, 0.3, 1.0)
RIDGES: Final = (5.0, 15.0, 45.0)
APART: Final = 100
"""Seeds of companies lie so far from those of the sum that no noise is drawn twice."""

Json = dict[str, object]
Choice = tuple[float, float]
Found = dict[Choice, dict[str, float]]


class Own:
    """All companies of one level, each with its own exact rows."""

    def __init__(self, level: Level, groups: arms.Ints | None) -> None:
        self._level = level
        self._denoise = arms.shrunk(groups)
        self._fitted = [arms.gram([held]) for held in level.valid]
        self._refitted = [arms.gram([held]) for held in level.test]
        self._alone: list[Found] | None = None

    def alone(self) -> Json:
        """Every company by itself, without an exchange."""
        return self._point(
            ALONE, [{k: v for k, v in tried.items() if not k[0]} for tried in self._own()], 0.0, (0,)
        )

    def at(self, sigma: float) -> Json:
        """With the others' sum, of which every company's own noise has ``sigma`` off the diagonal."""
        others = self._others(self._fitted, sigma, 0)
        beside = [
            self._try(held, own, other, [c for c in product(WEIGHTS, RIDGES) if c[0]])
            for held, own, other in zip(self._level.valid, self._fitted, others, strict=True)
        ]
        tried = [alone | more for alone, more in zip(self._own(), beside, strict=True)]
        return self._point(WITH_OWN, tried, sigma, (1, 2, 3) if sigma else (0,))

    def _own(self) -> list[Found]:
        """Weight 0 on validation weeks: it sees no noise, so that once is enough."""
        if self._alone is None:
            self._alone = [
                self._try(held, own, own, [(0.0, lam) for lam in RIDGES])
                for held, own in zip(self._level.valid, self._fitted, strict=True)
            ]
        return self._alone

    def _point(self, arm: str, tried: Sequence[Found], sigma: float, seeds: Sequence[int]) -> Json:
        chosen = [{name: max(found, key=lambda c: found[c][name]) for name in SCENARIOS} for found in tried]
        by_seed: list[dict[str, list[float]]] = []
        for seed in seeds:
            others = self._others(self._refitted, sigma, seed)
            read = [
                self._try(held, own, other, sorted(set(best.values())))
                for held, own, other, best in zip(
                    self._level.test, self._refitted, others, chosen, strict=True
                )
            ]
            by_seed.append(
                {
                    name: [found[best[name]][name] for found, best in zip(read, chosen, strict=True)]
                    for name in SCENARIOS
                }
            )
        return {
            "arm": arm,
            "chosen": [{k: list(v) for k, v in best.items()} for best in chosen],
            "seeds": by_seed,
        }

    def _try(self, held: HoldOut, own: arms.Floats, other: arms.Floats, choices: Sequence[Choice]) -> Found:
        return {
            (weight, lam): {
                name: values[0]
                for name, values in arms.means([held], arms.TEMPERED(own + weight * other, lam)).items()
            }
            for weight, lam in choices
        }

    def _others(self, owns: Sequence[arms.Floats], sigma: float, seed: int) -> list[arms.Floats]:
        """For each company the others' part of one release, denoised."""
        noised = [
            own + sigma * arms.noise(len(own), APART * (1 + seed) + place) if sigma else own
            for place, own in enumerate(owns)
        ]
        total = np.sum(noised, axis=0)
        spread = sigma * np.sqrt(len(owns) - 1)
        return [self._denoise(total - each, spread) for each in noised]
