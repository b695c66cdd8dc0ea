"""`rhythm`: when and in which surroundings each concept is bought; the sum tells how each moment sways the odds.

For every facet asked (`protocols.questions.moments`), band and concept a company answers with how many
purchases it had there. A *purchase* is a customer's visit in which the concept was bought, however many
lines. Of one customer and concept at most ``purchases_cap`` count: one with more has them spread over its
moments in the same proportions, so that nobody's habit drowns the others'.

Layout: facet by facet in the order of FACETS, band by band, concept by concept. What a company does not
know of a moment it leaves out: a company without weather answers zeros there.

Sensitivity: a customer spreads min(n, purchases_cap) over the bands of a facet, whose L2 norm is at most
that. So of F facets and ``items_cap`` concepts: purchases_cap sqrt(F items_cap) under "plain", unbounded
without an ``items_cap``; under "unit" the customer's whole part is divided by the most that its norm can
be, sqrt(F sum of squares of its capped purchases), and the sensitivity is 1.

>>> asked = parse({"until": "2017-08-14", "facets": "week,season"})
>>> length(asked, 2221), bound(asked)  # (42 + 4) bands
(102166, 1500000)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput, UnboundedSensitivity
from protocols.limits import FRACTION_BITS
from protocols.questions.moments import FACETS, FACTORS, HOURS, WEEKDAYS
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
from protocols.questions.taste import CAP_MAX, CUSTOMERS_CAP

Floats = npt.NDArray[np.float64]

SCHEMES: Final = ("plain", "unit")
"""Purchases as they are, or each customer's part brought to L2 norm at most 1."""

PURCHASES_CAP: Final = 15
"""Purchases of one concept that count for a customer, unless the admin says otherwise."""

PURCHASES_CAP_MAX: Final = 1_000
"""More than two a day for a year is no household's habit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What exactly is counted. Times are unix seconds in UTC.

    Attributes:
        facets: which of FACETS are counted, distinct and in their order.
        scheme: one of :data:`SCHEMES`.
        purchases_cap: purchases of one concept that count for one customer.
        items_cap: concepts that count for one customer, the most bought first; 0 for all.
        since, until: a purchase counts if ``since <= time < until``.
        customers_until: a customer counts if first seen at this company before.
        customers_cap: the most customers one company may answer for; bounds every cell.
    """

    TAG: ClassVar[str] = "question-rhythm"
    facets: tuple[str, ...]
    scheme: str
    purchases_cap: int
    items_cap: int
    since: int
    until: int
    customers_until: int
    customers_cap: int

    def __post_init__(self) -> None:
        known = tuple(facet for facet in FACETS if facet in self.facets)
        require(
            bool(known) and known == self.facets,
            f"distinct facets among {', '.join(FACETS)}, in this order",
            self.facets,
        )
        require(self.scheme in SCHEMES, f"one of {', '.join(SCHEMES)}", self.scheme[:40])
        require(
            0 < self.purchases_cap <= PURCHASES_CAP_MAX,
            f"a purchases_cap of 1 to {PURCHASES_CAP_MAX}",
            self.purchases_cap,
        )
        require(0 <= self.since < self.until <= INSTANT_MAX, "since before until", self.until)
        require(
            0 < self.customers_until <= INSTANT_MAX, "customers_until as an instant", self.customers_until
        )
        require(0 <= self.items_cap <= CAP_MAX, f"an items_cap of 0 to {CAP_MAX}", self.items_cap)
        require(0 < self.customers_cap <= CAP_MAX, f"a customers_cap of 1 to {CAP_MAX}", self.customers_cap)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rhythm:
    """The reading: purchases by band, for each facet that was asked, shape (bands, n_concepts)."""

    counts: Mapping[str, Floats]

    def factor(self, name: str) -> Floats | None:
        """Purchases by band of one of FACTORS, shape (bands, n_concepts); None: it was not asked.

        >>> week = np.zeros((42, 1))
        >>> week[31] = 2.0  # Saturday morning
        >>> both = Rhythm(counts={"week": week})
        >>> both.factor("hour")[:, 0].tolist(), both.factor("weekday")[:, 0].tolist()
        ([0.0, 2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0])
        """
        if name not in ("hour", "weekday"):
            return self.counts.get(name)
        week = self.counts.get("week")
        if week is None:
            return None
        cells = week.reshape(len(WEEKDAYS), len(HOURS), -1)
        margin: Floats = cells.sum(0 if name == "hour" else 1)
        return margin

    def noise_aware(self, sigma: float) -> "Rhythm":
        """The same reading with every concept weighed down by how little of it stands out of the noise.

        Of n purchases over B bands, n / B in a cell, a cell's relative variance is (n / B + sigma^2) / (n / B)^2:
        as if n * n / (n + B sigma^2) purchases had been counted without noise. Cells below nothing are nothing.
        """
        if not sigma:
            return self
        return Rhythm(counts={facet: _without_noise(cells, sigma) for facet, cells in self.counts.items()})

    @property
    def factors(self) -> tuple[str, ...]:
        """Those of FACTORS of which anything was counted."""
        found = ((name, self.factor(name)) for name in FACTORS)
        return tuple(name for name, cells in found if cells is not None and cells.any())


def parse(values: Mapping[str, Given]) -> Parameters:
    """Parameters from what an admin typed; only ``until`` is required.

    Raises:
        BadInput: an unknown, missing or wrong parameter.
    """
    refuse_unknown(values, Parameters.__slots__)
    until = instant(values, "until")
    return Parameters(
        facets=_facets(values),
        scheme=choice(values, "scheme", SCHEMES, default="plain"),
        purchases_cap=whole(values, "purchases_cap", low=1, high=PURCHASES_CAP_MAX, default=PURCHASES_CAP),
        items_cap=whole(values, "items_cap", low=0, high=CAP_MAX, default=0),
        since=instant(values, "since", default=0),
        until=until,
        customers_until=instant(values, "customers_until", default=until),
        customers_cap=whole(values, "customers_cap", low=1, high=CAP_MAX, default=CUSTOMERS_CAP),
    )


def bands(parameters: Parameters) -> int:
    """Bands of all facets asked, one after the other."""
    return sum(len(FACETS[facet]) for facet in parameters.facets)


def length(parameters: Parameters, n_concepts: int) -> int:
    """A cell for each band and concept."""
    return bands(parameters) * n_concepts


def bound(parameters: Parameters) -> int:
    """C_inf: every customer adds at most ``purchases_cap`` to a cell, and at most 1 under "unit"."""
    return parameters.customers_cap * (parameters.purchases_cap if parameters.scheme == "plain" else 1)


def sensitivity2(parameters: Parameters, _n_concepts: int) -> int:
    """The square of what one customer changes.

    >>> asked = {"until": 1, "items_cap": 10, "purchases_cap": 3, "facets": "week,season"}
    >>> sensitivity2(parse(asked), 9) >> 48, sensitivity2(parse({**asked, "scheme": "unit"}), 9) >> 48
    (180, 1)

    Raises:
        UnboundedSensitivity: any number of concepts count for a customer.
    """
    if parameters.scheme == "unit":
        return 1 << (2 * FRACTION_BITS)
    if parameters.items_cap == 0:
        raise UnboundedSensitivity(
            expected="purchases of a bounded number of concepts",
            came="plain purchases of any number",
            do="ask with scheme=unit, with an items_cap, or without noise",
        )
    most = parameters.items_cap * len(parameters.facets) * parameters.purchases_cap**2
    return most << (2 * FRACTION_BITS)


def describe(parameters: Parameters) -> str:
    """One sentence for the data-protection officer."""
    words = {
        "week": "hour of the day and weekday",
        "season": "season",
        "weather": "weather",
        "location": "kind of place",
        "event": "local event",
    }
    by = ", ".join(words[facet] for facet in parameters.facets)
    since = f"from {say_instant(parameters.since)} " if parameters.since else ""
    cap = f", {parameters.items_cap} concepts a customer" if parameters.items_cap else ""
    unit = ", each customer's part divided by its length" if parameters.scheme == "unit" else ""
    return (
        f"For every concept: how many purchases fell in each band of {by}{unit}, over purchases {since}until "
        f"{say_instant(parameters.until)}, at most {parameters.purchases_cap} of a concept{cap}, for up to "
        f"{parameters.customers_cap} customers first seen before {say_instant(parameters.customers_until)}. "
        f"No date, time or store by itself."
    )


def place_of(parameters: Parameters, cell: int, n_concepts: int) -> tuple[str, int]:
    """The band and the concept that a cell counts.

    >>> place_of(parse({"until": 1, "facets": "week,season"}), 42 * 3 + 4, 3)  # after the week, not within it
    ('spring', 1)
    """
    names = [band for facet in parameters.facets for band in FACETS[facet]]
    return names[cell // n_concepts], cell % n_concepts


def _cell(parameters: Parameters, cell: int, concepts: Sequence[str]) -> str:
    band, concept = place_of(parameters, cell, len(concepts))
    return f"{concepts[concept]}, {band}"


def _facets(values: Mapping[str, Given]) -> tuple[str, ...]:
    given = values.get("facets", ",".join(FACETS))
    asked = given.split(",") if isinstance(given, str) else []
    if not asked or set(asked) - set(FACETS) or len(set(asked)) != len(asked):
        raise BadInput(
            expected=f"facets as some of {','.join(FACETS)}", came=repr(given)[:80], do="correct facets"
        )
    return tuple(facet for facet in FACETS if facet in asked)


def _interpret(total: Floats, parameters: Parameters, n_concepts: int) -> Rhythm:
    cells = total.reshape(-1, n_concepts)
    starts = np.cumsum([0, *(len(FACETS[facet]) for facet in parameters.facets)])
    return Rhythm(
        counts={
            facet: cells[first:last]
            for facet, first, last in zip(parameters.facets, starts[:-1], starts[1:], strict=True)
        }
    )


def _without_noise(cells: Floats, sigma: float) -> Floats:
    kept = np.maximum(cells, 0.0)
    purchases = np.maximum(cells.sum(0), 0.0)
    share = purchases / (purchases + len(cells) * sigma**2)
    weighed: Floats = kept * share
    return weighed


RHYTHM: Final = Question(
    name="rhythm",
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
