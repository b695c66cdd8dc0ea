"""P(accept): the chance that a customer next buys a concept for the first time, from its score.

Platt scaling: ``P = 1 / (1 + exp(-(intercept + slope * z)))``, fitted on the best-scored candidates of
own validation customers, whose future is known. Acceptance is rare, so both parameters carry a weak
prior (a slope of 1 and the base rate), worth a few accepted suggestions.
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
    """The two parameters of the curve.

    >>> curve = Acceptance(intercept=-3.0, slope=1.0)
    >>> curve.probability(np.array([0.0, 3.0])).round(3)  # not (0.5, 0.953): the base rate counts
    array([0.047, 0.5  ])
    """

    intercept: float
    slope: float

    def probability(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """P(accept) of standardised scores, in (0, 1), same shape."""
        logits = np.clip(self.intercept + self.slope * scores.astype(np.float64), -30, 30)
        result: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-logits))
        return result


UNTRAINED: Final = Acceptance(intercept=-4.0, slope=1.0)
"""Where there is no validation customer: about 2% for an average candidate."""


def fit(scores: NDArray[np.float32], candidates: NDArray[np.bool_], future: NDArray[np.bool_]) -> Acceptance:
    """Fit the curve by penalised maximum likelihood (Newton's method).

    Args:
        scores: standardised, (customers, n_concepts).
        candidates: what could have been suggested, same shape.
        future: what was bought afterwards, same shape.
    """
    if len(scores) == 0:
        return UNTRAINED
    best = top_indices(np.where(candidates, scores, -np.inf), DEPTH)
    z = np.take_along_axis(scores, best, axis=1).astype(np.float64).ravel()
    y = np.take_along_axis(future & candidates, best, axis=1).astype(np.float64).ravel()
    usable = np.take_along_axis(candidates, best, axis=1).ravel()
    z, y = z[usable], y[usable]
    if len(z) == 0:
        return UNTRAINED
    rate = (y.sum() + 0.5) / (len(y) + 1.0)
    centre = np.array([np.log(rate / (1 - rate)) - z.mean(), 1.0])
    design = np.stack([np.ones_like(z), z], axis=1)
    at = centre.copy()
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ at, -30, 30)))
        slope = design.T @ (y - p) - PRIOR_PRECISION * (at - centre)
        curve = (design * (p * (1 - p))[:, None]).T @ design + PRIOR_PRECISION * np.eye(2)
        step = np.linalg.solve(curve, slope)
        at = at + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-9:
            break
    return Acceptance(intercept=float(at[0]), slope=float(max(at[1], 0.0)))
