"""The taste question: its layout, its bound, and that the sum of companies is the pooled model."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import encode
from protocols.errors import BadInput, BadRelease, MalformedMessage
from protocols.limits import FRACTION_BITS
from protocols.questions.ease import ease
from protocols.questions.rows import ROW_SCHEMES, row_values
from protocols.questions.shrinkage import shrink
from protocols.questions.taste import (
    TASTE,
    Taste,
    bound,
    describe,
    diagonal,
    length,
    pack_triangle,
    parse,
    sum_sigma,
    unpack_triangle,
)
from protocols.ring import encode as to_ring
from protocols.ring import lift, to_float, word_dtype

ITEMS_CAP = 9
"""No made-up customer buys more concepts."""

ASKED = parse({"until": "2017-08-14T04:00:00Z", "customers_cap": 1000})


@given(st.integers(1, 30))
def test_a_triangle_holds_every_pair_once_row_by_row(concepts):
    square = np.arange(concepts * concepts, dtype=np.float64).reshape(concepts, concepts)
    square = square + square.T
    triangle = pack_triangle(square)
    assert triangle.tolist() == [square[i, j] for i in range(concepts) for j in range(i, concepts)]
    assert len(triangle) == length(ASKED, concepts)
    assert (unpack_triangle(triangle) == square).all()


@pytest.mark.parametrize("cells", [2, 4, 5, 7, 2_467_530])
def test_a_length_that_no_triangle_has_is_refused(cells):
    with pytest.raises(BadRelease):
        unpack_triangle(np.zeros(cells))


def company(seed, customers, concepts):
    """Purchase counts of one company, shape (customers, concepts)."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 5, (customers, concepts)) * (rng.random((customers, concepts)) < 0.3)


def answer_of(counts, scheme):
    """The fixed-point answer of one company, straight from the definition."""
    owner, concept = np.nonzero(counts)
    indptr = np.concatenate([[0], np.cumsum(np.count_nonzero(counts, axis=1))])
    rows = np.zeros(counts.shape, dtype=np.int64)
    rows[owner, concept] = row_values(scheme, counts[owner, concept], indptr, ITEMS_CAP)
    return pack_triangle(rows.T @ rows)


@pytest.mark.parametrize("scheme", ROW_SCHEMES)
def test_the_sum_of_companies_is_the_gram_matrix_of_all_their_customers(scheme):
    companies = [company(seed, 40, 9) for seed in range(5)]
    total = sum(answer_of(counts, scheme) for counts in companies)
    assert (total == answer_of(np.concatenate(companies), scheme)).all()


def test_through_the_ring_binary_counts_come_back_exactly_and_both_models_agree():
    companies = [company(seed, 40, 9) for seed in range(5)]
    block = TASTE.block(ASKED, 9, 5, 32)
    words = [to_ring(answer_of(counts, "binary"), block=block, ring_bits=32) for counts in companies]
    total = np.zeros(45, dtype=word_dtype(32))
    for one in words:
        total += one
    taste = TASTE.read(to_float(lift(total, 32), block), ASKED, 9)
    pooled = (np.concatenate(companies) > 0).astype(np.float64)
    assert (taste.gram == pooled.T @ pooled).all()
    assert (taste.buyers == pooled.sum(axis=0)).all()
    assert (taste.ease(30) == ease(pooled.T @ pooled, 30)).all()


@given(st.integers(1, 60), st.integers(0, 99), st.sampled_from(ROW_SCHEMES))
def test_no_cell_exceeds_the_bound_of_as_many_customers(customers, seed, scheme):
    asked = replace(ASKED, row_scheme=scheme, items_cap=ITEMS_CAP, customers_cap=customers)
    assert int(answer_of(company(seed, customers, 6), scheme).max()) <= bound(asked) << FRACTION_BITS


@pytest.mark.parametrize("change", [
    {"row_scheme": "raw"}, {"since": 2_000_000_000}, {"until": 0}, {"until": 2**41}, {"customers_until": 0},
    {"customers_cap": 0}, {"customers_cap": 2**33}, {"items_cap": 2**33}, {"row_scheme": "capped"},
])  # fmt: skip
def test_parameters_that_make_no_sense_do_not_exist(change):
    with pytest.raises(MalformedMessage):
        replace(ASKED, **change)


@pytest.mark.parametrize("typed", [
    {}, {"until": "soon"}, {"until": 1, "scheme": "unit"}, {"until": 1, "row_scheme": "Binary"},
    {"until": 1, "customers_cap": "0"}, {"until": 1, "items_cap": "-1"},
])  # fmt: skip
def test_what_an_admin_mistypes_is_one_clear_message(typed):
    with pytest.raises(BadInput):
        parse(typed)


def test_the_officer_reads_the_window_the_caps_and_the_weights():
    sentence = describe(parse({"until": "2017-08-14T04:00:00Z", "since": "2017-01-01", "items_cap": 150}))
    assert "how many customers bought both" in sentence
    assert "from 2017-01-01 00:00 UTC until 2017-08-14 04:00 UTC" in sentence
    assert "up to 100000 customers" in sentence
    assert "at most 150 concepts a customer" in sentence
    assert describe(replace(ASKED, row_scheme="unit")) != describe(ASKED)


def test_parameters_come_back_from_a_block():
    assert TASTE.open(TASTE.block(ASKED, 9, 5, 32).parameters) == ASKED
    with pytest.raises(MalformedMessage):
        TASTE.open(encode(ASKED)[:-1])


def test_the_diagonal_is_where_a_triangle_keeps_it():
    square = np.arange(49.0).reshape(7, 7)
    assert (pack_triangle(square)[diagonal(7)] == np.diagonal(square)).all()


def test_a_capped_cell_is_bounded_by_its_share_so_that_the_ring_keeps_more_bits():
    capped = replace(ASKED, row_scheme="capped", items_cap=600)
    assert bound(capped) == 2
    assert TASTE.block(capped, 9, 5, 32).scale_bits == FRACTION_BITS


def test_the_noise_of_a_sum_is_that_of_all_its_members():
    asked = parse({"until": 1, "row_scheme": "unit"})
    block = TASTE.block(asked, 9, 4, 32, noise_sigma=3 << FRACTION_BITS)
    assert sum_sigma(block, 4) == 6.0
    assert sum_sigma(replace(block, noise_sigma=0, noise_tail=0), 4) == 0.0


def test_a_noise_aware_reading_is_the_shrunk_sum_and_without_noise_the_sum_itself():
    gram = company(0, 40, 9).astype(np.float64).T @ company(0, 40, 9)
    reading = Taste(gram=gram)
    assert (reading.noise_aware(0.0).gram == gram).all()
    assert (reading.noise_aware(5.0).gram == shrink(gram, 5.0)).all()
    assert (reading.noise_aware(5.0).gram != gram).any()
