"""The data sets of the comparison: which companies, at which level, with which settings to choose from."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tests.benchmarks import journey, tafeng
from tests.benchmarks.provenance import ROOT
from tests.benchmarks.purchases import Lines, Shop

RIDGES = (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000)
"""The same for a company's own model and for the exchange; wide enough that no best one lies at an end."""
STEPS = (250, 1_000, 2_500)
"""Steps of an autoencoder's training, by a company alone as well as on everybody's rows."""
PACKED = ROOT / ".altrove" / "bench" / "lines"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One table: ``disjoint`` says whether a household can be a customer of several companies.

    ``rounds`` of the exchange's autoencoder; ``once``: a company's own autoencoder is drawn once and not five times, for
    twenty companies take hours; ``scale``: customers in units of 5,000, for planning only.
    """

    name: str
    title: str
    data: str
    read: Callable[[], Lines]
    companies: int
    disjoint: bool
    products: bool
    scale: float
    ridges: tuple[int, ...] = RIDGES
    steps: tuple[int, ...] = STEPS
    rounds: int = 10
    once: bool = False

    @property
    def settings(self) -> tuple[object, ...]:
        """What an arm of this case depends on beside code."""
        return self.name, self.data, self.ridges, self.steps, self.once

    def packed(self) -> Path:
        """Purchases as one small file, made from the data set the first time: a machine without it can measure."""
        target = PACKED / f"{self.name}.npz"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            self.read().save(target)
        return target

    def shops(self) -> tuple[Shop, ...]:
        """The companies."""
        return Lines.load(self.packed()).shops()


def _journey(companies: int, level: str, words: str) -> Case:
    products = level == "product_id"
    return Case(
        name=f"journey-k{companies}" + "-products" * products,
        title=f"The Complete Journey, {companies} companies, {words}",
        data=f"{journey.DATA}; weeks 1-33 fit, 34-40 validation, 41-53 test",
        read=lambda: journey.lines(companies, level),
        companies=companies,
        disjoint=True,
        products=products,
        scale=1.0 if companies == 5 else 2.0,
        rounds=10 if companies == 5 or products else 16,  # validation rises until the fifteenth (encoder.md)
        once=companies > 5,
    )


def strangers(lines: Lines, companies: frozenset[str]) -> Lines:
    """The same lines, but ``companies`` call every concept by another one's name, each in its own way.

    Their customers, rows and co-purchases stay real; what others know of a concept is false for them.

    >>> same = np.array(["a", "a", "b", "b"])
    >>> lines = Lines(
    ...     company=same, customer=same, concept=np.array(["x", "y", "x", "y"]), window=np.arange(4)
    ... )
    >>> strangers(lines, frozenset("b")).concept[:2].tolist()  # those who are not named stay as they are
    ['x', 'y']
    """
    names, concept = np.unique(lines.concept), lines.concept.copy()
    for number, company in enumerate(sorted(companies)):
        mine = lines.company == company
        other = np.random.default_rng(number).permutation(names)
        concept[mine] = other[np.searchsorted(names, lines.concept[mine])]
    return replace(lines, concept=concept)


def _strangers(base: Case, companies: frozenset[str]) -> Case:
    return replace(
        base,
        name=f"{base.name}-strangers",
        title=f"{base.title}; at {len(companies)} of them every concept goes by another one's name",
        read=lambda: strangers(base.read(), companies),
        disjoint=False,
    )


def _tafeng(level: str, words: str) -> Case:
    products = level == "PRODUCT_ID"
    return Case(
        name="tafeng" + "-products" * products,
        title=f"Ta-Feng, eight areas, {words}",
        data=f"{tafeng.DATA}; until 14 January fit, until 31 January validation, February test",
        read=lambda: tafeng.lines(level),
        companies=8,
        disjoint=False,
        products=products,
        scale=3.0,
    )


def _made_up() -> Lines:
    """Three shops whose customers like one of four groups of concepts."""
    rng = np.random.default_rng(0)
    lines = 24_000
    customer = rng.integers(0, 240, lines)
    group = np.where(rng.random(lines) < 0.6, customer % 4, rng.integers(0, 4, lines))
    concept = 12 * group + np.floor(12 * rng.random(lines) ** 2).astype(np.int64)
    return Lines(
        company=(customer % 3).astype(str),
        customer=customer.astype(str),
        concept=np.char.zfill(concept.astype(str), 3),
        window=np.searchsorted([0.15, 0.25], rng.random(lines)),
    )


CASES = {
    case.name: case
    for case in (
        _journey(5, "product_type", "product types"),
        _strangers(_journey(5, "product_type", "product types"), frozenset({"03", "04"})),
        _journey(20, "product_type", "product types"),
        _journey(5, "product_id", f"products of {journey.BUYERS_MIN} buyers"),
        _journey(20, "product_id", f"products of {journey.BUYERS_MIN} buyers"),
        _tafeng("PRODUCT_SUBCLASS", "subclasses"),
        _tafeng("PRODUCT_ID", f"products of {tafeng.BUYERS_MIN} buyers"),
    )
}
CHECK = Case(
    name="check",
    title="Made-up purchases, three companies: a check of the commands",
    data="made up",
    read=_made_up,
    companies=3,
    disjoint=False,
    products=False,
    scale=0.01,
    ridges=(10, 100),
    steps=(5, 20),
    rounds=3,
)
"""Goes from start to table in seconds; says nothing of any data."""
