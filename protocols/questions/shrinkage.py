"""A noisy Gram matrix, read with what is known of its noise: popularity, directions, then cell by cell.

A released sum is G + noise, and the noise's standard deviation sigma is public. Three steps, each with what
the one before left:

1. *Popularity.* Most of a cell is what independence predicts, from the leading eigenvector of the pairs.
   Cells are sorted by this prediction into classes, and in each class the mean ratio of cell to prediction
   corrects it. Where a concept's group is public (its category), the groups' sums correct it as well.
2. *Directions.* What is left is a symmetric matrix with noise whose eigenvalues lie within
   2 sigma sqrt(n_concepts). Directions beyond that edge are not noise; they are kept, less what the noise
   adds to them (Gavish and Donoho 2017).
3. *Cells.* What the cells of a class vary beyond the noise is their prior variance, and a cell becomes its
   posterior mean (Efron and Morris 1973). So pairs of popular concepts stay nearly as they are, and a pair
   of rare ones becomes what its popularity and its directions predict: that is all the release says of it.

Everything here reads the public sum and the public sigma: post-processing, free of privacy cost.

>>> rng = np.random.default_rng(0)
>>> p = np.geomspace(1, 0.01, 200)
>>> gram = 1000 * np.outer(p, p)
>>> noise = np.triu(rng.normal(0, 20, gram.shape), 1)
>>> noisy = gram + noise + noise.T
>>> off = ~np.eye(200, dtype=bool)
>>> float(round(np.std((shrink(noisy, 20.0) - gram)[off]), 1)), float(round(np.std((noisy - gram)[off]), 1))
(2.3, 19.9)
>>> bool((shrink(noisy, 0.0) == noisy).all())  # no noise: nothing to doubt
True
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CLASSES: Final = 24
"""Classes of cells by predicted size: fine enough for one ratio each, thousands of cells in most."""

STEPS: Final = 30
"""Power iterations: popularity's eigenvalue is many times the second, so that this is exact."""

TINY: Final = 1e-12


def shrink(gram: Floats, sigma: float, groups: Ints | None = None) -> Floats:
    """The posterior mean of every cell, symmetric, shape (n_concepts, n_concepts).

    Memory is about ten times that of ``gram``: 400 MB at 2,221 concepts. Time is that of one full
    eigendecomposition, about 9 n^3 operations: several times that of :func:`protocols.questions.ease.ease`.

    Args:
        gram: a released sum, symmetric, with independent Gaussian noise above the diagonal.
        sigma: standard deviation of the *sum's* noise off the diagonal; on it, sqrt(2) times that.
        groups: (n_concepts,), the public group of each concept as a number from 0; None for none.

    Raises:
        BadInput: a negative sigma, or another number of groups than concepts.
    """
    if not sigma >= 0 or (groups is not None and groups.shape != gram.shape[:1]):
        raise BadInput(
            expected="a sigma of at least 0, and one group a concept", came=f"{sigma}", do="correct it"
        )
    if sigma == 0 or len(gram) < 2:
        return gram.copy()
    pairs = gram.copy()
    np.fill_diagonal(pairs, 0.0)
    predicted, share = predict(pairs, sigma, groups)
    upper = np.triu_indices(len(gram), 1)
    prior = corrected(pairs[upper], predicted[upper])
    prior += standing_out(pairs - symmetric(prior, len(gram)), sigma)[upper]
    out = symmetric(posterior(pairs[upper], prior, predicted[upper], sigma), len(gram))
    diagonal = np.diagonal(gram)
    np.fill_diagonal(out, posterior(diagonal, corrected(diagonal, share), share, sigma * math.sqrt(2)))
    return out


def predict(pairs: Floats, sigma: float, groups: Ints | None) -> tuple[Floats, Floats]:
    """What popularity, and ``groups`` if any, predict of ``pairs`` (diagonal 0), and each concept's share."""
    size, share = popularity(pairs, sigma)
    predicted = size * np.outer(share, share)
    np.fill_diagonal(predicted, 0.0)
    if groups is not None:
        predicted *= group_lift(pairs, predicted, groups, sigma)
    return predicted, share


def standing_out(rest: Floats, sigma: float) -> Floats:
    """The part of symmetric ``rest`` in directions that noise of ``sigma`` does not explain, of either sign.

    An eigenvalue e beyond the edge 2 sigma sqrt(n) becomes sqrt(e^2 - edge^2), others 0: the best that an
    eigenvalue can become in mean square (Gavish and Donoho 2017, section 4, the symmetric case).

    >>> rest = np.diag([5.0, -5.0, 3.0, 0.0])  # the edge is 2 * 1 * sqrt(4) = 4
    >>> standing_out(rest, 1.0).diagonal().round(6)  # sqrt(25 - 16); not 5 - 4
    array([ 3., -3.,  0.,  0.])
    """
    values, vectors = np.linalg.eigh(rest)
    edge = 2 * sigma * math.sqrt(len(rest))
    kept = np.abs(values) > edge
    less = np.sign(values[kept]) * np.sqrt(values[kept] ** 2 - edge**2)
    basis = vectors[:, kept]
    return np.asarray((basis * less) @ basis.T)


def popularity(pairs: Floats, sigma: float) -> tuple[float, Floats]:
    """Eigenvalue and eigenvector (n_concepts,) of the leading direction, positive, above its own noise.

    A coordinate of the eigenvector carries noise of about ``sigma / eigenvalue``; one that is lost in it
    counts as half of that, so that no concept is predicted to be nothing.

    >>> size, share = popularity(np.outer([3.0, 4.0], [3.0, 4.0]), 0.0)
    >>> round(size, 6), share.round(6).tolist()
    (25.0, [0.6, 0.8])
    """
    share = np.maximum(pairs.sum(0), TINY)
    size = float(np.linalg.norm(share))
    for _ in range(STEPS):
        share = np.maximum(share / max(size, TINY), 0.0)
        share = pairs @ share
        size = float(np.linalg.norm(share))
    size = max(size, TINY)  # a sum that noise has drowned may have no popularity at all
    share /= size
    return size, np.maximum(share, max(0.5 * sigma / size, 0.02 * float(np.median(share)), TINY))


def corrected(seen: Floats, predicted: Floats) -> Floats:
    """``predicted`` times the mean ratio of ``seen`` to it in its class: the prior means."""
    classes = _classes(predicted)
    total, expected = (np.bincount(classes, weights, CLASSES) for weights in (seen, predicted))
    mean = np.maximum(total, 0.0) / np.maximum(expected, TINY)
    return np.asarray(predicted * mean[classes])


def posterior(seen: Floats, prior: Floats, predicted: Floats, sigma: float) -> Floats:
    """Posterior means, never negative, of ``seen`` = truth + noise, the truth about ``prior``.

    By how much the truth varies around it, in proportion to ``predicted``, each class of ``predicted`` says.
    """
    classes = _classes(predicted)
    beyond = seen - prior
    noise = np.bincount(classes, minlength=CLASSES) * sigma**2
    excess = np.maximum(np.bincount(classes, beyond**2, CLASSES) - noise, 0.0)
    spread = excess / np.maximum(np.bincount(classes, predicted**2, CLASSES), TINY)
    variance = spread[classes] * predicted**2
    return np.asarray(np.maximum(prior + variance / (variance + sigma**2) * beyond, 0.0))


def symmetric(upper: Floats, concepts: int) -> Floats:
    """The matrix with a diagonal of 0 that has ``upper`` above it, row by row.

    >>> symmetric(np.array([1.0, 2.0, 3.0]), 3)
    array([[0., 1., 2.],
           [1., 0., 3.],
           [2., 3., 0.]])
    """
    out = np.zeros((concepts, concepts))
    places = np.triu_indices(concepts, 1)
    out[places] = upper
    out.T[places] = upper
    return out


def _classes(predicted: Floats) -> Ints:
    place = np.log(predicted)
    low, high = float(place.min()), float(place.max())
    found: Ints = ((place - low) / (high - low + TINY) * CLASSES).astype(np.int64)
    return np.minimum(found, CLASSES - 1)


def group_lift(pairs: Floats, predicted: Floats, groups: Ints, sigma: float) -> Floats:
    """How much more often than predicted concepts of two groups meet: shrunk ratios, one for each cell.

    Pairs within a group and pairs across two are two populations, each with its own mean and spread. A
    sum within a group counts every pair twice, so its noise has twice the variance per cell.
    """
    member = np.zeros((len(groups), int(groups.max()) + 1))
    member[np.arange(len(groups)), groups] = 1.0
    seen, expected = member.T @ pairs @ member, member.T @ predicted @ member
    sizes = member.sum(0)
    cells = np.outer(sizes, sizes) - np.diag(sizes)
    within = np.eye(len(sizes), dtype=np.bool_)
    variance = cells * sigma**2 * np.where(within, 2.0, 1.0)
    lift = np.ones_like(seen)
    for kind in (within & (cells > 0), ~within):
        mean = max(float(seen[kind].sum()), 0.0) / max(float(expected[kind].sum()), TINY)
        excess = float((np.square(seen - mean * expected) - variance)[kind].sum())
        spread = max(excess, 0.0) / max(float(np.square(expected)[kind].sum()), TINY)
        prior = spread * expected**2
        weight = prior / (prior + variance + TINY)
        ratio = mean + weight * (seen / np.maximum(expected, TINY) - mean)
        lift[kind] = np.maximum(ratio[kind], 0.05)
    return np.asarray(lift[np.ix_(groups, groups)])
