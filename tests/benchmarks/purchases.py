"""Purchases of several companies as sparse rows: what every arm of the comparison learns from and is judged by.

A company has three windows: *fit*, on which models are fitted to be tuned; *valid*, on which they are tuned;
*test*. Then they are fitted again on *full*, which is fit and valid together. Customers are those that the
company saw in its fit window; rows are binary. The readers of the data sets (`journey.py`, `tafeng.py`) use
nothing of the product.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from participant.models.holdout import HoldOut

Ints = NDArray[np.int64]
BATCH = 1_024
"""Customers whose dense rows are held at a time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """History and future of the same customers, sparse and binary, both (customers, n_concepts)."""

    history: sp.csr_matrix
    future: sp.csr_matrix
    buyers: Ints

    @classmethod
    def of(cls, history: sp.csr_matrix, future: sp.csr_matrix) -> "Split":
        """``buyers`` are those of the history."""
        return cls(history=history, future=future, buyers=np.asarray(history.sum(0)).ravel().astype(np.int64))

    def seekers(self) -> Ints:
        """Row numbers of the customers who bought anything new."""
        new = self.future - self.future.multiply(self.history)
        return np.flatnonzero(np.asarray(new.sum(1)).ravel() > 0)

    def dense(self, rows: Ints | None = None) -> HoldOut:
        """These rows (all of them without an argument) as the product has them."""
        at = np.arange(self.history.shape[0]) if rows is None else rows
        return HoldOut(
            history=self.history[at].toarray(), future=self.future[at].toarray() > 0, buyers=self.buyers
        )

    def batches(self) -> Iterator[tuple[Ints, sp.csr_matrix, HoldOut]]:
        """The customers who bought anything new, some at a time: which, their sparse history, everything dense."""
        seekers = self.seekers()
        for start in range(0, len(seekers), BATCH):
            rows = seekers[start : start + BATCH]
            yield rows, self.history[rows], self.dense(rows)


@dataclass(frozen=True, eq=False)
class Shop:
    """One company: rows of its customers in each window, and who they are in the data set."""

    name: str
    customers: tuple[str, ...]
    fit: sp.csr_matrix
    fresh: sp.csr_matrix
    later: sp.csr_matrix

    @cached_property
    def full(self) -> sp.csr_matrix:
        """Rows of the fit and validation windows together."""
        return binary(self.fit + self.fresh)

    @cached_property
    def valid(self) -> Split:
        """What models are tuned on."""
        return Split.of(self.fit, self.fresh)

    @cached_property
    def test(self) -> Split:
        """What they are judged on."""
        return Split.of(self.full, self.later)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """Receipt lines: names of company, customer and concept, and the window (0 fit, 1 valid, 2 test)."""

    company: NDArray[np.str_]
    customer: NDArray[np.str_]
    concept: NDArray[np.str_]
    window: Ints

    def shops(self) -> tuple[Shop, ...]:
        """The companies in order of name, over all concepts in order of name.

        >>> lines = Lines(
        ...     company=np.array(["b", "a", "a", "a"]),
        ...     customer=np.array(["1", "1", "1", "2"]),
        ...     concept=np.array(["milk", "milk", "tea", "tea"]),
        ...     window=np.array([0, 0, 1, 2]),
        ... )
        >>> a, b = lines.shops()
        >>> a.customers, a.fit.toarray(), a.full.toarray()  # 2 came first in the test window: no customer
        (('1',), array([[1., 0.]], dtype=float32), array([[1., 1.]], dtype=float32))
        """
        concepts, what = np.unique(self.concept, return_inverse=True)
        return tuple(self._shop(name, what, len(concepts)) for name in np.unique(self.company))

    def _shop(self, name: str, what: Ints, n_concepts: int) -> Shop:
        mine = self.company == name
        customers = np.unique(self.customer[mine & (self.window == 0)])
        mine &= np.isin(self.customer, customers)
        windows = []
        for window in range(3):
            inside = mine & (self.window == window)
            who = np.searchsorted(customers, self.customer[inside])
            cells = (np.ones(len(who), np.float32), (who, what[inside]))
            windows.append(binary(sp.csr_matrix(cells, shape=(len(customers), n_concepts))))
        return Shop(str(name), tuple(map(str, customers)), *windows)


def binary(rows: sp.csr_matrix) -> sp.csr_matrix:
    """1 where anything was bought."""
    found = sp.csr_matrix(rows)
    found.sum_duplicates()
    found.data[:] = 1.0
    return found
