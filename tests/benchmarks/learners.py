"""Models that a company could have without an exchange, and the same on everybody's rows: what the exchange is beside.

A learner is fitted on one company's rows (*local*), or on all companies' (*pooled*: what nobody could have, and the
bound). One that reaches the pooled model by rounds between companies has the same signature and gets its
companies as they are: ``fit`` is handed a sequence of samples, one a company.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from protocols.questions.ease import ease

Floats = NDArray[np.float32]
Setting = Mapping[str, float]
Scorer = Callable[[sp.csr_matrix], Floats]
"""Scores of every concept, (customers, n_concepts), for binary histories of that shape."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of one window, binary, (customers, n_concepts)."""

    rows: sp.csr_matrix

    @cached_property
    def gram(self) -> NDArray[np.float64]:
        """How many customers bought both, (n_concepts, n_concepts)."""
        return np.asarray((self.rows.T @ self.rows).toarray(), np.float64)

    @cached_property
    def buyers(self) -> NDArray[np.float64]:
        """Buyers of each concept."""
        return np.asarray(self.rows.sum(0), np.float64).ravel()


class Learner(Protocol):
    """One kind of model."""

    name: str
    random: bool
    settings: Sequence[Setting]

    def fit(self, samples: Sequence[Sample], setting: Setting, seed: int) -> dict[str, Scorer]:
        """What is learned, by name of the arm: one arm, or several that share the work."""


def merged(samples: Sequence[Sample]) -> Sample:
    """All rows in one place; a single sample as it is, with what it has counted already."""
    return samples[0] if len(samples) == 1 else Sample(sp.vstack([each.rows for each in samples]).tocsr())


def by_weights(weights: Floats) -> Scorer:
    """A linear model: a history's scores are the sum of its concepts' rows of ``weights``."""

    def scores(history: sp.csr_matrix) -> Floats:
        return np.asarray(history @ weights, np.float32)

    return scores


class Popularity:
    """The most bought first."""

    name = "popularity"
    random = False
    settings: Sequence[Setting] = ({},)

    def fit(self, samples: Sequence[Sample], _setting: Setting, _seed: int) -> dict[str, Scorer]:
        """Buyers of each concept, for everybody alike."""
        buyers = np.sum([each.buyers for each in samples], axis=0, dtype=np.float32)
        return {self.name: lambda history: np.tile(buyers, (history.shape[0], 1))}


class Ease:
    """EASE of the samples' summed Gram matrices, which is all that the exchange needs to be the pooled model."""

    name = "EASE"
    random = False

    def __init__(self, ridges: Sequence[int]) -> None:
        self.settings: Sequence[Setting] = tuple({"lambda": ridge} for ridge in ridges)

    def fit(self, samples: Sequence[Sample], setting: Setting, _seed: int) -> dict[str, Scorer]:
        """One inverse."""
        gram = samples[0].gram if len(samples) == 1 else np.sum([each.gram for each in samples], axis=0)
        return {self.name: by_weights(ease(gram, setting["lambda"]))}


class Knn:
    """Item-kNN by the cosine of two concepts' buyers, shrunk: each concept of a history speaks for its k nearest.

    As in `implicit` a concept's neighbours are the k + 1 nearest rows, of which the concept itself is the first.
    """

    name = "item-kNN"
    random = False
    settings: Sequence[Setting] = tuple(
        {"neighbours": k, "shrinkage": shrinkage} for k in (20, 100, 500) for shrinkage in (0, 10, 100)
    )

    def fit(self, samples: Sequence[Sample], setting: Setting, _seed: int) -> dict[str, Scorer]:
        """Similarities, and of each row the nearest."""
        sample = merged(samples)
        return {self.name: by_weights(nearest(sample.gram, int(setting["neighbours"]), setting["shrinkage"]))}


def nearest(gram: NDArray[np.float64], neighbours: int, shrinkage: float) -> Floats:
    """Cosines G_ij / (|i| |j| + shrinkage), of each row the ``neighbours`` largest, 0 elsewhere and on the diagonal.

    >>> nearest(
    ...     np.array([[4.0, 2.0, 1.0], [2.0, 4.0, 0.0], [1.0, 0.0, 1.0]]), 1, 0.0
    ... )  # 2 / 4 beats 1 / 2 by place
    array([[0. , 0.5, 0. ],
           [0.5, 0. , 0. ],
           [0.5, 0. , 0. ]], dtype=float32)
    """
    norms = np.sqrt(np.diagonal(gram))
    cosines = gram / np.maximum(np.outer(norms, norms) + shrinkage, 1e-12)
    np.fill_diagonal(cosines, 0.0)
    last = max(0, len(gram) - neighbours)
    weak = np.argsort(-cosines, axis=1, kind="stable")[:, len(gram) - last :]
    np.put_along_axis(cosines, weak, 0.0, axis=1)
    return cosines.astype(np.float32)
