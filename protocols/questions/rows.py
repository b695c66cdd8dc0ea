"""A customer's taste row as integers: the schemes, all with cells in [0, 1] before scaling.

Rows become integers *before* anything is summed: ``q = trunc(2**ROW_BITS * x)``. A product of two
has ``FRACTION_BITS`` fractional bits, and a sum of products is exact and independent of order, so it
is bit-equal on every processor. Rows come in compressed form: customer ``u`` has the entries
``indptr[u] : indptr[u + 1]`` of ``indices`` (concepts) and ``counts`` (purchases, at least 1).

To add a scheme, write its values, its bounds and its words, and one line in :data:`SCHEMES`. What a
scheme says of a row must hold for each customer by itself: nothing may depend on other customers.

>>> row_values("binary", np.array([1, 7]), np.array([0, 2]))
array([4096, 4096])
>>> row_values("logarithmic", np.array([1, 3, 15, 99]), np.array([0, 4]))  # log2(1 + count) / 4
array([1024, 2048, 4096, 4096])
>>> row_values("unit", np.array([5, 5, 5, 5]), np.array([0, 4]))  # 1 / sqrt(4), not 1 / 4
array([2048, 2048, 2048, 2048])
>>> row_values("capped", np.array([5, 5]), np.array([0, 2]), 16)  # 1 / sqrt(the cap), not of the row
array([1024, 1024])
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput, UnboundedSensitivity
from protocols.limits import FRACTION_BITS, ROW_BITS

Ints = npt.NDArray[np.int64]

COUNT_CAP: Final = 15
"""From here on one more purchase changes nothing: log2(1 + 15) / 4 = 1."""

_ONE: Final = 1 << ROW_BITS
_LOGARITHMIC: Final = np.array(
    [math.floor(_ONE * math.log2(1 + count) / 4) for count in range(COUNT_CAP + 1)], dtype=np.int64
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowScheme:
    """How a customer's purchases become a row.

    Attributes:
        values: the integers q of every entry for ``(counts, indptr, items_cap)``.
        largest: the largest q that an entry can have for ``items_cap``.
        norm2: the largest sum of q**2 that a row can have for ``items_cap``; None: any.
        words: what a cell of the taste question then says, for an officer.
        needs_cap: whether the scheme makes no sense without an ``items_cap``.
    """

    values: Callable[[Ints, Ints, int], Ints]
    largest: Callable[[int], int]
    norm2: Callable[[int], int | None]
    words: str
    needs_cap: bool = False


def _floor_root(size: int) -> int:
    """floor(2**12 / sqrt(size)) in integers: a float square root could round up at a perfect square."""
    return math.isqrt((_ONE * _ONE) // max(size, 1))


def _unit(_counts: Ints, indptr: Ints, _items_cap: int) -> Ints:
    sizes = np.diff(indptr)
    values = np.array([_floor_root(int(size)) for size in sizes], dtype=np.int64)
    return np.repeat(values, sizes)


def _by_cap(items_cap: int) -> int | None:
    return items_cap << FRACTION_BITS if items_cap else None


SCHEMES: Final[Mapping[str, RowScheme]] = MappingProxyType(
    {
        "binary": RowScheme(
            values=lambda counts, _indptr, _items_cap: np.full(counts.shape, _ONE, dtype=np.int64),
            largest=lambda _items_cap: _ONE,
            norm2=_by_cap,
            words="how many customers bought both",
        ),
        "logarithmic": RowScheme(
            values=lambda counts, _indptr, _items_cap: _LOGARITHMIC[np.minimum(counts, COUNT_CAP)],
            largest=lambda _items_cap: _ONE,
            norm2=_by_cap,
            words="how strongly customers bought both, repeat purchases counting less and less",
        ),
        "unit": RowScheme(
            values=_unit,
            largest=lambda _items_cap: _ONE,
            norm2=lambda _items_cap: 1 << FRACTION_BITS,
            words="how many customers bought both, each customer's row divided by its length",
        ),
        "capped": RowScheme(
            values=lambda counts, _indptr, items_cap: np.full(
                counts.shape, _floor_root(items_cap), dtype=np.int64
            ),
            largest=_floor_root,
            norm2=lambda items_cap: items_cap * _floor_root(items_cap) ** 2,
            words="how many customers bought both, divided by the most concepts that count for a customer",
            needs_cap=True,
        ),
    }
)

ROW_SCHEMES: Final = tuple(SCHEMES)
"""Bought or not; how often, with diminishing weight; bought or not at L2 norm at most 1: divided by the
length of the customer's own row, or by that of the longest row that counts."""


def scheme_named(name: str) -> RowScheme:
    """The row scheme called ``name``.

    Raises:
        BadInput: an unknown scheme.
    """
    if name not in SCHEMES:
        raise BadInput(expected=f"a row scheme among {', '.join(SCHEMES)}", came=name[:40], do="correct it")
    return SCHEMES[name]


def row_values(scheme: str, counts: Ints, indptr: Ints, items_cap: int = 0) -> Ints:
    """The integers ``q`` of every entry, shape ``counts.shape``, each in [0, 2**ROW_BITS].

    Rows must have been cut to ``items_cap`` entries (:func:`cap_items`) before.

    Raises:
        BadInput: an unknown scheme.
    """
    return scheme_named(scheme).values(counts, indptr, items_cap)


def cell_bound(scheme: str, items_cap: int, customers: int) -> int:
    """The largest cell that ``customers`` rows add up to, a whole number rounded up.

    >>> cell_bound("binary", 600, 100_000), cell_bound("capped", 600, 100_000)
    (100000, 167)
    """
    return -(-customers * scheme_named(scheme).largest(items_cap) ** 2 >> FRACTION_BITS)


def norm2_of(scheme: str, items_cap: int) -> int:
    """The largest sum of q**2 that one customer's row has.

    >>> norm2_of("unit", 0) == 2**24, norm2_of("binary", 9) == 9 * 2**24
    (True, True)

    Raises:
        UnboundedSensitivity: single entries are bounded, their number is not.
    """
    norm2 = scheme_named(scheme).norm2(items_cap)
    if norm2 is None:
        raise UnboundedSensitivity(
            expected="rows of bounded length",
            came=f"{scheme!r} rows of any number of concepts",
            do="ask with row_scheme=unit, with an items_cap, or without noise",
        )
    return norm2


def cap_items(indptr: Ints, indices: Ints, counts: Ints, cap: int) -> tuple[Ints, Ints, Ints]:
    """Keep at most ``cap`` entries a customer: the most bought, ties to the lowest concept index.

    ``cap`` 0 keeps all. Entries of a customer come back in order of concept index.

    >>> cap_items(np.array([0, 3]), np.array([4, 7, 9]), np.array([1, 5, 1]), 2)
    (array([0, 2]), array([4, 7]), array([1, 5]))
    """
    if cap == 0:
        return indptr, indices, counts
    sizes = np.diff(indptr)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((indices, -counts, owner))
    rank = np.arange(len(order)) - np.repeat(indptr[:-1], sizes)
    kept = order[rank < cap]
    kept = kept[np.lexsort((indices[kept], owner[kept]))]
    capped = np.concatenate([[0], np.cumsum(np.minimum(sizes, cap))]).astype(np.int64)
    return capped, indices[kept], counts[kept]
