"""The customer autoencoder: how its weights lie in one vector, and what it says of a row.

Two layers down and two up (Liang et al. 2018, "Variational autoencoders for collaborative filtering"): a
row x of concepts, divided by its length, becomes a point of ``latent`` numbers, and that becomes a score
of every concept, of which the softmax is the chance of being bought next. The other half of the second
layer is the logarithm of the point's variance, which only training uses.

    h = tanh(x / |x| E1 + e1),  [mu, log variance] = h E2 + e2,  scores = tanh(mu D1 + d1) D2 + d2

>>> shape = Shape(concepts=3, hidden=2, latent=1)
>>> shape.size, [part.shape for part in shape.split(np.zeros(shape.size, np.float32)).values()]
(27, [(3, 2), (2,), (2, 2), (2,), (1, 2), (2,), (2, 3), (3,)])
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from protocols.errors import BadRelease, MalformedMessage
from protocols.limits import CONCEPTS_MAX

Weights = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
ExactScores = Callable[[csr_array], Floats]
"""From binary rows, (customers, n_concepts), scores of the same shape."""

UNITS_MAX: Final = 4096
"""No layer is wider: the vector of weights of a large vocabulary would not fit a sum."""

EXACT_BITS: Final = 52
"""Bits that a float64 sum of products has for its exact value, one less than its mantissa: rounding carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Widths of the layers."""

    concepts: int
    hidden: int
    latent: int

    def __post_init__(self) -> None:
        if not (
            0 < self.concepts <= CONCEPTS_MAX
            and 0 < self.latent <= UNITS_MAX
            and 0 < self.hidden <= UNITS_MAX
        ):
            raise MalformedMessage(
                expected=f"layers of 1 to {UNITS_MAX} units",
                came=f"{self.hidden} and {self.latent}",
                do="correct the question's parameters",
            )

    @property
    def parts(self) -> dict[str, tuple[int, ...]]:
        """The matrices (inputs by outputs) and biases, in the order of the vector."""
        return {
            "E1": (self.concepts, self.hidden),
            "e1": (self.hidden,),
            "E2": (self.hidden, 2 * self.latent),
            "e2": (2 * self.latent,),
            "D1": (self.latent, self.hidden),
            "d1": (self.hidden,),
            "D2": (self.hidden, self.concepts),
            "d2": (self.concepts,),
        }

    @property
    def size(self) -> int:
        """Numbers in the vector.

        >>> Shape(concepts=2221, hidden=512, latent=128).size
        2474413
        """
        units = self.hidden * (2 * self.concepts + 3 * self.latent + 2)
        return units + 2 * self.latent + self.concepts

    def split(self, weights: Weights) -> dict[str, Weights]:
        """Views of the parts of one vector of weights.

        Raises:
            BadRelease: a vector of another length.
        """
        if weights.shape != (self.size,):
            raise BadRelease(
                expected=f"{self.size} weights", came=f"shape {weights.shape}", do="fetch the releases again"
            )
        found: dict[str, Weights] = {}
        start = 0
        for name, shape in self.parts.items():
            stop = start + int(np.prod(shape))
            found[name] = weights[start:stop].reshape(shape)
            start = stop
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """An autoencoder with its weights: one vector, float32, of the shape's size."""

    shape: Shape
    weights: Weights

    def scores(self, history: npt.NDArray[np.float32]) -> Weights:
        """Scores of every concept for binary rows, both of shape (customers, n_concepts), float32.

        >>> shape = Shape(concepts=3, hidden=2, latent=1)
        >>> weights = np.arange(27, dtype=np.float32) / 27
        >>> Network(shape=shape, weights=weights).scores(np.array([[1, 0, 1]], np.float32)).round(4)
        array([[1.9767, 2.0694, 2.1622]], dtype=float32)
        """
        w = self.shape.split(self.weights)
        length = np.sqrt(np.maximum(np.square(history).sum(1, keepdims=True), 1.0))
        return self._upwards(w, np.asarray(history @ w["E1"] / length, np.float32))

    def scores_of(self, concepts: npt.NDArray[np.int64]) -> Weights:
        """The same for one customer who had ``concepts`` (distinct), shape (n_concepts,): for a request."""
        w = self.shape.split(self.weights)
        first = w["E1"][concepts].sum(0) / np.float32(max(len(concepts), 1) ** 0.5)
        return np.asarray(self._upwards(w, first[None, :])[0])

    def _upwards(self, w: dict[str, Weights], first: Weights) -> Weights:
        latent = self.shape.latent
        point = np.tanh(first + w["e1"]) @ w["E2"][:, :latent] + w["e2"][:latent]
        return np.asarray(np.tanh(point @ w["D1"] + w["d1"]) @ w["D2"] + w["d2"], np.float32)

    def exact_scores(self, history: npt.NDArray[np.float32]) -> Floats:
        """:meth:`scores` so that no row depends, not even in its last bit, on which rows are beside it.

        Noise for one customer hides one only then: see :func:`exact_product`.
        """
        w, latent = self.shape.split(self.weights), self.shape.latent
        rows = history.astype(np.float64)
        length = np.sqrt(np.maximum(np.square(rows).sum(1, keepdims=True), 1.0))
        hidden = np.tanh(exact_product(rows, w["E1"]) / length + w["e1"])
        point = exact_product(hidden, w["E2"][:, :latent]) + w["e2"][:latent]
        return exact_product(np.tanh(exact_product(point, w["D1"]) + w["d1"]), w["D2"]) + w["d2"]


def exact_product(rows: Floats, matrix: npt.NDArray[np.floating]) -> Floats:
    """``rows @ matrix`` with both rounded to grids on which every sum is exact, in whatever order it is taken.

    A row is a multiple of its own power of two and keeps half of the bits that there are, the matrix the other
    half: products and their partial sums are then integers below 2**53 times one power of two. About
    20 bits of each are left at 2,221 inputs, less than float32 has, and the same on every machine.

    >>> rows, matrix = np.array([[0.1, 0.7]]), np.array([[0.3], [-0.2]])
    >>> float(abs(exact_product(rows, matrix) - rows @ matrix)[0, 0]) < 1e-7
    True
    """
    inputs = int(rows.shape[1]).bit_length()
    bits = (EXACT_BITS - inputs) // 2
    _, of_rows = np.frexp(np.abs(rows).max(axis=1, keepdims=True, initial=0.0))
    _, of_matrix = np.frexp(np.abs(matrix).max(initial=0.0))
    whole_rows = np.rint(np.ldexp(rows, bits - of_rows))
    whole_matrix = np.rint(np.ldexp(matrix.astype(np.float64), bits - int(of_matrix)))
    return np.asarray(np.ldexp(whole_rows @ whole_matrix, of_rows + int(of_matrix) - 2 * bits))


def exact_weights(weights: npt.NDArray[np.floating]) -> Floats:
    """``weights`` rounded to multiples of a power of two, so that any sum of a column's entries is exact.

    With M rows of at most 2**e the multiple is 2**(e - 52) times M, rounded up to a power of two: every
    partial sum of a binary row times a column is an integer multiple below 2**53.

    >>> exact_weights(np.array([[0.3, 1.0]], dtype=np.float32)).tolist()  # one row: nothing to round
    [[0.30000001192092896, 1.0]]
    """
    exact = weights.astype(np.float64)
    _, exponent = np.frexp(float(np.abs(weights).max(initial=0)) * len(weights))
    multiples = 2.0 ** (52 - int(exponent))  # no weights are so small or large that this overflows
    exact *= multiples
    np.rint(exact, out=exact)
    exact /= multiples
    return exact
