"""P(accept): the chance that a customer buys a concept for the first time within 30 days, from its score.

Platt scaling with the customer's breadth beside the score: ``P = 1 / (1 + exp(-(intercept + slope z + breadth
log(1 + kinds))))``, fitted on the best-scored candidates of own validation customers, whose next 30 days are
known. ``kinds`` is how many concepts the customer has bought: scores are standardised within a customer, so
without it somebody who bought three things would be promised as much as somebody who bought three hundred.
Acceptance is rare, so all parameters carry a weak prior (a slope of 1, no breadth, and the base rate), worth a
few accepted suggestions. How well the promise is kept: `tests/benchmarks/results/surprise.md`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from protocols.questions.ranking import top_indices

DEPTH: Final = 100
"""Candidates of a customer that are looked at: deeper ones are never shown."""
PRIOR_PRECISION: Final = 4.0
STEPS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The parameters of the curve; ``stretch``: 30 days in windows of the length it was fitted on.

    >>> curve = Acceptance(intercept=-3.0, slope=1.0)
    >>> curve.probability(np.array([0.0, 3.0]), 7).round(3)  # not (0.5, 0.953): the base rate counts
    array([0.047, 0.5  ])
    >>> Acceptance(intercept=0.0, slope=1.0, stretch=2.0).probability(np.array([0.0]), 7)  # not 2 x 0.5
    array([0.75])
    >>> wide = Acceptance(intercept=-3.0, slope=1.0, breadth=1.0)
    >>> wide.probability(np.zeros((2, 1)), np.array([[0], [19]])).ravel().round(3)
    array([0.047, 0.499])
    """

    intercept: float
    slope: float
    breadth: float = 0.0
    stretch: float = 1.0

    def probability(
        self, scores: NDArray[np.floating], kinds: int | NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """P(accept) of standardised scores, in (0, 1), same shape; ``kinds`` broadcasts to it."""
        wide = self.breadth * np.log1p(kinds)
        logits = np.clip(self.intercept + self.slope * scores.astype(np.float64) + wide, -30, 30)
        result: NDArray[np.float64] = 1.0 - (1.0 - 1.0 / (1.0 + np.exp(-logits))) ** self.stretch
        return result


UNTRAINED: Final = Acceptance(intercept=-4.0, slope=1.0)
"""Where there is no validation customer: about 2% for an average candidate."""


def fit(
    scores: NDArray[np.float32],
    candidates: NDArray[np.bool_],
    soon: NDArray[np.bool_],
    kinds: NDArray[np.int64],
    *,
    stretch: float = 1.0,
) -> Acceptance:
    """Fit the curve by penalised maximum likelihood (Newton's method).

    Args:
        scores: standardised, (customers, n_concepts).
        candidates: what could have been suggested, same shape.
        soon: what was bought within 30 days, or in a shorter window, same shape.
        kinds: how many concepts each customer had bought, (customers,).
        stretch: 30 days over the length of that window.
    """
    if len(scores) == 0:
        return UNTRAINED
    best = top_indices(np.where(candidates, scores, -np.inf), DEPTH)
    z = np.take_along_axis(scores, best, axis=1).astype(np.float64).ravel()
    y = np.take_along_axis(soon & candidates, best, axis=1).astype(np.float64).ravel()
    usable = np.take_along_axis(candidates, best, axis=1).ravel()
    wide = np.repeat(np.log1p(kinds), best.shape[1])
    z, y, wide = z[usable], y[usable], wide[usable]
    if len(z) == 0:
        return UNTRAINED
    rate = (y.sum() + 0.5) / (len(y) + 1.0)
    centre = np.array([np.log(rate / (1 - rate)) - z.mean(), 1.0, 0.0])
    design = np.stack([np.ones_like(z), z, wide], axis=1)
    at = centre.copy()
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ at, -30, 30)))
        slope = design.T @ (y - p) - PRIOR_PRECISION * (at - centre)
        curve = (design * (p * (1 - p))[:, None]).T @ design + PRIOR_PRECISION * np.eye(3)
        step = np.linalg.solve(curve, slope)
        at = at + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-9:
            break
    return Acceptance(
        intercept=float(at[0]), slope=float(max(at[1], 0.0)), breadth=float(at[2]), stretch=stretch
    )
