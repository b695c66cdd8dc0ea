"""This company's own statistics of what was bought with what. They never leave; its own model is read from them.

Rows are binary, and every customer counts. Up to ``square_max`` concepts all pairs are summed, as the `taste` answer
does; beyond, the columns of what most customers here bought, as the `landmarks` answer does.

>>> sold = RowBatch(
...     customer_keys=np.array([3]),
...     indptr=np.array([0, 2]),
...     indices=np.array([0, 2]),
...     counts=np.array([1, 4]),
... )
>>> gram(lambda: [sold], 3, square_max=3).columns(np.array([2])).ravel().tolist()
[1.0, 0.0, 1.0]
>>> few = gram(lambda: [sold], 3, square_max=2)  # nobody bought concept 1: no landmark
>>> few.places.tolist(), few.diagonal.tolist()
([0, 2], [1.0, 0.0, 1.0])
"""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.gram import GramColumns, GramMatrix, WholeGram
from participant.store.records_rows import RowBatch
from participant.tallies import landmarks, taste
from protocols.limits import FRACTION_BITS

LANDMARKS: Final = 512
"""Beyond: their lists equal those of the square (`tests/benchmarks/results/landmarks.md`)."""
SCHEME: Final = "binary"


def gram(rows: Callable[[], Iterable[RowBatch]], n_concepts: int, *, square_max: int) -> GramMatrix:
    """Own binary rows: whole up to ``square_max`` concepts, beyond by what most customers here bought.

    ``rows`` gives the same rows each time: beyond, they are read twice.
    """
    if n_concepts <= square_max:
        return WholeGram(matrix=_floats(taste.gram(rows(), n_concepts, SCHEME, 0)))
    buyers = taste.squares(rows(), n_concepts, SCHEME, 0)
    most = np.argsort(-buyers, kind="stable")[:LANDMARKS]
    places = np.sort(most[buyers[most] > 0])
    squares, cross = landmarks.sums(rows(), n_concepts, places, SCHEME)
    return GramColumns(cross=_floats(cross), diagonal=_floats(squares), places=places)


def _floats(fixed: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.ldexp(fixed.astype(np.float64), -FRACTION_BITS)
