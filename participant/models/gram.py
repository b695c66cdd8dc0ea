"""Who bought what with what, summed over customers: the Gram matrix that models are read from, whole or in part.

*Whole*: a `taste` sum, or this company's own exact one. *Columns*: the diagonal and the columns of some concepts, the
landmarks, as a `landmarks` sum has them; of a large vocabulary a company's own statistics are kept so too
(:mod:`participant.models.own_rows`). Their model is Nystrom's approximation (:mod:`protocols.questions.low_rank`);
no array of concepts squared is made.

A sum of landmarks with noise is not read: a cell's noise is divided by the root of a direction's strength, and nobody
has measured which directions are still to be believed (for `taste` see :mod:`protocols.questions.shrinkage`).
"""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from participant.models.weights import LowRankWeights, SquareWeights, Weights
from protocols.errors import BadInput, BadRelease
from protocols.questions.ease import ease
from protocols.questions.landmarks import Landmarks
from protocols.questions.low_rank import low_rank
from protocols.questions.network import ExactScores, exact_weights
from protocols.questions.shrinkage import shrink

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class GramMatrix(Protocol):
    """Statistics of one window."""

    @property
    def diagonal(self) -> Floats:
        """How often each concept was bought, as rows count, (n_concepts,)."""

    def columns(self, places: Ints) -> Floats:
        """The columns of the concepts at ``places``, (n_concepts, len(places)); BadInput where they are not known."""

    def weights(self, lam: float) -> Weights:
        """EASE at ridge ``lam``."""

    def exact(self, lam: float) -> ExactScores:
        """Its scores of binary rows, of which none depends on which rows are beside it."""

    def noise_aware(self, sigma: float) -> Self:
        """What is believed of a sum with noise ``sigma`` off its diagonal."""

    def plus(self, times: float, other: "GramMatrix") -> Self:
        """With ``times`` as much of ``other``: of what is known here."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WholeGram:
    """Every pair: ``matrix`` (n_concepts, n_concepts)."""

    matrix: Floats

    @property
    def diagonal(self) -> Floats:
        """See :class:`GramMatrix`."""
        return np.diagonal(self.matrix)

    def columns(self, places: Ints) -> Floats:
        """See :class:`GramMatrix`."""
        return self.matrix[:, places]

    def weights(self, lam: float) -> Weights:
        """See :class:`GramMatrix`."""
        return SquareWeights(matrix=ease(self.matrix, lam))

    def exact(self, lam: float) -> ExactScores:
        """See :class:`GramMatrix`."""
        matrix = exact_ease(self.matrix, lam)
        return lambda rows: np.asarray(rows @ matrix)

    def noise_aware(self, sigma: float) -> Self:
        """See :class:`GramMatrix`."""
        return type(self)(matrix=shrink(self.matrix, sigma)) if sigma else self

    def plus(self, times: float, other: GramMatrix) -> Self:
        """See :class:`GramMatrix`."""
        return type(self)(matrix=self.matrix + times * other.columns(np.arange(len(self.matrix))))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GramColumns:
    """Some columns: ``cross`` (n_concepts, r) are those at ``places``, (r,), ascending; and the ``diagonal``."""

    cross: Floats
    diagonal: Floats
    places: Ints

    @classmethod
    def of(cls, found: Landmarks) -> Self:
        """A `landmarks` sum without noise."""
        return cls(cross=found.cross, diagonal=found.squares, places=np.array(found.places, np.int64))

    def columns(self, places: Ints) -> Floats:
        """See :class:`GramMatrix`."""
        if not np.isin(places, self.places).all():
            raise BadInput(
                expected="columns of landmarks",
                came=f"others among {len(places)}",
                do="name them as landmarks",
            )
        return self.cross[:, np.searchsorted(self.places, places)]

    def weights(self, lam: float) -> Weights:
        """See :class:`GramMatrix`."""
        return LowRankWeights.of(low_rank(self.cross, self.diagonal, self.places, lam))

    def exact(self, lam: float) -> ExactScores:
        """See :class:`GramMatrix`."""
        model = low_rank(self.cross, self.diagonal, self.places, lam)
        return lambda rows: model.exact_scores(rows.toarray())

    def noise_aware(self, sigma: float) -> Self:
        """See :class:`GramMatrix`.

        Raises:
            BadRelease: there is noise.
        """
        if sigma:
            raise BadRelease(
                expected="a sum of `landmarks` without noise",
                came=f"one with noise {sigma:.4g}, which no reading takes into account",
                do="ask `landmarks` without noise, or `taste` with it",
            )
        return self

    def plus(self, times: float, other: GramMatrix) -> Self:
        """See :class:`GramMatrix`."""
        return type(self)(
            cross=self.cross + times * other.columns(self.places),
            diagonal=self.diagonal + times * other.diagonal,
            places=self.places,
        )


def exact_ease(gram: Floats, lam: float) -> Floats:
    """EASE of ``gram`` at ridge ``lam``, as weights of which any sum is exact."""
    return exact_weights(ease(gram, lam))
