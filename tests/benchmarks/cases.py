"""The data sets of the comparison: which companies, at which level, with which ridges to choose from."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tests.benchmarks import journey, tafeng
from tests.benchmarks.purchases import Lines

RIDGES = (100, 300, 1_000, 3_000, 10_000, 30_000)
"""The same for a company's own model and for the exchange; wide enough that no best one lies at an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One table: ``disjoint`` says whether a household can be a customer of several companies."""

    name: str
    title: str
    data: str
    read: Callable[[], Lines]
    disjoint: bool
    ridges: tuple[int, ...] = RIDGES


def _journey(companies: int, level: str, words: str) -> Case:
    name = f"journey-k{companies}" + ("-products" if level == "product_id" else "")
    return Case(
        name=name,
        title=f"The Complete Journey, {companies} companies, {words}",
        data=f"{journey.DATA}; weeks 1-33 fit, 34-40 validation, 41-53 test",
        read=lambda: journey.lines(companies, level),
        disjoint=True,
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


def _tafeng(level: str, words: str, suffix: str = "") -> Case:
    return Case(
        name=f"tafeng{suffix}",
        title=f"Ta-Feng, eight areas, {words}",
        data=f"{tafeng.DATA}; until 14 January fit, until 31 January validation, February test",
        read=lambda: tafeng.lines(level),
        disjoint=False,
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
        _tafeng("PRODUCT_ID", f"products of {tafeng.BUYERS_MIN} buyers", "-products"),
    )
}
