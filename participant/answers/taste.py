"""The ``taste`` answer: the upper triangle of G = sum over customers of q q^T, exactly.

Why float64 products are exact here: an entry of q is an integer of at most ``2**12``, so a product is
at most ``2**24`` and a sum over a batch of B customers at most ``B * 2**24``. All partial sums, in
whatever order a BLAS or a GPU takes them, fused or not, are integers below ``2**53`` as long as
``B < 2**29``; float64 holds each of them without rounding. Batches are then added in int64, where
``customers_cap * 2**24 < 2**63`` leaves room for 5e11 customers. The answer is therefore bit-equal on
every machine and independent of batch size and order.

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

from participant.answers.context import AnswerContext
from participant.store.records_rows import RowBatch
from protocols.errors import OutOfBounds
from protocols.questions import taste
from protocols.questions.rows import cap_items, row_values, scheme_named

Ints = NDArray[np.int64]


def fill(parameters: bytes, context: AnswerContext) -> Ints:
    """This company's answer, int64 of length M (M + 1) / 2 with ``FRACTION_BITS`` fractional bits.

    Streams over customers in batches: memory is one batch of dense rows and two M x M matrices.

    Raises:
        OutOfBounds: a row outside the norm bound of its scheme.
    """
    asked = taste.TASTE.open(parameters)
    rows = context.records.taste_rows(
        context.vocabulary,
        since=asked.since,
        until=asked.until,
        customers_until=asked.customers_until,
        customers_cap=asked.customers_cap,
    )
    whole = gram(rows, len(context.vocabulary), asked.row_scheme, asked.items_cap)
    return taste.pack_triangle(whole)


def gram(batches: Iterable[RowBatch], n_concepts: int, row_scheme: str, items_cap: int) -> Ints:
    """Sum of q q^T over all rows, int64 of shape (n_concepts, n_concepts).

    Raises:
        OutOfBounds: see :func:`check_norm`.
    """
    import torch  # a second of import that only a node which answers has to spend

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    total = torch.zeros((n_concepts, n_concepts), dtype=torch.int64, device=device)
    for batch in batches:
        indptr, indices, counts = cap_items(batch.indptr, batch.indices, batch.counts, items_cap)
        values = row_values(row_scheme, counts, indptr, items_cap)
        check_norm(row_scheme, items_cap, values, indptr)
        owners = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        dense = np.zeros((len(batch), n_concepts))
        dense[owners, indices] = values
        part = torch.from_numpy(dense).to(device)
        total += (part.T @ part).to(torch.int64)
    result: Ints = total.cpu().numpy()
    return result


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
