"""The tally against a count by hand, customer by customer."""

from fractions import Fraction

import numpy as np
import pytest

from participant.store.records_visits import VisitBatch
from participant.tallies.rhythm import tally
from protocols.limits import FRACTION_BITS
from protocols.questions.moments import FACETS, UNKNOWN
from protocols.questions.rhythm import length, parse

M = 4
ONE = 1 << FRACTION_BITS
NAMES = list(FACETS)


def batch(*customers):
    """Customers as lists of (concept, {facet: band}); what is not named is not known."""
    entries = [entry for customer in customers for entry in customer]
    bands = np.full((len(NAMES), len(entries)), UNKNOWN, np.int64)
    for at, (_, known) in enumerate(entries):
        for facet, band in known.items():
            bands[NAMES.index(facet), at] = band
    return VisitBatch(
        customer_keys=np.arange(len(customers)),
        indptr=np.cumsum([0, *map(len, customers)]),
        seconds=np.arange(len(entries)),
        concepts=np.array([concept for concept, _ in entries], np.int64),
        bands=bands,
    )


def cells(batches, facet="season", **typed):
    asked = parse({"until": 9, "facets": facet, **typed})
    return tally(batches, M, asked).reshape(-1, M)


def test_a_purchase_counts_in_its_band_and_an_unknown_one_nowhere():
    found = cells([batch([(1, {"season": 2}), (1, {"season": 2}), (3, {"week": 5})])])
    assert found[2, 1] == 2 * ONE
    assert found.sum() == 2 * ONE


def test_beyond_the_cap_purchases_are_spread_in_the_same_proportions():
    customer = [(0, {"season": 0})] * 6 + [(0, {"season": 1})] * 3
    found = cells([batch(customer)], purchases_cap=3)
    assert found[:2, 0].tolist() == [2 * ONE, ONE]


def test_what_is_unknown_of_some_purchases_shortens_the_part_and_is_not_made_up():
    found = cells([batch([(0, {"season": 0}), (0, {})])], purchases_cap=1)
    assert found[0, 0] == ONE // 2
    assert found.sum() == ONE // 2


def test_only_the_most_bought_concepts_count_where_they_are_capped():
    customer = [(2, {"season": 0})] * 3 + [(0, {"season": 0}), (1, {"season": 0}), (1, {"season": 0})]
    assert cells([batch(customer)], items_cap=2)[0].tolist() == [0, 2 * ONE, 3 * ONE, 0]
    assert cells([batch(customer)])[0].tolist() == [ONE, 2 * ONE, 3 * ONE, 0]


def test_a_units_part_is_as_long_as_one_and_never_longer():
    rng = np.random.default_rng(5)
    known = {"season": 1, "week": 3, "event": 2}
    customer = [(int(c), known) for c in rng.integers(0, M, 40)]
    found = cells([batch(customer)], "week,season,event", scheme="unit", purchases_cap=7)
    squares = sum(int(cell) ** 2 for cell in found.ravel())
    assert 0.999 < Fraction(squares, ONE**2) <= 1


@pytest.mark.parametrize("scheme", ["plain", "unit"])
def test_the_answer_does_not_depend_on_how_customers_are_batched(scheme):
    rng = np.random.default_rng(6)
    customers = [
        [(int(rng.integers(0, M)), {"season": int(rng.integers(0, 4))}) for _ in range(rng.integers(0, 9))]
        for _ in range(7)
    ]
    whole = cells([batch(*customers)], scheme=scheme, items_cap=3, purchases_cap=2)
    parts = cells([batch(*customers[:2]), batch(*customers[2:])], scheme=scheme, items_cap=3, purchases_cap=2)
    assert whole.any()
    assert (whole == parts).all()


def test_an_empty_company_answers_zeros():
    asked = parse({"until": 9})
    assert not tally([], M, asked).any()
    assert len(tally([batch([])], M, asked)) == length(asked, M)
