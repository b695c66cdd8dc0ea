"""What customers bought with what: G = sum over customers of q q^T, exactly.

Rows are integers, and integers are summed: see :mod:`participant.tallies.gram`. The sum is bit-equal on every
machine and independent of batch size and order.

>>> from protocols.limits import FRACTION_BITS
>>> rows = RowBatch(
...     customer_keys=np.array([3]),
...     indptr=np.array([0, 2]),
...     indices=np.array([0, 2]),
...     counts=np.array([1, 4]),
... )
>>> gram([rows], 3, "binary", 0)[0] >> FRACTION_BITS  # bought both: counts once, not 1 * 4 times
array([1, 0, 1])
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from participant.store.records_rows import RowBatch
from participant.tallies.gram import Gram
from protocols.errors import OutOfBounds
from protocols.questions.rows import cap_items, row_values, scheme_named

Ints = NDArray[np.int64]


def gram(batches: Iterable[RowBatch], n_concepts: int, row_scheme: str, items_cap: int) -> Ints:
    """Sum of q q^T over all rows, int64 of shape (n_concepts, n_concepts).

    Raises:
        OutOfBounds: see :func:`check_norm`.
    """
    total = Gram(n_concepts)
    for batch in batches:
        indptr, indices, counts = cap_items(batch.indptr, batch.indices, batch.counts, items_cap)
        values = row_values(row_scheme, counts, indptr, items_cap)
        check_norm(row_scheme, items_cap, values, indptr)
        total.add(indptr, indices, values)
    return total.matrix()


def squares(batches: Iterable[RowBatch], n_concepts: int, row_scheme: str, items_cap: int) -> Ints:
    """The diagonal of :func:`gram` alone, shape (n_concepts,), without a matrix."""
    total = np.zeros(n_concepts, np.int64)
    for batch in batches:
        indptr, indices, counts = cap_items(batch.indptr, batch.indices, batch.counts, items_cap)
        np.add.at(total, indices, row_values(row_scheme, counts, indptr, items_cap) ** 2)
    return total


def check_norm(row_scheme: str, items_cap: int, values: Ints, indptr: Ints) -> None:
    """Check in integers what the scheme promises: its largest entry, and its L2 norm where it has one.

    Raises:
        OutOfBounds: a customer's row breaks the promise; nothing is sent.

    >>> check_norm("unit", 0, np.array([4096, 1]), np.array([0, 2]))  # 1 and a 4096th: just above 1
    Traceback (most recent call last):
    ...
    protocols.errors.OutOfBounds: expected rows within their bound; came one above it; report this as a bug
    """
    scheme = scheme_named(row_scheme)
    norm2 = scheme.norm2(items_cap)
    largest = scheme.largest(items_cap)
    broken = bool(len(values)) and (int(values.min()) < 0 or int(values.max()) > largest)
    if norm2 is not None:
        squares = np.concatenate([[0], np.cumsum(values * values)])
        norms = squares[indptr[1:]] - squares[indptr[:-1]]
        broken = broken or bool((norms > norm2).any())
    if broken:
        raise OutOfBounds(expected="rows within their bound", came="one above it", do="report this as a bug")
