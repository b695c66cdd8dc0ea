"""Purchases by concept and band, each customer's part spread and bounded in integers.

A customer's n purchases of a concept count as min(n, purchases_cap), spread over the bands of a facet in
proportion: cell = f min(n, cap) n_band // n. Under "plain" f is one (2**24). Under "unit" f is the
largest integer with f^2 F sum min(n, cap)^2 <= 2**48, so that no customer's part is longer than 1, without
any rounding to argue about. What is unknown of a moment is in no cell, and so only shortens a part.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from participant.store.records_visits import VisitBatch
from protocols.limits import FRACTION_BITS
from protocols.questions import rhythm
from protocols.questions.moments import FACETS, UNKNOWN

Ints = NDArray[np.int64]

_ONE = 1 << FRACTION_BITS


def tally(batches: Iterable[VisitBatch], n_concepts: int, asked: rhythm.Parameters) -> Ints:
    """What ``asked`` counts of visits: memory is one batch and the cells themselves."""
    total = np.zeros(rhythm.length(asked, n_concepts), np.int64)
    starts = np.cumsum([0, *(len(FACETS[facet]) for facet in asked.facets)]) * n_concepts
    rows = [list(FACETS).index(facet) for facet in asked.facets]
    for batch in batches:
        pairs = _pairs(batch, n_concepts, asked)
        for row, start in zip(rows, starts[:-1], strict=True):
            known = pairs.kept & (batch.bands[row] != UNKNOWN)
            owner = pairs.of[known]
            width = len(FACETS[list(FACETS)[row]]) * n_concepts
            cells = batch.bands[row][known] * n_concepts + batch.concepts[known]
            found, counts = np.unique(owner * width + cells, return_counts=True)
            pair, cell = found // width, found % width
            np.add.at(total, start + cell, pairs.weights[pair] * counts // pairs.purchases[pair])
    return total


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pairs:
    """A batch's pairs of customer and concept.

    ``of``: the pair of each purchase; ``kept``: whether its concept counts for its customer. ``purchases`` and
    ``weights``: how many there are of a pair, and what all of them together count.
    """

    of: Ints
    kept: NDArray[np.bool_]
    purchases: Ints
    weights: Ints


def _pairs(batch: VisitBatch, n_concepts: int, asked: rhythm.Parameters) -> _Pairs:
    owners = np.repeat(np.arange(len(batch)), np.diff(batch.indptr))
    keys, of, purchases = np.unique(
        owners * n_concepts + batch.concepts, return_inverse=True, return_counts=True
    )
    customers = keys // n_concepts
    counted = np.minimum(purchases, asked.purchases_cap)
    within = np.ones(len(keys), np.bool_)
    if asked.items_cap:
        order = np.lexsort((keys, -purchases, customers))
        sizes = np.bincount(customers, minlength=len(batch))
        firsts = np.cumsum(sizes) - sizes
        within[order] = np.arange(len(order)) - firsts[customers[order]] < asked.items_cap
    if asked.scheme == "unit":
        squares = np.zeros(len(batch), np.int64)
        np.add.at(squares, customers[within], counted[within] ** 2)
        scale = np.array([unit(int(each), len(asked.facets)) for each in squares], np.int64)
        weights = counted * scale[customers]
    else:
        weights = counted * _ONE
    return _Pairs(of=of.reshape(-1), kept=within[of.reshape(-1)], purchases=purchases, weights=weights)


def unit(squares: int, facets: int) -> int:
    """The largest integer f with f^2 facets squares <= 2**48.

    >>> unit(4, 1) == 2**23, unit(4, 4) == 2**22  # half, and a quarter
    (True, True)
    """
    return math.isqrt((_ONE * _ONE) // max(squares * facets, 1))
