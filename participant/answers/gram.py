"""Sums of outer products of sparse integer rows, exactly, in time that goes with what was bought.

A row with n of M concepts has n^2 products, and M^2 cells if one fills it up. What many customers buy
(the *head*) is multiplied as dense matrices, which is quickest where most cells are taken; everything else
(the *tail*) as sparse ones. With the head in H and the tail in T the sum has three parts: H'H dense, T'H sparse
by dense, T'T sparse. Which concepts are which is decided once, by the first rows: it changes the time alone.

Why float64 is exact here: an entry is an integer of at most ``2**12``, so a product is at most ``2**24`` and a
sum over a batch of B rows at most ``B * 2**24``. All partial sums, in whatever order a BLAS takes them, fused
or not, are integers below ``2**53`` as long as ``B < 2**29``; float64 holds each of them without rounding.
Batches are added in int64, where ``customers_cap * 2**24 < 2**63`` leaves room for 5e11 customers. So the sum is
bit-equal on every machine, whatever the batches, their order, and what is head or tail.

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
Floats = NDArray[np.float64]

HEAD_SHARE: Final = 1 / 24
"""A concept that at least this share of the customers buys is dense: measured, and flat from 1/10 to 1/40."""


class Gram:
    """A running sum of q q^T over rows q of ``n_concepts`` integers."""

    def __init__(self, n_concepts: int) -> None:
        self._place = np.zeros(n_concepts, np.int64)
        self._in_head = np.zeros(n_concepts, np.bool_)
        self._started = False

    def add(self, indptr: Ints, indices: Ints, values: Ints) -> None:
        """Add rows in compressed form: row u has ``values[indptr[u]:indptr[u + 1]]`` at ``indices``, each once."""
        if len(indices) == 0:
            return
        if not self._started:
            self._start(indices, len(indptr) - 1)
        owners = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        dense = self._in_head[indices]
        place, exact = self._place[indices], values.astype(np.float64)
        head = np.zeros((len(indptr) - 1, len(self._hh)))
        head[owners[dense], place[dense]] = exact[dense]
        before = np.concatenate([[0], np.cumsum(~dense)])
        tail = sp.csr_array(
            (exact[~dense], place[~dense], before[indptr]), shape=(len(indptr) - 1, len(self._tt))
        )
        self._hh += (head.T @ head).astype(np.int64)
        self._th += (tail.T @ head).astype(np.int64)
        rest = (tail.T @ tail).tocoo()
        self._tt[rest.row, rest.col] += rest.data.astype(np.int64)

    def _start(self, indices: Ints, customers: int) -> None:
        buyers = np.bincount(indices, minlength=len(self._place))
        self._in_head = buyers >= HEAD_SHARE * customers
        n_head = int(self._in_head.sum())
        n_tail = len(self._place) - n_head
        self._place[self._in_head] = np.arange(n_head)
        self._place[~self._in_head] = np.arange(n_tail)
        self._hh = np.zeros((n_head, n_head), np.int64)
        self._th = np.zeros((n_tail, n_head), np.int64)
        self._tt = np.zeros((n_tail, n_tail), np.int64)
        self._started = True

    def matrix(self) -> Ints:
        """The sum so far, int64 of shape (n_concepts, n_concepts)."""
        n = len(self._place)
        if not self._started:
            return np.zeros((n, n), np.int64)
        heads, tails = np.flatnonzero(self._in_head), np.flatnonzero(~self._in_head)
        whole = np.empty((n, n), np.int64)
        whole[np.ix_(heads, heads)] = self._hh
        whole[np.ix_(tails, heads)] = self._th
        whole[np.ix_(heads, tails)] = self._th.T
        whole[np.ix_(tails, tails)] = self._tt
        return whole
