"""How concepts go with the landmarks, in integers throughout: some columns of :func:`participant.tallies.taste.gram`.

A product of two entries of a unit row is at most ``2**24``; all sums are of int64, so that the sums depend on no
order, batch or processor. Rows stay sparse: memory is the sums, and one batch of customers by landmarks.

>>> batch = RowBatch(
...     customer_keys=np.array([3]),
...     indptr=np.array([0, 2]),
...     indices=np.array([0, 2]),
...     counts=np.array([1, 4]),
... )
>>> squares, cross = sums([batch], 3, np.array([2]), "unit")
>>> (
...     (squares / 2**24).round(3).tolist(),
...     (cross.ravel() / 2**24).round(3).tolist(),
... )  # two concepts: a half each
([0.5, 0.0, 0.5], [0.5, 0.0, 0.5])
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from participant.store.records_rows import RowBatch
from participant.tallies.taste import check_norm
from protocols.questions.rows import row_values

Ints = NDArray[np.int64]


def sums(batches: Iterable[RowBatch], n_concepts: int, places: Ints, row_scheme: str) -> tuple[Ints, Ints]:
    """Squares (n_concepts,) and C (n_concepts, r) of all rows, with ``FRACTION_BITS`` fractional bits.

    Raises:
        OutOfBounds: a row outside its bound.
    """
    squares = np.zeros(n_concepts, np.int64)
    cross = np.zeros((n_concepts, len(places)), np.int64)
    for batch in batches:
        values = row_values(row_scheme, batch.counts, batch.indptr)
        check_norm(row_scheme, 0, values, batch.indptr)
        rows = csr_array((values, batch.indices, batch.indptr), shape=(len(batch), n_concepts))
        np.add.at(squares, batch.indices, values * values)
        cross += rows.T @ rows[:, places].toarray()
    return squares, cross
