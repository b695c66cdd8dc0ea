"""A customer's taste row as integers: three schemes, all with cells in [0, 1] before scaling.

Rows become integers *before* anything is summed: ``q = trunc(2**ROW_BITS * x)``. A product of two
has ``FRACTION_BITS`` fractional bits, and a sum of products is exact and independent of order, so it
is bit-equal on every processor. Rows come in compressed form: customer ``u`` has the entries
``indptr[u] : indptr[u + 1]`` of ``indices`` (concepts) and ``counts`` (purchases, at least 1).

>>> row_values("binary", np.array([1, 7]), np.array([0, 2]))
array([4096, 4096])
>>> row_values("logarithmic", np.array([1, 3, 15, 99]), np.array([0, 4]))  # log2(1 + count) / 4
array([1024, 2048, 4096, 4096])
>>> row_values("unit", np.array([5, 5, 5, 5]), np.array([0, 4]))  # 1 / sqrt(4), not 1 / 4
array([2048, 2048, 2048, 2048])
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput, UnboundedSensitivity
from protocols.limits import FRACTION_BITS, ROW_BITS

Ints = npt.NDArray[np.int64]

ROW_SCHEMES: Final = ("binary", "logarithmic", "unit")
"""Bought or not; how often, with diminishing weight; bought or not at L2 norm at most 1."""

COUNT_CAP: Final = 15
"""From here on one more purchase changes nothing: log2(1 + 15) / 4 = 1."""

_ONE: Final = 1 << ROW_BITS
_LOGARITHMIC: Final = np.array(
    [math.floor(_ONE * math.log2(1 + count) / 4) for count in range(COUNT_CAP + 1)], dtype=np.int64
)


def row_values(scheme: str, counts: Ints, indptr: Ints) -> Ints:
    """The integers ``q`` of every entry, shape ``counts.shape``, each in [0, 2**ROW_BITS].

    Under "unit" every customer has ``sum q**2 <= 2**FRACTION_BITS``: an L2 norm of at most one.

    Raises:
        BadInput: an unknown scheme.
    """
    if scheme == "binary":
        return np.full(counts.shape, _ONE, dtype=np.int64)
    if scheme == "logarithmic":
        return _LOGARITHMIC[np.minimum(counts, COUNT_CAP)]
    if scheme == "unit":
        sizes = np.diff(indptr)
        # floor(sqrt(2**24 / k)) in integers: the float square root could round up at a perfect square
        values = np.array([math.isqrt((_ONE * _ONE) // max(int(size), 1)) for size in sizes], dtype=np.int64)
        return np.repeat(values, sizes)
    raise BadInput(expected=f"a row scheme among {', '.join(ROW_SCHEMES)}", came=scheme, do="correct it")


def norm2_of(scheme: str, items_cap: int) -> int:
    """The largest sum of q**2 that one customer's row has under ``scheme``, of at most ``items_cap`` entries.

    Raises:
        UnboundedSensitivity: a scheme that bounds single entries only, without a cap on their number.
    """
    if scheme == "unit":
        return 1 << FRACTION_BITS
    if items_cap == 0:
        raise UnboundedSensitivity(
            expected="rows of bounded length",
            came=f"{scheme!r} rows of any number of concepts",
            do="ask with row_scheme=unit, or with an items_cap",
        )
    return items_cap << FRACTION_BITS


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
