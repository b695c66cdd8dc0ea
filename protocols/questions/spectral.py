"""Where training starts: an autoencoder that already knows what a released `taste` sum says.

With S = D^-1/2 G D^-1/2, G the Gram matrix and D its diagonal, the leading eigenvectors of S are the
directions in which concepts go together. They become the first layer (a row is taken apart into them, in
the linear part of tanh) and, for the leading ones, the last (it is put together again); the bias of the
last is the logarithm of popularity. So a first round starts where local training would be after many,
and in a basis that all companies share: averages of what they change mean something.

Every node computes this by itself from the signed sum. Machines differ in the last bits of an
eigenvector, and where two eigenvalues are equal any rotation of the two is right. So a small irregular
number is added to each diagonal cell first, which tells equal directions apart, and each eigenvector's sign
is that of its product with another irregular vector.

>>> gram = np.diag([4.0, 4.0, 4.0]) + np.ones((3, 3))
>>> shape = Shape(concepts=3, hidden=3, latent=2)
>>> first, again = start(gram, shape), start(gram * (1 + 1e-12), shape)
>>> float(abs(first - again).max()) < 1e-4  # three equal concepts: two eigenvalues are the same
True
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

from protocols.codec import tagged_hash
from protocols.errors import BadRelease
from protocols.keystream import Keystream
from protocols.questions.network import Shape, Weights

Floats = npt.NDArray[np.float64]

GAIN: Final = 16.0
"""How strongly a recognised direction speaks at the start: with 8 training is slower, with 32 less steady."""

LINEAR: Final = 0.5
"""A typical first activation, where tanh is nearly linear."""

LOG_VARIANCE: Final = -2.0
"""Of the latent point at the start: little noise beside a point that already says something."""

SPREAD: Final = 0.001
"""Of the weights that the sum says nothing about: not zero, so that they can learn different things."""

FLOOR: Final = 0.01
"""Least diagonal cell, as a share of the mean: a concept that hardly anybody bought explodes nothing."""

FAINTEST: Final = 1e-4
"""Directions with a smaller eigenvalue are left out: there is nothing in them."""

TELLING_APART: Final = 1e-5
"""Added to diagonal cells that are about 1: beyond rounding errors (1e-13), and no change to what is learnt."""


def start(gram: Floats, shape: Shape) -> Weights:
    """Weights to start from, shape (shape.size,), float32.

    Args:
        gram: a released Gram matrix, (n_concepts, n_concepts), whatever its row scheme.
        shape: of the network.

    Raises:
        BadRelease: another size than the shape's, numbers that are not finite, or nothing bought at all.
    """
    diagonal = np.diagonal(gram)
    if gram.shape != (shape.concepts, shape.concepts) or not np.isfinite(gram).all() or diagonal.sum() <= 0:
        raise BadRelease(
            expected=f"a Gram matrix of {shape.concepts} concepts with something bought",
            came=f"shape {gram.shape}",
            do="start from the release of a taste question",
        )
    mean = float(diagonal.mean())
    popularity = np.maximum(diagonal, FLOOR * mean)
    directions = _directions(gram / np.sqrt(popularity[:, None] * popularity), shape.hidden)
    known = directions.shape[1]
    latent = min(known, shape.latent)
    weights = np.zeros(shape.size, np.float32)
    part = shape.split(weights)
    for name, key in (("E1", b"first"), ("E2", b"second"), ("D1", b"third")):
        part[name][:] = _small(part[name].shape, key)
    part["E1"][:, :known] = LINEAR * directions * np.sqrt(mean / popularity)[:, None]
    part["E2"][np.arange(latent), np.arange(latent)] += 1.0
    part["e2"][shape.latent :] = LOG_VARIANCE
    part["D1"][np.arange(latent), np.arange(latent)] += 1.0
    part["D2"][:latent] = GAIN * directions[:, :latent].T
    part["d2"][:] = np.log(np.maximum(diagonal, 0.0) + FLOOR * mean) - np.log(mean)
    return weights


def _directions(similarity: Floats, count: int) -> Floats:
    """At most ``count`` leading eigenvectors as columns, largest eigenvalue first, each with a fixed sign."""
    concepts = len(similarity)
    apart = similarity + np.diag(TELLING_APART * irregular(concepts))
    values, vectors = eigh(apart, subset_by_index=[max(0, concepts - count), concepts - 1])
    values, vectors = values[::-1], vectors[:, ::-1]
    vectors = vectors[:, values > FAINTEST]
    signs = np.where((irregular(concepts) - 0.5) @ vectors < 0, -1.0, 1.0)
    return np.asarray(vectors * signs)


def irregular(count: int) -> Floats:
    """Numbers in [0, 1) without a pattern, the same everywhere: i squared times the golden ratio, modulo 1."""
    place = np.arange(1, count + 1, dtype=np.float64)
    return np.asarray((place * place * ((5**0.5 - 1) / 2)) % 1.0)


def _small(shape: tuple[int, ...], key: bytes) -> Weights:
    """Fixed small numbers, uniform, of standard deviation ``SPREAD``."""
    count = int(np.prod(shape))
    words = Keystream(tagged_hash("encoder-start", key)).words(0, 4 * count, 32)
    uniform = words.astype(np.float64) / 2.0**31 - 1.0
    return np.asarray(SPREAD * 3**0.5 * uniform, np.float32).reshape(shape)
