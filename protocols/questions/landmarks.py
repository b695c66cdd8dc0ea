"""`landmarks`: a taste of more concepts than a square fits, by what goes with some of them.

`taste` has n (n + 1) / 2 cells: 200 million at 20 thousand concepts. Here each company answers with

    d = sum over its customers of z * z                (n_concepts)
    C = sum over its customers of z z_L^T              (n_concepts x r, row by row)

with z a customer's unit row and z_L its r landmarks, concepts that the question names. The reading is the EASE model
of Nystrom's approximation (`protocols.questions.low_rank`). Concepts that most customers buy are good landmarks:
an earlier sum says which these are (:func:`most_bought`), and whoever asks names them.

Sensitivity: a customer adds z * z, of length at most 1, and z z_L^T, of norm |z| |z_L|, at most 1.

>>> asked = parse({"until": 5, "landmarks": "0,2"})
>>> length(asked, 3), bound(asked)
(9, 100000)
>>> reading = LANDMARKS.read(np.array([4.0, 5.0, 6.0, 4.0, 1.0, 0.5, 0.0, 1.0, 6.0]), asked, 3)
>>> reading.cross.tolist(), reading.squares.tolist()
([[4.0, 1.0], [0.5, 0.0], [1.0, 6.0]], [4.0, 5.0, 6.0])
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput
from protocols.limits import FRACTION_BITS
from protocols.questions.parameters import (
    INSTANT_MAX,
    Given,
    instant,
    refuse_unknown,
    require,
    say_instant,
    whole,
    whole_list,
)
from protocols.questions.question import Question
from protocols.questions.taste import CAP_MAX, CUSTOMERS_CAP

LANDMARKS_MAX: Final = 4_096
"""More would be no saving below a hundred thousand concepts."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Which landmarks and which purchases. Times are unix seconds in UTC.

    Attributes:
        landmarks: places of concepts in the vocabulary, ascending.
        since, until: a purchase counts if ``since <= time < until``.
        customers_until: a customer counts if first seen at this company before.
        customers_cap: the most customers one company may answer for; bounds every cell.

    A row counts as `taste` says it with these ``row_scheme`` and ``items_cap``, which cannot be asked otherwise.
    """

    TAG: ClassVar[str] = "question-landmarks"
    row_scheme: ClassVar[str] = "unit"
    items_cap: ClassVar[int] = 0
    landmarks: tuple[int, ...]
    since: int
    until: int
    customers_until: int
    customers_cap: int

    def __post_init__(self) -> None:
        require(
            0 < len(self.landmarks) <= LANDMARKS_MAX, f"1 to {LANDMARKS_MAX} landmarks", len(self.landmarks)
        )
        ascending = all(a < b for a, b in zip(self.landmarks, self.landmarks[1:], strict=False))
        require(ascending and self.landmarks[0] >= 0, "landmarks as ascending places", "another order")
        require(0 <= self.since < self.until <= INSTANT_MAX, "since before until", self.until)
        require(
            0 < self.customers_until <= INSTANT_MAX, "customers_until as an instant", self.customers_until
        )
        require(0 < self.customers_cap <= CAP_MAX, f"a customers_cap of 1 to {CAP_MAX}", self.customers_cap)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Landmarks:
    """The sums ``squares`` (n_concepts,) and ``cross`` (n_concepts, r), and the ``places`` of the landmarks."""

    squares: Floats
    cross: Floats
    places: tuple[int, ...]


def parse(values: Mapping[str, Given]) -> Parameters:
    """Parameters from what an admin typed; ``until`` and ``landmarks`` are required.

    Raises:
        BadInput: an unknown, missing or wrong parameter.
    """
    refuse_unknown(values, Parameters.__slots__)
    until = instant(values, "until")
    return Parameters(
        landmarks=whole_list(values, "landmarks", low=0, default=()),
        since=instant(values, "since", default=0),
        until=until,
        customers_until=instant(values, "customers_until", default=until),
        customers_cap=whole(values, "customers_cap", low=1, high=CAP_MAX, default=CUSTOMERS_CAP),
    )


def length(parameters: Parameters, n_concepts: int) -> int:
    """The squares, then a row of landmarks for every concept.

    Raises:
        MalformedMessage: a landmark that the vocabulary does not have.
    """
    require(parameters.landmarks[-1] < n_concepts, f"landmarks below {n_concepts}", parameters.landmarks[-1])
    return n_concepts * (1 + len(parameters.landmarks))


def bound(parameters: Parameters) -> int:
    """C_inf: a customer adds at most 1 to a cell."""
    return parameters.customers_cap


def sensitivity2(_parameters: Parameters, _n_concepts: int) -> int:
    """1 for the squares, 1 for the rows of landmarks.

    >>> sensitivity2(parse({"until": 1, "landmarks": "0"}), 9) == 2 * 2**48
    True
    """
    return 2 << 2 * FRACTION_BITS


def most_bought(squares: Floats, count: int) -> tuple[int, ...]:
    """Good landmarks: the places of the ``count`` largest ``squares`` of an earlier sum, ascending.

    ``squares``: of every concept, (n_concepts,); of a `taste` sum the diagonal. Concepts that nobody buys say nothing
    and are left out; of equal ones the first counts.

    Raises:
        BadInput: more landmarks than the question takes, or than concepts that are bought.

    >>> most_bought(np.array([1.0, 9.0, 0.0, 4.0]), 2)
    (1, 3)
    >>> most_bought(np.array([1.0, 9.0, 0.0, 4.0]), 4)
    Traceback (most recent call last):
    protocols.errors.BadInput: expected 1 to 3 landmarks; came 4; ask for fewer: 3 concepts have buyers in this sum
    """
    bought = int((squares > 0).sum())
    most = min(bought, LANDMARKS_MAX)
    if not 0 < count <= most:
        raise BadInput(
            expected=f"1 to {most} landmarks",
            came=str(count),
            do=f"ask for fewer: {bought} concepts have buyers in this sum",
        )
    return tuple(sorted(np.argsort(-squares, kind="stable")[:count].tolist()))


def describe(parameters: Parameters) -> str:
    """One sentence for the data-protection officer."""
    since = f"from {say_instant(parameters.since)} " if parameters.since else ""
    return (
        f"For every concept with each of {len(parameters.landmarks)} named ones: how many customers bought both, each "
        f"customer's row divided by its length, over purchases {since}until {say_instant(parameters.until)}, for up to "
        f"{parameters.customers_cap} customers first seen before {say_instant(parameters.customers_until)}."
    )


def _cell(parameters: Parameters, cell: int, concepts: Sequence[str]) -> str:
    """What a cell counts.

    >>> [_cell(parse({"until": 1, "landmarks": "0,2"}), at, "ABC") for at in (1, 4, 7)]
    ['B alone', 'A with C', 'C with A']
    """
    if cell < len(concepts):
        return f"{concepts[cell]} alone"
    concept, landmark = divmod(cell - len(concepts), len(parameters.landmarks))
    return f"{concepts[concept]} with {concepts[parameters.landmarks[landmark]]}"


def _interpret(total: Floats, parameters: Parameters, n_concepts: int) -> Landmarks:
    return Landmarks(
        squares=total[:n_concepts],
        cross=total[n_concepts:].reshape(n_concepts, len(parameters.landmarks)),
        places=parameters.landmarks,
    )


LANDMARKS: Final = Question(
    name="landmarks",
    parameters=Parameters,
    parse=parse,
    length=length,
    bound=bound,
    window=lambda asked: (asked.since, asked.until),
    describe=describe,
    interpret=_interpret,
    sensitivity2=sensitivity2,
    cell=_cell,
    counts=True,
)
