"""How the moment of a request sways a ranking: log-likelihood ratios by factor, each with a strength.

The ratios come from the consortium's `rhythm` release and from the company's own purchases: what the
consortium says is what is believed of a concept until enough of its own purchases say otherwise. The
strengths are chosen on own validation weeks (:mod:`participant.models.swaying`); 0 switches a factor off.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.store.records import Records
from participant.tallies.rhythm import tally
from protocols.limits import FRACTION_BITS
from protocols.questions import rhythm
from protocols.questions.moments import FACETS, FACTORS, HOURS, UNKNOWN
from protocols.questions.rhythm import Rhythm
from protocols.questions.sway import PRIOR, log_ratios
from protocols.vocabulary import Vocabulary

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

NAMES: Final = tuple(FACTORS)

OWN_PRIOR: Final = 5_000.0
"""Purchases of a concept that the consortium's ratios are worth beside own ones, which are in the release already.
On validation weeks less was worse, and no own counts at all about as good; under noise they are what is left."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rhythms:
    """What the consortium released: until the end of the fit window, and until that of validation."""

    fitted: Rhythm | None = None
    refitted: Rhythm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """One factor of one scenario: log-odds per log ratio, about 1 where ratios are what they seem; 0: not sure.

    ``error``: the standard error of what was fitted, whether it was kept or not.
    """

    factor: str
    strength: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Strengths:
    """What a moment does in one scenario.

    ``worth``: standardised scores per unit of log-odds. ``taken``: whether anything is moved at all. ``gained``:
    what that added to validation nDCG@10 of a visit, with its standard error, over ``customers``.
    """

    worth: float
    each: tuple[Strength, ...]
    taken: bool
    gained: float
    error: float
    customers: int

    @property
    def moving(self) -> dict[str, float]:
        """What one log ratio of each factor adds to standardised scores, of those that move any."""
        return {one.factor: self.worth * one.strength for one in self.each if self.taken and one.strength}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sway:
    """``ratios`` of each factor known here, (bands, n_concepts); the chosen ``strengths`` of each scenario."""

    ratios: Mapping[str, Floats]
    strengths: Mapping[str, Strengths] = field(default_factory=dict)

    def moving(self, scenario: str) -> dict[str, float]:
        """The factors that move a ranking of ``scenario`` here, and how much."""
        found = self.strengths.get(scenario)
        return {} if found is None else found.moving

    def of(self, scenario: str, bands: Mapping[str, int]) -> Floats | None:
        """What a moment adds to each concept's standardised score under ``scenario``, (n_concepts,); None: nothing.

        >>> one = Strength(factor="season", strength=0.5, error=0.1)
        >>> bold = Strengths(worth=2.0, each=(one,), taken=True, gained=0.1, error=0.01, customers=9)
        >>> told = Sway(ratios={"season": np.eye(4, 3, dtype=np.float32)}, strengths={"explore": bold})
        >>> told.of("explore", {"season": 1}).tolist(), told.of("surprise", {"season": 1})
        ([0.0, 1.0, 0.0], None)
        """
        moved: Floats | None = None
        for factor, worth in self.moving(scenario).items():
            band = bands.get(factor, UNKNOWN)
            if band != UNKNOWN and factor in self.ratios:
                part = np.asarray(worth * self.ratios[factor][band], np.float32)
                moved = part if moved is None else moved + part
        return moved


def factor_bands(bands: Ints) -> Ints:
    """Bands of FACETS, (len(FACETS), moments), as those of FACTORS, (len(FACTORS), moments).

    >>> factor_bands(np.array([[31], [0], [-1], [2], [-1]])).ravel().tolist()  # Saturday morning in winter
    [1, 5, 0, -1, 2, -1]
    """
    week = bands[list(FACETS).index("week")]
    hour = np.where(week == UNKNOWN, UNKNOWN, week % len(HOURS))
    weekday = np.where(week == UNKNOWN, UNKNOWN, week // len(HOURS))
    return np.stack([hour, weekday, *bands[1:]])


def named(bands: Ints) -> dict[str, int]:
    """The factors of one moment that are known, from its bands of FACETS, (len(FACETS),)."""
    found = factor_bands(bands[:, None])[:, 0]
    return {name: int(band) for name, band in zip(NAMES, found, strict=True) if band != UNKNOWN}


def own_rhythm(records: Records, vocabulary: Vocabulary, *, until: int, customers_until: int) -> Rhythm:
    """This company's own exact counts, of which nothing leaves."""
    asked = rhythm.parse({"until": until, "customers_until": customers_until})
    visits = records.visits(vocabulary, since=0, until=until, customers_until=customers_until)
    cells = np.ldexp(tally(visits, len(vocabulary), asked).astype(np.float64), -FRACTION_BITS)
    return rhythm.RHYTHM.read(cells, asked, len(vocabulary))


def ratios_of(own: Rhythm, released: Rhythm | None) -> dict[str, Floats]:
    """The log ratios of every factor of which the company or the consortium knows anything."""
    found: dict[str, Floats] = {}
    for name in FACTORS:
        theirs = released.factor(name) if released is not None else None
        believed = None if theirs is None else log_ratios(theirs)
        mine = own.factor(name)
        if mine is not None and (mine.any() or believed is not None):
            prior = PRIOR if believed is None else OWN_PRIOR
            found[name] = np.asarray(log_ratios(mine, believed, prior=prior), np.float32)
    return {name: cells for name, cells in found.items() if cells.any()}
