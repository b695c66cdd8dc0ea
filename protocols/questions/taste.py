"""`taste`: which concepts the same customers buy; the sum is the Gram matrix of everybody's rows.

A company answers with the upper triangle (diagonal included, row by row) of G = sum over its
customers of q q^T, q the integer row of `protocols.questions.rows`. Under the "binary" scheme the
cells are exact counts of customers. The sum of the answers is the Gram matrix of the pooled
customers, and the EASE model read from it equals the one trained on pooled data.

Sensitivity: one customer changes G by q q^T, whose L2 norm is ||x||^2: at most 1 under "unit" and
"capped", at most ``items_cap`` under the others, and unbounded without a cap. A pair is one cell of the
triangle and two of G, so cells off the diagonal get noise sigma and those on it sqrt(2) sigma: the
triangle is then as private as G, with less noise than sigma everywhere would need.

>>> asked = parse({"until": "2017-08-14T04:00:00Z"})
>>> asked.row_scheme, asked.customers_until == asked.until, length(asked, 2221), bound(asked)
('binary', True, 2467531, 100000)
>>> pack_triangle(np.array([[1.0, 2.0], [2.0, 3.0]]))
array([1., 2., 3.])
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

import numpy as np
import numpy.typing as npt

from protocols.errors import BadRelease
from protocols.limits import FRACTION_BITS
from protocols.messages import Block
from protocols.questions.ease import ease
from protocols.questions.parameters import (
    INSTANT_MAX,
    Given,
    choice,
    instant,
    refuse_unknown,
    require,
    say_instant,
    whole,
)
from protocols.questions.question import Question
from protocols.questions.rows import ROW_SCHEMES, SCHEMES, cell_bound, norm2_of
from protocols.questions.shrinkage import shrink

CUSTOMERS_CAP: Final = 100_000
"""Customers of one company, unless the admin says otherwise: the bound of every cell."""

CAP_MAX: Final = 2**32
"""No company has more customers than this; larger caps are typing errors."""

S = TypeVar("S", np.float64, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What exactly is counted. Times are unix seconds in UTC.

    Attributes:
        row_scheme: one of `protocols.questions.rows`.
        items_cap: concepts that count for one customer, the most bought first; 0 for all.
        since, until: a purchase counts if ``since <= time < until``.
        customers_until: a customer counts if first seen at this company before.
        customers_cap: the most customers one company may answer for; bounds every cell.
    """

    TAG: ClassVar[str] = "question-taste"
    row_scheme: str
    items_cap: int
    since: int
    until: int
    customers_until: int
    customers_cap: int

    def __post_init__(self) -> None:
        require(self.row_scheme in ROW_SCHEMES, f"one of {', '.join(ROW_SCHEMES)}", self.row_scheme[:40])
        capped = self.items_cap > 0 or not SCHEMES[self.row_scheme].needs_cap
        require(capped, f"an items_cap with row_scheme {self.row_scheme}", self.items_cap)
        require(0 <= self.since < self.until <= INSTANT_MAX, "since before until", self.until)
        require(
            0 < self.customers_until <= INSTANT_MAX, "customers_until as an instant", self.customers_until
        )
        require(0 <= self.items_cap <= CAP_MAX, f"an items_cap of 0 to {CAP_MAX}", self.items_cap)
        require(0 < self.customers_cap <= CAP_MAX, f"a customers_cap of 1 to {CAP_MAX}", self.customers_cap)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taste:
    """The reading: the pooled Gram matrix, symmetric, shape (n_concepts, n_concepts)."""

    gram: npt.NDArray[np.float64]

    @property
    def buyers(self) -> npt.NDArray[np.float64]:
        """The diagonal, shape (n_concepts,): customers per concept under the binary scheme."""
        return np.diagonal(self.gram).copy()

    def ease(self, lam: float) -> npt.NDArray[np.float32]:
        """The EASE weights at ridge ``lam``, see `protocols.questions.ease`."""
        return ease(self.gram, lam)

    def noise_aware(self, sigma: float) -> "Taste":
        """The same reading, every cell shrunk by what is known of the noise: `protocols.questions.shrinkage`."""
        return Taste(gram=shrink(self.gram, sigma))


def parse(values: Mapping[str, Given]) -> Parameters:
    """Parameters from what an admin typed; only ``until`` is required.

    Raises:
        BadInput: an unknown, missing or wrong parameter.
    """
    refuse_unknown(values, Parameters.__slots__)
    until = instant(values, "until")
    return Parameters(
        row_scheme=choice(values, "row_scheme", ROW_SCHEMES, default="binary"),
        items_cap=whole(values, "items_cap", low=0, high=CAP_MAX, default=0),
        since=instant(values, "since", default=0),
        until=until,
        customers_until=instant(values, "customers_until", default=until),
        customers_cap=whole(values, "customers_cap", low=1, high=CAP_MAX, default=CUSTOMERS_CAP),
    )


def length(_parameters: Parameters, n_concepts: int) -> int:
    """Cells of the upper triangle with its diagonal.

    >>> length(parse({"until": 1}), 3)  # 3 pairs and 3 diagonal cells
    6
    """
    return n_concepts * (n_concepts + 1) // 2


def bound(parameters: Parameters) -> int:
    """C_inf: every customer adds at most the square of the largest entry of a row to a cell."""
    return cell_bound(parameters.row_scheme, parameters.items_cap, parameters.customers_cap)


def sensitivity2(parameters: Parameters, _n_concepts: int) -> int:
    """||x||^4 / 2: sum_{i<j} (x_i x_j)^2 + sum_i x_i^4 / 2, the loud diagonal counted half.

    >>> sensitivity2(parse({"until": 1, "row_scheme": "unit"}), 9) == 2**48 // 2  # not 2**48
    True

    Raises:
        UnboundedSensitivity: the row scheme does not bound the norm.
    """
    return (norm2_of(parameters.row_scheme, parameters.items_cap) ** 2 + 1) // 2


def diagonal(n_concepts: int) -> npt.NDArray[np.int64]:
    """The cells of the diagonal in a triangle.

    >>> diagonal(3)
    array([0, 3, 5])
    """
    rows = np.arange(n_concepts, dtype=np.int64)
    return rows * n_concepts - rows * (rows - 1) // 2


def sum_sigma(block: Block, members: int) -> float:
    """Noise of a sum of ``members`` answers off the diagonal, in units of the answer; 0 for none.

    Everybody adds its own in full, so that variances add up.
    """
    return math.sqrt(members) * block.noise_sigma / 2**FRACTION_BITS


def describe(parameters: Parameters) -> str:
    """One sentence for the data-protection officer."""
    weights = SCHEMES[parameters.row_scheme].words
    since = f"from {say_instant(parameters.since)} " if parameters.since else ""
    cap = f", at most {parameters.items_cap} concepts a customer" if parameters.items_cap else ""
    return (
        f"For every pair of concepts: {weights}, over purchases {since}until {say_instant(parameters.until)}, "
        f"for up to {parameters.customers_cap} customers first seen before "
        f"{say_instant(parameters.customers_until)}{cap}."
    )


def pack_triangle(square: npt.NDArray[S]) -> npt.NDArray[S]:
    """The upper triangle of a symmetric matrix, diagonal included, row by row."""
    return square[_upper(len(square))]


def unpack_triangle(triangle: npt.NDArray[S]) -> npt.NDArray[S]:
    """The symmetric matrix of an upper triangle, shape (n_concepts, n_concepts).

    Raises:
        BadRelease: a length that no triangle has.

    >>> unpack_triangle(np.array([1.0, 2.0, 3.0]))
    array([[1., 2.],
           [2., 3.]])
    """
    concepts = (math.isqrt(8 * len(triangle) + 1) - 1) // 2
    if concepts * (concepts + 1) // 2 != len(triangle):
        raise BadRelease(
            expected="n (n + 1) / 2 cells", came=str(len(triangle)), do="check the question's vocabulary"
        )
    upper = _upper(concepts)
    square = np.empty((concepts, concepts), dtype=triangle.dtype)
    square[upper] = triangle
    square.T[upper] = triangle
    return square


def pair_of(cell: int, n: int) -> tuple[int, int]:
    """Row and column of a cell of the upper triangle of n rows, row by row.

    >>> [pair_of(cell, 3) for cell in range(6)]
    [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    """
    after = n * (n + 1) // 2 - 1 - cell
    below = (math.isqrt(8 * after + 1) - 1) // 2
    return n - 1 - below, n - 1 - after + below * (below + 1) // 2


def _cell(_parameters: Parameters, cell: int, concepts: Sequence[str]) -> str:
    one, other = pair_of(cell, len(concepts))
    return f"{concepts[one]} with {concepts[other]}"


def _interpret(total: npt.NDArray[np.float64], _parameters: Parameters, _n_concepts: int) -> Taste:
    return Taste(gram=unpack_triangle(total))


def _upper(concepts: int) -> npt.NDArray[np.bool_]:
    return ~np.tri(concepts, k=-1, dtype=np.bool_)


TASTE: Final = Question(
    name="taste",
    parameters=Parameters,
    parse=parse,
    length=length,
    bound=bound,
    window=lambda asked: (asked.since, asked.until),
    describe=describe,
    interpret=_interpret,
    sensitivity2=sensitivity2,
    loud=diagonal,
    cell=_cell,
    counts=True,
)
