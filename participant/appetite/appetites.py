"""Everybody's appetite at one shop: the chance to buy something unexpected within 30 days, in three levels.

*Unexpected* is what is outside the shop's obvious list and was never bought here before. The chance is logistic in
the standardised activity and traits, fitted on the node's own validation weeks. What it is worth beside activity
alone: `tests/benchmarks/results/surprise.md`.

A questionnaire that the customer has agreed to (need for uniqueness, openness, 1 to 5 each) moves the chance by
:data:`ASKED` for each point above or below the middle. That weight is an assumption: nobody has answered yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.appetite.traits import TRAITS, Traits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LEVELS: Final = ("small", "middling", "large")
RIDGE: Final = 1.0
STEPS: Final = 50
FOLDS: Final = 2
ASKED: Final = 0.5
MIDDLE: Final = 3.0
"""The middle of a scale from 1 to 5."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Appetites:
    """One entry per customer, keys ascending.

    ``traits`` are the shrunk habits, (customers, 4); ``logits`` the log-odds of the chance; ``cuts`` divide the
    logits into :data:`LEVELS`, and each row of ``marks``, (4, 2), one trait into thirds.
    """

    customer_keys: Ints
    traits: Floats
    logits: Floats
    cuts: Floats
    marks: Floats

    def of(self, customer_key: int, answers: Sequence[float] = ()) -> "Appetite | None":
        """One customer's appetite; ``answers`` to a questionnaire, 1 to 5 each. None: nothing is known."""
        at = int(np.searchsorted(self.customer_keys, customer_key))
        if at == len(self.customer_keys) or self.customer_keys[at] != customer_key:
            return None
        logit = refined(float(self.logits[at]), answers)
        thirds = (self.marks <= self.traits[at][:, None]).sum(1)
        return Appetite(
            level=int((self.cuts <= logit).sum()),
            chance=float(1.0 / (1.0 + np.exp(-logit))),
            thirds={name: int(third) for name, third in zip(TRAITS, thirds, strict=True)},
        )

    def without(self, customer_keys: Ints) -> "Appetites":
        """The same with no entry for these customers; what is usual at the shop stays as it is."""
        kept = ~np.isin(self.customer_keys, customer_keys)
        return replace(
            self,
            customer_keys=self.customer_keys[kept],
            traits=self.traits[kept],
            logits=self.logits[kept],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Appetite:
    """``level`` 0 to 2, ``chance`` of an unexpected purchase within 30 days, ``thirds`` of each trait, 0 to 2."""

    level: int
    chance: float
    thirds: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learned:
    """The ``appetites`` to serve with; ``levels`` of the validation customers, as others' purchases have them."""

    appetites: Appetites
    levels: dict[int, int]


def learn(earlier: Traits, unexpected: NDArray[np.bool_], now: Traits) -> Learned | None:
    """Fit on what followed the ``earlier`` traits, and apply to those of ``now``.

    Args:
        earlier: traits at the end of the fit window.
        unexpected: who of them bought something unexpected in the 30 days after.
        now: traits at the end of validation.

    Returns:
        None where nobody or everybody did, or nobody is there.
    """
    if not len(now.customer_keys) or not 0 < int(unexpected.sum()) < len(unexpected):
        return None
    made = scaled(earlier, earlier)
    weights = fit(made, unexpected)
    logits = predict(scaled(now, earlier), weights)
    crossed = cross_fitted(made, unexpected)
    levels = np.searchsorted(_thirds(crossed), crossed, side="right")
    return Learned(
        appetites=Appetites(
            customer_keys=now.customer_keys,
            traits=now.values,
            logits=logits,
            cuts=_thirds(logits),
            marks=np.stack([_thirds(column) for column in now.values.T]),
        ),
        levels={int(key): int(level) for key, level in zip(earlier.customer_keys, levels, strict=True)},
    )


def refined(logit: float, answers: Sequence[float]) -> float:
    """``logit`` moved by the mean answer.

    >>> refined(-1.0, ()), refined(-1.0, (5.0, 3.0)), refined(-1.0, (1.0,))
    (-1.0, -0.5, -2.0)
    """
    return logit + ASKED * (sum(answers) / len(answers) - MIDDLE) if answers else logit


def scaled(traits: Traits, by: Traits, *, only_activity: bool = False) -> Floats:
    """Activity and traits standardised by the customers of ``by``, (customers, 6), or (customers, 2)."""
    parts = [(traits.activity, by.activity), *([] if only_activity else [(traits.values, by.values)])]
    return np.concatenate([(x - y.mean(0)) / np.maximum(y.std(0), 1e-9) for x, y in parts], axis=1)


def fit(features: Floats, happened: NDArray[np.bool_]) -> Floats:
    """Weights of ridge-penalised logistic regression, the free intercept first (Newton's method).

    >>> fit(np.array([[-1.0], [-1.0], [1.0], [1.0]]), np.array([0, 0, 0, 1], bool)).round(
    ...     2
    ... )  # without: [-inf, inf]
    array([-1.18,  0.58])
    """
    design = np.concatenate([np.ones((len(features), 1)), features], axis=1)
    penalty = RIDGE * np.eye(design.shape[1])
    penalty[0, 0] = 1e-6
    at = np.zeros(design.shape[1])
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ at, -30, 30)))
        slope = design.T @ (happened - p) - penalty @ at
        step = np.linalg.solve((design * (p * (1 - p))[:, None]).T @ design + penalty, slope)
        at = at + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-9:
            break
    return np.asarray(at, np.float64)


def predict(features: Floats, weights: Floats) -> Floats:
    """Log-odds, (customers,)."""
    result: Floats = weights[0] + features @ weights[1:]
    return result


def cross_fitted(features: Floats, happened: NDArray[np.bool_]) -> Floats:
    """Each customer's log-odds by weights that the other half of the customers gave."""
    fold = np.arange(len(features)) % FOLDS
    logits = np.zeros(len(features))
    for each in range(FOLDS):
        logits[fold == each] = predict(
            features[fold == each], fit(features[fold != each], happened[fold != each])
        )
    return logits


def _thirds(values: Floats) -> Floats:
    return np.asarray(np.quantile(values, [1 / 3, 2 / 3]), np.float64)
