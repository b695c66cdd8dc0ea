"""EASE in closed form: the item-item model of a Gram matrix (Steck 2019, equation 8).

With P = (G + lambda I)^-1 the weights are W[i, j] = -P[i, j] / P[j, j] off the diagonal and 0 on it.
A row of scores is ``x @ W``: column j predicts concept j from all the others.

>>> gram = np.array([[2.0, 1.0], [1.0, 3.0]])
>>> ease(gram, 1)  # bought together: positive; column j is divided by P[j, j] (4/11 and 3/11), not P[i, i]
array([[0.        , 0.33333334],
       [0.25      , 0.        ]], dtype=float32)
"""

import numpy as np
import numpy.typing as npt
from scipy.linalg.lapack import dpotrf, dpotri

from protocols.errors import BadInput, BadRelease

_ROWS = 256
"""Rows mirrored at a time: keeps temporary arrays at a few megabytes."""


def ease(gram: npt.NDArray[np.float64], lam: float) -> npt.NDArray[np.float32]:
    """The EASE weights of ``gram`` at ridge ``lam``, both of shape (n_concepts, n_concepts).

    One Cholesky factor and its inverse in place (n^3 operations, against 8/3 n^3 of a general
    inverse), one float64 working copy besides the float32 result. A Gram matrix that is not
    positive definite at this ridge (noise can do that) falls back on the general inverse.

    Raises:
        BadInput: ``lam`` is not positive.
        BadRelease: not a square matrix of finite numbers, or singular.
    """
    if not lam > 0:
        raise BadInput(expected="a positive lambda", came=str(lam), do="use 300, 1000 or 3000")
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1] or not np.isfinite(gram).all():
        raise BadRelease(
            expected="a square matrix of finite numbers", came=f"shape {gram.shape}", do="refuse the release"
        )
    factor, failed = dpotrf(_ridged(gram, lam), lower=1, clean=0, overwrite_a=1)
    if failed:
        return _weights(_general_inverse(_ridged(gram, lam)))
    lower, _ = dpotri(factor, lower=1, overwrite_c=1)  # a factor with a positive diagonal has an inverse
    return _weights(lower)


def _ridged(gram: npt.NDArray[np.float64], lam: float) -> npt.NDArray[np.float64]:
    ridged = np.array(gram, dtype=np.float64, order="F", copy=True)
    ridged[np.diag_indices_from(ridged)] += lam
    return ridged


def _general_inverse(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    try:
        return np.linalg.inv(matrix).astype(np.float64, copy=False)
    except np.linalg.LinAlgError:
        raise BadRelease(
            expected="an invertible matrix", came="a singular one", do="use a larger lambda"
        ) from None


def _weights(lower: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """W from the lower triangle of the symmetric P; what is above its diagonal is not read."""
    concepts = len(lower)
    scale = -1.0 / np.diagonal(lower)
    weights = np.empty((concepts, concepts), dtype=np.float32)
    for start in range(0, concepts, _ROWS):
        stop = min(start + _ROWS, concepts)
        strip = lower[start:stop, :stop]
        corner = np.tril(strip[:, start:], -1)
        weights[start:stop, :start] = strip[:, :start] * scale[:start]
        weights[:start, start:stop] = strip[:, :start].T * scale[start:stop]
        weights[start:stop, start:stop] = (corner + corner.T) * scale[start:stop]
    np.fill_diagonal(weights, 0.0)
    return weights
