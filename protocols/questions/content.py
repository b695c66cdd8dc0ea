"""`content`: what the buyers of an item with such a description buy as well, and how many such buyers there are.

An item outside the shared vocabulary has a name, a brand and a category. With x_i the row of that text (unit
length, ``encoder``) and z_u a customer's taste row over the shared concepts (unit length), a company answers
with two matrices, sums over its customers u of means over the n_u items that u bought:

    A = sum_u 1/n_u sum_{i in u} x_i x_i^T             (upper triangle, row by row)
    C = sum_u (1/n_u sum_{i in u} x_i) (z_u, 1)^T      (dimensions x (n_concepts + 1), row by row)

Read together they are the normal equations of two ridge regressions, as if made on pooled data. A and C are
those over all pairs of a customer and an item it bought: B = (A + lambda I)^-1 C maps a text to the expected
taste row of its buyers. The last column of C, with the texts of any catalogue, maps a text to its share of all
baskets. Items without a shared concept count as well: that is how what one company sells under its own
name helps to place what another lists.

Sensitivity: a customer adds a mean of matrices x x^T to A, of Frobenius norm at most 1, of which the triangle
has at most that, and to C an outer product of rows of length at most 1 and sqrt(2). A is divided to
``FRACTION_BITS`` once, rounding down, which can move each cell by one unit more.

>>> asked = parse({"until": 5, "dimensions": 2})
>>> length(asked, 3), bound(asked)
(11, 100000)
>>> reading = CONTENT.read(np.array([3.0, 0.0, 1.0, 3.0, 0.0, 0.0, 6.0, 0.0, 1.0, 1.0, 2.0]), asked, 3)
>>> reading.buyers(np.array([[1.0, 0.0]]), 1.0)  # 3 / (3 + 1), not 3 / 3
array([[0.75, 0.  , 0.  ]])
>>> reading.shares(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0], [1.0, 0.0]]), 1.0)  # two such items share 6
array([2.])
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

from protocols.errors import BadInput
from protocols.limits import FRACTION_BITS
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
from protocols.questions.taste import CUSTOMERS_CAP, pair_of, unpack_triangle

ENCODERS: Final[Mapping[str, int]] = {"ngrams": 1_024, "sentences": 384}
"""How a text becomes a row, with the usual number of dimensions: `protocols.ngrams`, which every node has, or
the sentence model all-MiniLM-L6-v2, which a node has with the extra ``content``."""

DIMENSIONS_MAX: Final = 1_024
"""More would say nothing new of a few words, and cost as many columns."""

CUSTOMERS_MAX: Final = 2**26
"""Sums of A have 36 fractional bits before they are divided: so many customers fit into 63."""

Rows = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Which purchases count and how a text is read. Times are unix seconds in UTC.

    Attributes:
        encoder: one of :data:`ENCODERS`.
        dimensions: of the row of a text.
        since, until: a purchase counts if ``since <= time < until``.
        customers_until: a customer counts if first seen at this company before.
        customers_cap: the most customers one company may answer for; bounds every cell.
    """

    TAG: ClassVar[str] = "question-content"
    encoder: str
    dimensions: int
    since: int
    until: int
    customers_until: int
    customers_cap: int

    def __post_init__(self) -> None:
        require(self.encoder in ENCODERS, f"one of {', '.join(ENCODERS)}", self.encoder[:40])
        require(0 < self.dimensions <= DIMENSIONS_MAX, f"1 to {DIMENSIONS_MAX} dimensions", self.dimensions)
        require(
            self.encoder != "sentences" or self.dimensions == ENCODERS["sentences"],
            f"{ENCODERS['sentences']} dimensions of sentences",
            self.dimensions,
        )
        require(0 <= self.since < self.until <= INSTANT_MAX, "since before until", self.until)
        require(
            0 < self.customers_until <= INSTANT_MAX, "customers_until as an instant", self.customers_until
        )
        require(
            0 < self.customers_cap <= CUSTOMERS_MAX,
            f"a customers_cap of 1 to {CUSTOMERS_MAX}",
            self.customers_cap,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Content:
    """The sums: ``texts`` is A; ``tastes`` and ``baskets``, its last column, are C.

    Shapes: (dimensions, dimensions), (dimensions, n_concepts) and (dimensions,).
    """

    texts: Rows
    tastes: Rows
    baskets: Rows

    def buyers(self, rows: Rows, ridge: float) -> Rows:
        """The expected taste row of who buys an item with each of these texts.

        Args:
            rows: texts as the encoder of the question gives them, in units of length, (n, dimensions).
            ridge: what is added to the diagonal of A, in customers.

        Returns:
            Shape (n, n_concepts).

        Raises:
            BadInput: a ridge at which A cannot be inverted (noise can make A indefinite).
        """
        expected: Rows = _solve(self.texts, ridge, rows.T).T @ self.tastes
        return expected

    def shares(self, rows: Rows, catalogue: Rows, ridge: float) -> Rows:
        """How many customers' baskets go to an item with each of these texts, shape (n,): a popularity.

        Args:
            rows: as in :meth:`buyers`.
            catalogue: texts of any items that are like those of all companies, (m, dimensions).
            ridge: what is added to the diagonal of the catalogue's Gram matrix, in items.

        Raises:
            BadInput: see :meth:`buyers`.
        """
        found: Rows = rows @ _solve(catalogue.T @ catalogue, ridge, self.baskets)
        return found


def parse(values: Mapping[str, Given]) -> Parameters:
    """Parameters from what an admin typed; only ``until`` is required.

    Raises:
        BadInput: an unknown, missing or wrong parameter.
    """
    refuse_unknown(values, Parameters.__slots__)
    until = instant(values, "until")
    encoder = choice(values, "encoder", tuple(ENCODERS), default="ngrams")
    return Parameters(
        encoder=encoder,
        dimensions=whole(values, "dimensions", low=1, high=DIMENSIONS_MAX, default=ENCODERS[encoder]),
        since=instant(values, "since", default=0),
        until=until,
        customers_until=instant(values, "customers_until", default=until),
        customers_cap=whole(values, "customers_cap", low=1, high=CUSTOMERS_MAX, default=CUSTOMERS_CAP),
    )


def triangle(parameters: Parameters) -> int:
    """Cells of A: the upper triangle with its diagonal."""
    return parameters.dimensions * (parameters.dimensions + 1) // 2


def length(parameters: Parameters, n_concepts: int) -> int:
    """The triangle of A, then C row by row."""
    return triangle(parameters) + parameters.dimensions * (n_concepts + 1)


def bound(parameters: Parameters) -> int:
    """C_inf: a customer adds at most 1 to a cell, of either sign."""
    return parameters.customers_cap


def sensitivity2(parameters: Parameters, _n_concepts: int) -> int:
    """1 for the triangle of A and its rounding, 2 for C.

    >>> one = sensitivity2(parse({"until": 1, "dimensions": 1}), 9)
    >>> one == (2**24 + 1) ** 2 + 2 * 2**48  # both matrices, not one of them
    True
    """
    rounding = math.isqrt(triangle(parameters) - 1) + 1
    return ((1 << FRACTION_BITS) + rounding) ** 2 + (2 << 2 * FRACTION_BITS)


def describe(parameters: Parameters) -> str:
    """One sentence for the data-protection officer."""
    words = {
        "ngrams": f"hashed words in {parameters.dimensions} cells",
        "sentences": f"{parameters.dimensions} numbers of a sentence model",
    }[parameters.encoder]
    since = f"from {say_instant(parameters.since)} " if parameters.since else ""
    return (
        f"How the words in names, brands and categories of what customers bought go together, and which concepts "
        f"those customers bought as well ({words}), over purchases {since}until {say_instant(parameters.until)}, for up "
        f"to {parameters.customers_cap} customers first seen before {say_instant(parameters.customers_until)}, each of "
        f"whom counts once. Words of items that are in no shared list count too; names themselves do not leave."
    )


def _cell(parameters: Parameters, cell: int, concepts: Sequence[str]) -> str:
    """What a cell is about; a text is a row of numbers, each of which stands for many words.

    >>> asked = parse({"until": 5, "dimensions": 2})
    >>> [_cell(asked, at, "XYZ") for at in (1, 5, 10)]
    ['texts: number 1 with number 2', "text's number 1 with Z", "text's number 2, of all customers"]
    """
    cells = triangle(parameters)
    if cell < cells:
        one, other = pair_of(cell, parameters.dimensions)
        return f"texts: number {one + 1} with number {other + 1}"
    one, concept = divmod(cell - cells, len(concepts) + 1)
    bought = f" with {concepts[concept]}" if concept < len(concepts) else ", of all customers"
    return f"text's number {one + 1}{bought}"


def _interpret(total: Rows, parameters: Parameters, n_concepts: int) -> Content:
    cells = triangle(parameters)
    both = total[cells:].reshape(parameters.dimensions, n_concepts + 1)
    return Content(texts=unpack_triangle(total[:cells]), tastes=both[:, :-1], baskets=both[:, -1])


def _solve(gram: Rows, ridge: float, right: Rows) -> Rows:
    try:
        solved: Rows = cho_solve(cho_factor(gram + ridge * np.eye(len(gram)), lower=True), right)
    except np.linalg.LinAlgError:
        raise BadInput(
            expected="a ridge that makes the matrix positive definite",
            came=f"{ridge:g}",
            do="use a larger ridge",
        ) from None
    return solved


CONTENT: Final = Question(
    name="content",
    parameters=Parameters,
    parse=parse,
    length=length,
    bound=bound,
    window=lambda asked: (asked.since, asked.until),
    describe=describe,
    interpret=_interpret,
    sensitivity2=sensitivity2,
    cell=_cell,
)
