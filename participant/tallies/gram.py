"""Sums of outer products of sparse integer rows, exactly, in time that goes with what was bought.

A row with n of M concepts has n^2 products, and M^2 cells if one fills it up. What many customers buy
(the *head*) is multiplied as dense matrices, which is quickest where most cells are taken; everything else
(the *tail*) as sparse ones. With the head in H and the tail in T the sum has three parts: H'H dense, T'H sparse
by dense, T'T sparse. Which concepts are which is decided once, by the first rows: it changes the time alone.

Why floating point is exact here: an entry is an integer of at most ``2**12``, so a product is at most ``2**24`` and
a sum over a batch of B rows at most ``B * 2**24``. All partial sums, in whatever order a BLAS takes them, fused or
not, are integers below ``2**53`` as long as ``B < 2**29``; float64 holds each of them without rounding. Where all
entries are alike (binary rows) they are counted as ones, and float32 holds the counts as long as ``B < 2**24``. Batches
are added in int64, where ``customers_cap * 2**24 < 2**63`` leaves room for 5e11 customers. So the sum is bit-equal on
every machine, whatever the batches, their order, and what is head or tail.

>>> total = Gram(3)
>>> total.add(np.array([0, 2, 3]), np.array([0, 2, 0]), np.array([2, 5, 7]))  # (2, 0, 5) and (7, 0, 0)
>>> total.matrix()
array([[53,  0, 10],
       [ 0,  0,  0],
       [10,  0, 25]])
"""

from typing import Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Ints = NDArray[np.int64]

HEAD_SHARE: Final = 1 / 48
"""A concept that at least this share of the customers buys is dense: measured, and flat around here."""

SINGLE: Final = 1 << 24
"""float32 holds every integer up to here."""


class Gram:
    """A running sum of q q^T over rows q of ``n_concepts`` integers."""

    def __init__(self, n_concepts: int) -> None:
        self._place = np.zeros(n_concepts, np.int64)
        self._in_head = np.zeros(n_concepts, np.bool_)
        self._n_head = 0
        self._started = False

    def add(self, indptr: Ints, indices: Ints, values: Ints) -> None:
        """Add rows in compressed form: row u has ``values[indptr[u]:indptr[u + 1]]`` at ``indices``, each once."""
        if len(indices) == 0:
            return
        if not self._started:
            self._start(indices, len(indptr) - 1)
        customers, n_head = len(indptr) - 1, self._n_head
        unit, exact = _exact(values, customers)
        dense, place = self._in_head[indices], self._place[indices]
        head = np.zeros((customers, n_head), exact.dtype)
        head[np.repeat(np.arange(customers), np.diff(indptr))[dense], place[dense]] = exact[dense]
        before = np.concatenate([[0], np.cumsum(~dense)])
        tail = sp.csr_array(
            (exact[~dense], place[~dense], before[indptr]), shape=(customers, len(self._place) - n_head)
        )
        _add(self._sum[:n_head, :n_head], head.T @ head, unit)
        _add(self._sum[n_head:, :n_head], tail.T @ head, unit)
        rest = (tail.T @ tail).tocoo()
        self._sum[n_head:, n_head:][rest.row, rest.col] += rest.data.astype(np.int64) * unit

    def _start(self, indices: Ints, customers: int) -> None:
        buyers = np.bincount(indices, minlength=len(self._place))
        self._in_head = buyers >= HEAD_SHARE * customers
        self._n_head = int(self._in_head.sum())
        self._place[self._in_head] = np.arange(self._n_head)
        self._place[~self._in_head] = np.arange(len(self._place) - self._n_head)
        self._sum = np.zeros((len(self._place), len(self._place)), np.int64)
        self._started = True

    def matrix(self) -> Ints:
        """The sum so far, int64 of shape (n_concepts, n_concepts)."""
        if not self._started:
            return np.zeros((len(self._place), len(self._place)), np.int64)
        self._sum[: self._n_head, self._n_head :] = self._sum[self._n_head :, : self._n_head].T
        order = np.where(self._in_head, self._place, self._place + self._n_head)
        return np.take(np.take(self._sum, order, axis=0), order, axis=1)


def _exact(values: Ints, customers: int) -> tuple[int, NDArray[np.floating]]:
    """A unit and the values in it, in the shortest floating point that holds every sum of products.

    >>> _exact(np.array([4096, 4096]), 3)
    (16777216, array([1., 1.], dtype=float32))
    >>> _exact(np.array([4096, 1]), 3)  # 3 * 2**24 is more than float32 counts to
    (1, array([4.096e+03, 1.000e+00]))
    """
    low, high = int(values.min()), int(values.max())
    unit = high if low == high and high > 0 else 1
    fits = (high // unit) ** 2 * customers < SINGLE
    return unit * unit, (values // unit).astype(np.float32 if fits else np.float64)


def _add(total: Ints, part: NDArray[np.floating], unit: int) -> None:
    whole = part.astype(np.int64)
    if unit != 1:
        whole *= unit
    total += whole
