"""Ways to make one square of concepts from what is released, all at equal epsilon; nodes run one of them.

A reader takes what a window's customers would release, draws the noise and returns the square that EASE is
fitted on. Where two sums are released, each has its share of the budget: of a Gaussian's
(sensitivity / sigma)^2, which adds up. Everything is judged with plain EASE, as nodes fit it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from participant.models.holdout import HoldOut
from protocols.questions.planner import (
    CATEGORIES,
    CELLS,
    HIERARCHICAL,
    LOW_RANK,
    NODES,
    PLAIN,
    PROJECTED,
)
from protocols.questions.shrinkage import TINY, group_lift, popularity, shrink
from tests.benchmarks import privacy_arms as arms
from tests.benchmarks.privacy_cells import around, cell_by_cell

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHARE: Final = 0.2
"""Of the budget for the coarser of two sums: 0.2 and 0.5 were alike in trials on validation weeks."""
KEPT: Final = 2
"""One projected direction for so many concepts; a quarter of them was worse in the same trials."""
APART: Final = 7_000
"""Draws of a second sum lie so far from those of the first."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """What all companies' customers of one window release before noise: unit rows, counted three ways.

    ``groups`` is the public category of each concept, None at a level that has none.
    """

    holds: Sequence[HoldOut]
    groups: Ints | None
    _made: dict[str, Floats] = field(default_factory=dict)

    @property
    def fine(self) -> Floats:
        """The Gram matrix of the level."""
        return self._once("fine", lambda: arms.gram(self.holds))

    @property
    def coarse(self) -> Floats:
        """That of the categories: a row has every category of which anything was bought, and length 1 again."""
        return self._once("coarse", self._coarse)

    def projected(self, directions: Floats) -> Floats:
        """That of rows projected on public ``directions`` (k, n_concepts), none longer than 1 afterwards."""
        return self._once("projected", lambda: sum((_projected(h, directions) for h in self.holds), _ZERO))

    def _coarse(self) -> Floats:
        if self.groups is None:
            raise ValueError("no categories at this level")
        belongs = np.zeros((len(self.groups), int(self.groups.max()) + 1), np.float32)
        belongs[np.arange(len(self.groups)), self.groups] = 1
        rows = [(held.history @ belongs > 0).astype(np.float32) for held in self.holds]
        unit = [each / np.sqrt(np.maximum(each.sum(1, keepdims=True), 1)) for each in rows]
        return sum(((each.T @ each).astype(np.float64) for each in unit), _ZERO)

    def _once(self, name: str, make: Callable[[], Floats]) -> Floats:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


Reader = Callable[[Window, float, int], Floats]
"""From a window, the noise's sigma that the whole budget buys, and the number of the draw."""
_ZERO: Final = np.zeros(())


def _projected(held: HoldOut, directions: Floats) -> Floats:
    rows = held.history / np.sqrt(np.maximum(held.history.sum(1, keepdims=True), 1))
    seen = rows @ directions.T
    seen /= np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1.0)
    return np.asarray(seen.T @ seen)


def noisy(matrix: Floats, sigma: float, draw: int) -> Floats:
    """A release of ``matrix``."""
    return matrix + sigma * arms.noise(len(matrix), draw)


def of_one_sum(read: Callable[[Floats, float], Floats]) -> Reader:
    """A reader of the Gram matrix of the level, with the whole budget."""
    return lambda window, sigma, draw: read(noisy(window.fine, sigma, draw), sigma)


def with_categories(window: Window, sigma: float, draw: int) -> Floats:
    """What nodes would read if the vocabulary published categories."""
    return shrink(noisy(window.fine, sigma, draw), sigma, window.groups)


def hierarchical(window: Window, sigma: float, draw: int) -> Floats:
    """A sum of categories with its share of the budget is the prior of pairs of concepts of two categories."""
    loud, fine = sigma / np.sqrt(SHARE), sigma / np.sqrt(1 - SHARE)
    if window.groups is None:
        raise ValueError("no categories at this level")
    lift = coarse_lift(noisy(window.coarse, loud, draw + APART), loud)[np.ix_(window.groups, window.groups)]
    gram = noisy(window.fine, fine, draw)
    pairs = gram.copy()
    np.fill_diagonal(pairs, 0.0)
    size, share = popularity(pairs, fine)
    predicted = size * np.outer(share, share) * lift
    np.fill_diagonal(predicted, 0.0)
    predicted *= group_lift(pairs, predicted, window.groups, fine)
    return around(gram, predicted, share, fine)


def coarse_lift(gram: Floats, sigma: float) -> Floats:
    """How much more often than popularity predicts two categories meet; 1 within a category."""
    pairs = shrink(gram, sigma)
    np.fill_diagonal(pairs, 0.0)
    size, share = popularity(pairs, sigma)
    lift = np.maximum(pairs / np.maximum(size * np.outer(share, share), TINY), 0.05)
    np.fill_diagonal(lift, 1.0)
    return np.asarray(lift)


def projected(window: Window, sigma: float, draw: int) -> Floats:
    """Rows projected on random public directions before the sum, fewer than concepts, and back after it."""
    concepts = len(window.fine)
    kept = concepts // KEPT
    drawn = np.random.default_rng(5).standard_normal((concepts, kept))
    directions = np.linalg.qr(drawn)[0].T * np.sqrt(concepts / kept)
    seen = arms.low_rank(noisy(window.projected(directions), sigma, draw), sigma)
    out = directions.T @ seen @ directions
    np.fill_diagonal(out, np.maximum(np.diagonal(out), TINY))
    return np.asarray(out)


READERS: Final[dict[str, Reader]] = {
    PLAIN: of_one_sum(arms.as_it_is),
    CELLS: of_one_sum(cell_by_cell),
    LOW_RANK: of_one_sum(arms.low_rank),
    NODES: of_one_sum(shrink),
    CATEGORIES: with_categories,
    HIERARCHICAL: hierarchical,
    PROJECTED: projected,
}
NEED_CATEGORIES: Final = (CATEGORIES, HIERARCHICAL)
