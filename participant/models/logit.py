"""The conditional logit: what was chosen, out of what could have been, by a score and the features beside it.

Of the log-odds ``scale`` x score + sum of strength x feature the parameters are found by Newton's method with halved
steps; the likelihood is concave. McFadden, "Conditional logit analysis of qualitative choice behavior" (1974).
A choice of several at once counts as so many choices from the same candidates.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Gains = NDArray[np.float64]
Mask = NDArray[np.bool_]
Part = tuple[Floats, Sequence[Floats], Mask]
"""Scores, (choices, candidates), minus infinity for what could not be chosen; features and targets, same shape."""

PRIOR: Final = 1.0
"""A strength is drawn to none as if features that move log-odds by one, root mean square, were one standard
deviation. So a few choices decide nothing, choices that all go one way have an end, and no unit of a feature matters."""
LEAST_PRECISION: Final = 1e-4
SCALE_MIN: Final = 0.05
"""A score that says next to nothing has a small scale; nothing is divided by less."""
STEPS: Final = 25
HALVINGS: Final = 20
ENOUGH: Final = 1e-3
"""Log-likelihood gained by a step after which there is no other."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Logit:
    """``strengths`` and their standard ``errors``, (features,); ``scale`` of the score; ``choices`` it was fitted on."""

    scale: float
    strengths: Gains
    errors: Gains
    choices: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Slope:
    """Log-likelihood with its prior, its gradient and its curvature at one place."""

    value: float
    gradient: Gains
    curvature: Gains
    choices: int


def fit(parts: Callable[[], Iterable[Part]], features: int) -> Logit:
    """Fit to all ``parts``, which are asked for anew at every step: memory is one of them.

    >>> scores = np.zeros((4, 2), np.float32)
    >>> feature = np.tile(np.array([1.0, 0.0], np.float32), (4, 1))
    >>> target = np.array([[True, False]] * 3 + [[False, True]])
    >>> found = fit(lambda: [(scores, [feature], target)] * 1_000, 1)
    >>> found.strengths.round(2), found.errors.round(2)  # log 3 and 1 / sqrt(4000 x 3/16), not log 1/3
    (array([1.1]), array([0.04]))
    """
    at = np.zeros(1 + features)
    precision = _precision(parts(), features)
    here = _slope(parts(), at, precision)
    for _ in range(STEPS):
        step = np.linalg.solve(here.curvature, here.gradient)
        for _ in range(HALVINGS):
            tried = at + step
            there = _slope(parts(), tried, precision)
            if there.value >= here.value:
                break
            step = step / 2
        else:
            break
        gained, at, here = there.value - here.value, tried, there
        if gained < ENOUGH:
            break
    errors = np.sqrt(np.diag(np.linalg.inv(here.curvature)))
    return Logit(
        scale=max(float(at[0]), SCALE_MIN), strengths=at[1:], errors=errors[1:], choices=here.choices
    )


def _precision(parts: Iterable[Part], features: int) -> Gains:
    """Of the prior: none to speak of for the scale, the mean square of each feature for its strength."""
    squares, cells = np.zeros(features), 0
    for scores, given, _ in parts:
        possible = np.isfinite(scores)
        squares += [
            np.square(each, where=possible, out=np.zeros_like(each)).sum(dtype=np.float64) for each in given
        ]
        cells += int(possible.sum())
    found = np.concatenate([[0.0], squares / max(cells, 1) / PRIOR**2])
    return np.where(found > 0, found, LEAST_PRECISION)


def _slope(parts: Iterable[Part], at: Gains, precision: Gains) -> _Slope:
    value = -0.5 * float(precision @ at**2)
    gradient, curvature, choices = -precision * at, np.diag(precision), 0
    for scores, features, target in parts:
        possible = np.isfinite(scores)
        held = np.stack([np.where(possible, scores, 0), *features]).astype(np.float32)
        logits = np.where(possible, np.tensordot(at.astype(np.float32), held, 1), -np.inf)
        logits -= logits.max(1, keepdims=True)
        chance = np.exp(logits)
        sums = chance.sum(1, keepdims=True)
        chance /= sums
        times = target.sum(1)
        row, candidate = np.nonzero(target)
        value += float((logits[row, candidate] - np.log(sums[row, 0])).sum(dtype=np.float64))
        weighed = held * chance
        mean = weighed.sum(2, dtype=np.float64)
        gradient = gradient + held[:, row, candidate].sum(1, dtype=np.float64) - mean @ times
        weighed *= times[:, None].astype(np.float32)
        flat = (len(at), -1)
        second = weighed.reshape(flat) @ held.reshape(flat).T
        curvature = curvature + second - (mean * times) @ mean.T
        choices += int(times.sum())
    return _Slope(value=value, gradient=gradient, curvature=curvature, choices=choices)
