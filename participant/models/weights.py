"""How much each concept a customer has speaks for each other one: the weights of a linear model over concepts.

Two forms of one thing. *Square*: a number for every pair, which n concepts squared must fit. *Low rank*:
``left @ right.T + diag(own)``, as :mod:`protocols.questions.low_rank` reads landmarks; no array of it is larger
than concepts by landmarks. Weight (i, j) is what concept i says of concept j.

>>> pair = np.array([[0, 0.5], [0.25, 0]], np.float32)
>>> square = SquareWeights(matrix=pair)
>>> low = LowRankWeights.of(LowRankEase(left=pair, right=np.eye(2), own=np.zeros(2)))
>>> for form in (square, low):
...     form.scores_of(np.array([0])).tolist(), form.between(np.array([0, 1]), 0).tolist()
([0.0, 0.5], [0.0, 0.25])
([0.0, 0.5], [0.0, 0.25])
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from participant.models.scoring import linear
from protocols.questions.low_rank import LowRankEase

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Tensors = Mapping[str, NDArray[np.generic]]

_ROWS: Final = 256
"""Rows transposed at a time: what is written stays in the cache until it is full lines."""


class Weights(Protocol):
    """What a node scores with, whichever its form."""

    def scores(self, history: Floats) -> Floats:
        """Scores of customers, (customers, n_concepts), from their rows of the same shape."""

    def scores_of(self, concepts: Ints) -> Floats:
        """Scores of one customer who had ``concepts``, distinct, (n_concepts,)."""

    def between(self, concepts: Ints, target: int) -> Floats:
        """What each of ``concepts`` says of ``target``, (len(concepts),)."""

    def products(self, concepts: Ints) -> Floats:
        """Inner products of what foretells ``concepts``, their columns, (len(concepts), len(concepts))."""

    def ready(self) -> Self:
        """The same to answer requests from, :meth:`products` in particular, if need be for more memory."""

    def tensors(self) -> dict[str, Floats]:
        """The arrays to keep on disk, by the end of their names."""

    @classmethod
    def kept(cls, name: str, tensors: Tensors) -> Self:
        """What was kept as ``name``; raises KeyError where it is of another form."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SquareWeights:
    """A ``matrix`` (n_concepts, n_concepts), and once more transposed, as ``columns``, where requests are answered.

    A column lies in as many pages of memory as there are concepts: twenty of them at 20 thousand concepts take more
    time than all the rest of a request.
    """

    matrix: Floats
    columns: Floats | None = None

    def scores(self, history: Floats) -> Floats:
        """See :class:`Weights`."""
        return linear(history, self.matrix)

    def scores_of(self, concepts: Ints) -> Floats:
        """See :class:`Weights`."""
        return np.asarray(self.matrix[concepts].sum(0))

    def between(self, concepts: Ints, target: int) -> Floats:
        """See :class:`Weights`."""
        return np.asarray(self.matrix[concepts, target])

    def products(self, concepts: Ints) -> Floats:
        """See :class:`Weights`."""
        columns = self.columns
        found = (
            np.ascontiguousarray(self.matrix.take(concepts, axis=1).T)
            if columns is None
            else columns[concepts]
        )
        return np.asarray(found @ found.T)

    def ready(self) -> Self:
        """See :class:`Weights`."""
        columns = np.empty_like(self.matrix)
        for start in range(0, len(columns), _ROWS):
            columns[:, start : start + _ROWS] = self.matrix[start : start + _ROWS].T
        return replace(self, columns=columns)

    def tensors(self) -> dict[str, Floats]:
        """See :class:`Weights`; the name is that of files from before there was another form."""
        return {"": self.matrix}

    @classmethod
    def kept(cls, name: str, tensors: Tensors) -> Self:
        """See :class:`Weights`."""
        return cls(matrix=np.asarray(tensors[name], np.float32))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LowRankWeights:
    """``left @ right.T + diag(own)``: (n_concepts, r) twice, and (n_concepts,); ``inner`` is ``left.T @ left``."""

    left: Floats
    right: Floats
    own: Floats
    inner: Floats

    @classmethod
    def of(cls, model: LowRankEase) -> Self:
        """``model`` in single precision."""
        left, right, own = (
            np.ascontiguousarray(each, np.float32) for each in (model.left, model.right, model.own)
        )
        return cls(left=left, right=right, own=own, inner=left.T @ left)

    def scores(self, history: Floats) -> Floats:
        """See :class:`Weights`."""
        found = linear(linear(history, self.left), self.right.T)
        found += history * self.own
        return found

    def scores_of(self, concepts: Ints) -> Floats:
        """See :class:`Weights`."""
        found: Floats = self.right @ self.left[concepts].sum(0)
        found[concepts] += self.own[concepts]
        return found

    def between(self, concepts: Ints, target: int) -> Floats:
        """See :class:`Weights`."""
        found: Floats = self.left[concepts] @ self.right[target]
        found[concepts == target] += self.own[target]
        return found

    def products(self, concepts: Ints) -> Floats:
        """See :class:`Weights`.

        Column j is ``left @ right[j]`` with ``own[j]`` added in place j: of the four parts of a product two have
        one such place each, and one has both, where the columns are the same.
        """
        left, right, own = self.left[concepts], self.right[concepts], self.own[concepts]
        crossed = (left @ right.T) * own[:, None]
        alone = np.where(concepts[:, None] == concepts, own * own, np.float32(0))
        return np.asarray(right @ self.inner @ right.T + crossed + crossed.T + alone)

    def ready(self) -> Self:
        """See :class:`Weights`."""
        return self

    def tensors(self) -> dict[str, Floats]:
        """See :class:`Weights`."""
        return {".left": self.left, ".right": self.right, ".own": self.own, ".inner": self.inner}

    @classmethod
    def kept(cls, name: str, tensors: Tensors) -> Self:
        """See :class:`Weights`."""
        parts = (np.asarray(tensors[name + end], np.float32) for end in (".left", ".right", ".own", ".inner"))
        left, right, own, inner = parts
        return cls(left=left, right=right, own=own, inner=inner)


def kept(name: str, tensors: Tensors) -> Weights:
    """What was kept as ``name``, of either form; raises KeyError where there is neither."""
    return SquareWeights.kept(name, tensors) if name in tensors else LowRankWeights.kept(name, tensors)
