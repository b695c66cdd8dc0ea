"""EASE from some columns of a Gram matrix: Nystrom's approximation, kept exact on the diagonal.

With C = G[:, L] the columns of r landmarks and W = G[L, L], G is taken to be F F^T + diag(rest), F = C W^(-1/2)
(Williams and Seeger 2001), where the rest makes the diagonal the known one. P = (G + lambda I)^-1 then has a
closed form with r x r inverses only (Woodbury), and so have the scores of `protocols.questions.ease`: memory and a
customer's scores cost n_concepts x r, no matrix of n_concepts squared is ever made.

>>> gram = np.array([[2.0, 1.0], [1.0, 3.0]])
>>> every = low_rank(gram, np.diagonal(gram).copy(), np.array([0, 1]), 1.0)
>>> (every.scores(np.eye(2)).round(6) + 0.0).tolist()  # all are landmarks: equal to ease(gram, 1)
[[0.0, 0.333333], [0.25, 0.0]]
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput
from protocols.questions.network import exact_product, exact_weights

Matrix = npt.NDArray[np.float64]

_FAINTEST: Final = 1e-9
"""Directions of the landmarks with less than this share of the strongest are rounding, or noise below zero."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LowRankEase:
    """Weights as ``left @ right.T + diag(own)``: (n_concepts, r) twice and (n_concepts,)."""

    left: Matrix
    right: Matrix
    own: Matrix

    def scores(self, rows: Matrix) -> Matrix:
        """``rows @ weights``, (customers, n_concepts)."""
        found: Matrix = rows * self.own + (rows @ self.left) @ self.right.T
        return found

    def exact_scores(self, rows: Matrix) -> Matrix:
        """:meth:`scores` so that no row depends, not even in its last bit, on which rows are beside it.

        Noise for one customer hides one only then: see :func:`protocols.questions.network.exact_product`. ``rows``
        are binary.
        """
        return rows * self.own + exact_product(rows @ exact_weights(self.left), self.right.T)


def low_rank(cross: Matrix, squares: Matrix, landmarks: npt.NDArray[np.int64], lam: float) -> LowRankEase:
    """The EASE model at ridge ``lam``.

    Args:
        cross: columns of the landmarks, (n_concepts, r).
        squares: the diagonal of the whole matrix, (n_concepts,).
        landmarks: their places, (r,).
        lam: in units of the matrix.

    Raises:
        BadInput: ``lam`` is not positive.
    """
    if not lam > 0:
        raise BadInput(expected="a positive lambda", came=str(lam), do="use 15 to 300 for unit rows")
    inner = cross[landmarks]
    strength, directions = np.linalg.eigh((inner + inner.T) / 2)
    kept = strength > _FAINTEST * float(strength.max(initial=0.0))
    factor = cross @ (directions[:, kept] / np.sqrt(strength[kept]))
    rest = np.maximum(squares - (factor**2).sum(1), 0.0) + lam
    scaled = factor / rest[:, None]
    left = scaled @ np.linalg.inv(np.eye(scaled.shape[1]) + factor.T @ scaled)
    diagonal = 1.0 / rest - (left * scaled).sum(1)  # of P
    return LowRankEase(left=left, right=scaled / diagonal[:, None], own=1.0 - 1.0 / (rest * diagonal))
