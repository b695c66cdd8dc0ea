"""An audit of the noise from outside: what planted customers show of epsilon, whatever the code claims.

A canary is a customer of two concepts that nobody else buys: its unit row changes three cells, with the
whole sensitivity. A fair coin puts each into a release or leaves it out; the attacker reads its cells from
the release and says which. Canaries share no cell, so that every one is a trial by itself (many runs in
one, Steinke et al. 2023). Errors are bounded by Clopper and Pearson (Jagielski et al. 2020), each side at
97.5%, so that a bound holds with 95%.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from protocols.limits import FRACTION_BITS
from protocols.messages import AnswerSpec
from protocols.privacy import epsilon
from protocols.questions import ask
from protocols.questions.parameters import Given
from protocols.questions.registry import noise_for
from protocols.questions.rows import row_values
from protocols.vocabulary import Vocabulary

CANARIES = 100
"""In one release; twice as many concepts, whose triangle fits one stride of the sampler."""
SIDE = 0.975
"""Confidence of each of the two error rates."""

Floats = NDArray[np.float64]
Sabotage = Callable[[AnswerSpec], AnswerSpec]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trials:
    """The attacker's score of every canary that was in, and of every one that was not: 1 and 0 without noise."""

    inside: Floats
    outside: Floats

    def rates(self, threshold: float) -> tuple[float, float]:
        """Upper bounds of the share of false alarms and of misses when it says "in" from ``threshold`` on."""
        alarms = int((self.outside >= threshold).sum())
        misses = int((self.inside < threshold).sum())
        return at_most(alarms, len(self.outside)), at_most(misses, len(self.inside))


def at_most(hits: int, trials: int) -> float:
    """The largest share that so many hits leave credible, one-sided (Clopper and Pearson 1934).

    >>> round(at_most(0, 100), 4)  # 1 - 0.025 ** (1 / 100), not 0
    0.0362
    """
    return 1.0 if hits == trials else float(stats.beta.ppf(SIDE, hits + 1, trials - hits))


def play(multiplier: float, releases: int, seed: int, *, sabotage: Sabotage = lambda spec: spec) -> Trials:
    """Scores over ``releases`` sums of one company, with the product's rows, specification and sampler."""
    names = [f"planted {number:03d}" for number in range(2 * CANARIES)]
    vocabulary = Vocabulary.of("canaries", names)
    asked: dict[str, Given] = {"until": 1, "row_scheme": "unit", "noise": f"{multiplier + 5e-7:.6f}"}
    spec = sabotage(ask([("taste", asked)], vocabulary, members=5, epoch="audit"))
    rng = np.random.default_rng(seed)
    own, other, pair = _cells(2 * CANARIES)
    value = int(row_values("unit", np.ones(2, np.int64), np.array([0, 2]))[0]) ** 2
    inside, outside = [], []
    for _ in range(releases):
        present = rng.random(CANARIES) < 0.5
        noisy = noise_for(spec, len(vocabulary), rng.bytes(32))(0, 0, spec.elements)
        for cells in (own, other, pair):
            noisy[cells[present]] += value
        # <g, G> with g = q q^T, all four entries 1/2: the pair's cell stands for two of them
        score = np.ldexp((noisy[own] + noisy[other] + 2 * noisy[pair]) / 2.0, -FRACTION_BITS)
        inside.append(score[present])
        outside.append(score[~present])
    return Trials(inside=np.concatenate(inside), outside=np.concatenate(outside))


def halved(spec: AnswerSpec) -> AnswerSpec:
    """The same answer from a sampler that adds half of the noise that the specification states."""
    return replace(spec, blocks=tuple(replace(b, noise_sigma=b.noise_sigma // 2) for b in spec.blocks))


def gaussian_bound(trials: Trials, delta: float) -> float:
    """Epsilon that is at least lost, for noise known to be Gaussian (Nasr et al. 2023, section 4).

    Error rates a and b at any threshold need mu >= z(a) + z(b), and mu is epsilon at ``delta``.
    """
    alarms, misses = trials.rates(0.5)
    mu = float(stats.norm.isf(alarms) + stats.norm.isf(misses))
    return epsilon(mu * mu, delta, releases=0) if mu > 0 else 0.0


def plain_bound(trials: Trials, delta: float) -> float:
    """Epsilon that is at least lost, whatever the mechanism: log((1 - misses - delta) / alarms).

    The threshold is chosen on one half of the trials and used on the other.
    """
    chosen, used = (Trials(inside=trials.inside[part::2], outside=trials.outside[part::2]) for part in (0, 1))
    grid = np.quantile(chosen.outside, 1 - np.geomspace(0.5, 20 / len(chosen.outside), 40))
    return max(0.0, _at(used, max(grid, key=lambda threshold: _at(chosen, threshold, delta)), delta))


def _at(trials: Trials, threshold: float, delta: float) -> float:
    alarms, misses = trials.rates(threshold)
    return float(np.log(max(1 - misses - delta, 1e-300) / alarms))


def _cells(concepts: int) -> tuple[NDArray[np.int64], ...]:
    """Places in the triangle of each canary's two diagonal cells and of its pair's."""
    first = np.arange(0, concepts, 2)

    def place(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int64]:
        return row * concepts - row * (row - 1) // 2 + column - row

    return place(first, first), place(first + 1, first + 1), place(first, first + 1)
