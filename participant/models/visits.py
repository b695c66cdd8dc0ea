"""Held-out visits: when a customer came and what of it was new to them. They never leave the node.

A visit is judged by itself: what the customer had bought until the minute before is no candidate, what it
bought for the first time then is the target.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.sway import factor_bands
from participant.store.records import Records
from protocols.vocabulary import Vocabulary

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
CHUNK: Final = 512
"""Visits ranked at a time: dense masks of 2,221 concepts are a megabyte each."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldVisits:
    """Purchases of a window, ordered by customer and time, cut into visits.

    Visit v is of the customer in row ``customer[v]`` of the hold-out, has the purchases
    ``indptr[v] : indptr[v + 1]`` of ``concepts`` and the ``bands`` [:, v] of FACTORS.
    """

    customer: Ints
    indptr: Ints
    concepts: Ints
    bands: Ints

    def __len__(self) -> int:
        return len(self.customer)

    def chunks(self, history: Mask) -> Iterator[tuple[Ints, Mask, Mask]]:
        """Yield visits (their numbers), what their customers had before each, and what was bought in each.

        Args:
            history: what each customer had before the window, (customers, n_concepts).
        """
        had, current = np.zeros(history.shape[1], np.bool_), -1
        for start in range(0, len(self), CHUNK):
            numbers = np.arange(start, min(start + CHUNK, len(self)))
            before = np.zeros((len(numbers), history.shape[1]), np.bool_)
            bought = np.zeros_like(before)
            for row, visit in enumerate(numbers):
                if self.customer[visit] != current:
                    current = int(self.customer[visit])
                    had = history[current].copy()
                before[row] = had
                inside = self.concepts[self.indptr[visit] : self.indptr[visit + 1]]
                bought[row, inside] = True
                had[inside] = True
            yield numbers, before, bought


def held_visits(
    records: Records,
    vocabulary: Vocabulary,
    *,
    since: int,
    until: int,
    customers_until: int,
    customers_cap: int,
) -> HeldVisits:
    """Read the visits with ``since <= t < until``, of the customers of a hold-out with the same caps."""
    customer: list[Ints] = []
    sizes: list[Ints] = []
    concepts: list[Ints] = []
    bands: list[Ints] = []
    before = 0
    for batch in records.visits(
        vocabulary, since=since, until=until, customers_until=customers_until, customers_cap=customers_cap
    ):
        owners = np.repeat(np.arange(len(batch)), np.diff(batch.indptr))
        if len(owners):
            new = np.ones(len(owners), np.bool_)
            new[1:] = (np.diff(owners) != 0) | (np.diff(batch.seconds) != 0)
            starts = np.flatnonzero(new)
            customer.append(owners[starts] + before)
            sizes.append(np.diff(np.append(starts, len(owners))))
            concepts.append(batch.concepts)
            bands.append(factor_bands(batch.bands[:, starts]))
        before += len(batch)
    none = np.zeros(0, np.int64)
    return HeldVisits(
        customer=np.concatenate([none, *customer]),
        indptr=np.concatenate([[0], np.cumsum(np.concatenate([none, *sizes]))]).astype(np.int64),
        concepts=np.concatenate([none, *concepts]),
        bands=np.concatenate(bands, axis=1) if bands else factor_bands(np.zeros((5, 0), np.int64)),
    )
