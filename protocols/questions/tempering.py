"""EASE on tempered concepts: what everybody buys weighs less, as a predictor and in the ranking.

Concept i is scaled by t_i = popularity_i^-exponent before the weights are fitted and stays scaled in the
ranking: with T = diag(t), B = ease(T G T), a row of scores is ``x T B``. So the ridge, the same number for
every concept, leaves rare concepts more of what they have to say, and scores of rare concepts are lifted.
T is scaled so that the trace of T G T is that of G: one grid of ridges serves every exponent, and exponent
0 is EASE itself. The popularities are those of the release, so this is post-processing.

The pure reading of a sum that `protocols.questions.ease` gives is the special case without tempering.

>>> gram = np.array([[90.0, 20.0, 18.0], [20.0, 40.0, 12.0], [18.0, 12.0, 20.0]])
>>> [tempered_ease(gram, 10, a)[1].argmax() for a in (0.0, 0.5)]  # who has 1 gets: 0, or the rarer 2
[np.int64(0), np.int64(2)]
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput
from protocols.questions.ease import ease

Floats = npt.NDArray[np.float64]

EXPONENT: Final = 0.25
"""Chosen on validation weeks of the Complete Journey; see `tests/benchmarks/results/privacy_quality.md`."""

FLOOR: Final = 0.03
"""Share of the mean popularity added to every one, so that no concept's scale explodes."""


def tempers(gram: Floats, exponent: float) -> Floats:
    """The scales t, shape (n_concepts,), from the diagonal of ``gram``; trace(T G T) = trace(G).

    >>> t = tempers(np.diag([16.0, 1.0]), 0.25)
    >>> float(round(t[1] / t[0], 2))  # near 16**.25 = 2, a little less for the floor; not 16**.5 = 4
    1.9
    """
    diagonal = np.maximum(np.diagonal(gram), 0.0)
    mean = float(diagonal.mean())
    if not 0 <= exponent <= 1 or not mean > 0:
        raise BadInput(
            expected="an exponent from 0 to 1 and a diagonal that is not all zero",
            came=f"{exponent}, mean {mean:g}",
            do="use 0.25, or a sum with customers in it",
        )
    scale: Floats = (diagonal / mean + FLOOR) ** -exponent
    return np.asarray(scale * np.sqrt(diagonal.sum() / (diagonal * scale**2).sum()))


def tempered_ease(gram: Floats, lam: float, exponent: float = EXPONENT) -> npt.NDArray[np.float32]:
    """Weights W = T ease(T G T), both of shape (n_concepts, n_concepts); scores are ``x @ W``.

    Raises:
        BadInput, BadRelease: as :func:`tempers` and :func:`protocols.questions.ease.ease`.
    """
    if exponent == 0:
        return ease(gram, lam)
    scale = tempers(gram, exponent)
    weights = ease(gram * scale[:, None] * scale, lam)
    weights *= scale[:, None].astype(np.float32)
    return weights
