"""The blend of local, federated and popularity scores, chosen on own validation weeks.

Weights act on standardised scores; federated and local weights add up to one. The search is small
and uses the one-standard-error rule of Breiman et al. (1984) twice, with no constant to tune. Of the
grid, the mix nearest to the plain federated model is proposed whose mean gain is within one standard
error of the best. It is taken only if, when customers are split into folds and the mix for each fold is
proposed by the others, it beats the plain federated model by one standard error of the paired
difference. Where there are several federated models, the one with the best mean is taken first, for each
fold by the other folds as well: choosing does not flatter what the gate sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.holdout import HoldOut
from participant.models.scoring import popularity, standardise
from protocols.errors import BadInput
from protocols.questions.ranking import ndcg

Floats = NDArray[np.float32]
Gains = NDArray[np.float64]

FOLDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Weights of the arms: ``1 - local`` federated, ``local``, and ``popularity`` of either sign."""

    local: float
    popularity: float

    def __post_init__(self) -> None:
        if not 0 <= self.local <= 1 or abs(self.popularity) > 1:
            raise BadInput(
                expected="local in [0, 1] and popularity in [-1, 1]",
                came=f"{self.local}, {self.popularity}",
                do="train the model again",
            )

    @property
    def steps(self) -> float:
        """How far from the plain federated model, in steps of the grid."""
        return self.local / 0.2 + abs(self.popularity) / 0.1

    def apply(self, local: Floats, federated: Floats, popular: Floats) -> Floats:
        """The blended scores of standardised arms.

        >>> Mix(local=0.25, popularity=-0.5).apply(*np.array([[4.0], [8.0], [2.0]], np.float32))
        array([6.], dtype=float32)
        """
        return np.asarray(
            (1 - self.local) * federated + self.local * local + self.popularity * popular, np.float32
        )


FEDERATED: Final = Mix(local=0.0, popularity=0.0)
LOCAL: Final = Mix(local=1.0, popularity=0.0)
GRID: Final = tuple(
    Mix(local=local, popularity=tilt)
    for local in (0.0, 0.2, 0.4, 0.6)
    for tilt in (0.0, -0.2, -0.1, 0.1, 0.2)
)
"""The plain federated model first: ties go to it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChosenMix:
    """The choice and what it gains.

    ``place`` is that of the federated model taken. Gains are those of every customer with a target, with what
    the other folds chose.
    """

    place: int
    mix: Mix
    cross_fitted: Gains
    federated: Gains
    local: Gains


def choose(
    held: HoldOut, scenario: str, local: Floats, federated: Sequence[Floats], *, seed: int = 0
) -> ChosenMix:
    """Choose a federated model and a mix for ``scenario`` on the hold-out.

    Args:
        held: own validation customers.
        scenario: "explore" or "surprise".
        local: raw scores of the local model, (customers, n_concepts).
        federated: raw scores of each federated model, same shape; ties go to the first.
        seed: of the split into folds.
    """
    candidates = held.candidates(scenario)
    popular = standardise(np.broadcast_to(popularity(held.buyers), candidates.shape), candidates)
    own = standardise(local, candidates)
    had, excluded = held.history > 0, held.excluded(scenario)

    def mixed(place: int) -> Gains:
        arm = standardise(federated[place], candidates)
        return np.stack(
            [ndcg(mix.apply(own, arm, popular), had, held.future, excluded).gains for mix in GRID]
        )

    plain = np.stack([gains(held, scenario, scores) for scores in federated])
    folds = np.random.default_rng(seed).permutation(plain.shape[1]) % FOLDS
    taken = _first_best(plain)
    by_fold = [_first_best(plain[:, folds != fold]) for fold in range(FOLDS)]
    tables = {place: mixed(place) for place in {taken, *by_fold}}
    crossed, unmixed = np.zeros(plain.shape[1]), np.zeros(plain.shape[1])
    for fold, place in enumerate(by_fold):
        inside, table = folds == fold, tables[place]
        if inside.any():
            crossed[inside] = table[best_of(table[:, ~inside])][inside]
            unmixed[inside] = table[0][inside]
    mix = GRID[best_of(tables[taken])] if wins(crossed - unmixed) else FEDERATED
    return ChosenMix(
        place=taken,
        mix=mix,
        cross_fitted=crossed if mix != FEDERATED else unmixed,
        federated=unmixed,
        local=gains(held, scenario, local),
    )


def wins(difference: Gains) -> bool:
    """Whether a mean paired difference is above zero by at least one standard error.

    >>> wins(np.array([0.1, 0.3, 0.2])), wins(np.array([0.5, -0.4, 0.0]))
    (True, False)
    """
    if len(difference) < 2:
        return False
    error = float(difference.std(ddof=1)) / len(difference) ** 0.5
    return bool(difference.mean() > 0 and difference.mean() >= error)


def gains(held: HoldOut, scenario: str, scores: Floats) -> Gains:
    """nDCG@10 of every customer with a target, for raw or standardised ``scores``."""
    return ndcg(scores, held.history > 0, held.future, held.excluded(scenario)).gains


def best_of(table: Gains) -> int:
    """Row of the mix with fewest steps that is within one standard error of the best; ties to the first.

    Args:
        table: gains, (mixes of GRID, customers).
    """
    best = int(np.argmax(table.mean(1))) if table.shape[1] else 0
    near = [row for row in range(len(table)) if not wins(table[best] - table[row])]
    return min(near, key=lambda row: GRID[row].steps)


def _first_best(table: Gains) -> int:
    return int(np.argmax(table.mean(1))) if table.shape[1] else 0
