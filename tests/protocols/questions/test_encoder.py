"""The encoder question: its layout and bounds, and what its sum says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import BadInput, BadRelease, MalformedMessage, OutOfBounds, UnboundedSensitivity
from protocols.limits import CONCEPTS_MAX, FRACTION_BITS
from protocols.questions.encoder import (
    BATCH_MAX,
    CHANGE,
    ENCODER,
    GRADIENT,
    MILLION,
    bound,
    clip_row,
    describe,
    length,
    pack_change,
    parse,
    sensitivity2,
)

TYPED = {"taste": "ab" * 32, "until": "2017-08-14", "hidden": 2, "latent": 1}
ASKED = parse(TYPED)
BY_GRADIENT = parse({**TYPED, "mode": GRADIENT})
SIZE = 27
moves = st.lists(st.floats(-0.2, 0.2), min_size=SIZE, max_size=SIZE).map(np.array)


@given(st.lists(st.tuples(moves, st.integers(1, 5000)), min_size=1, max_size=5))
def test_the_reading_is_the_mean_change_weighed_by_customers(companies):
    total = sum(pack_change(ASKED, moved, n) for moved, n in companies) / 2.0**FRACTION_BITS
    reading = ENCODER.read(total, ASKED, 3)
    customers = sum(n for _, n in companies)
    expected = sum(n * moved for moved, n in companies) / customers
    assert reading.customers == pytest.approx(customers)
    np.testing.assert_allclose(reading.change, expected, atol=1e-6)


@given(moves, st.integers(1, 100_000))
def test_no_cell_of_an_answer_is_beyond_its_bound(moved, customers):
    assert np.abs(pack_change(ASKED, 100 * moved, customers)).max() <= bound(ASKED) << FRACTION_BITS


@given(st.lists(st.floats(-1e6, 1e6), min_size=SIZE, max_size=SIZE).map(np.array))
def test_no_customers_row_is_longer_than_the_limit_whatever_its_gradient(gradient):
    row = clip_row(BY_GRADIENT, gradient)
    assert int(row @ row) <= sensitivity2(BY_GRADIENT, 3)
    norm = np.linalg.norm(gradient)
    if norm > 2:
        assert int(row @ row) > 0.99 * sensitivity2(BY_GRADIENT, 3)  # clipped to the limit and not below it
    np.testing.assert_allclose(
        np.ldexp(row.astype(float), -FRACTION_BITS), gradient / max(norm, 1), atol=1e-6
    )


def test_gradients_are_divided_by_a_public_number_and_the_step_goes_down():
    asked = replace(BY_GRADIENT, expected=50, sample=MILLION // 10)
    reading = ENCODER.read(np.full(SIZE, 10.0), asked, 3)
    np.testing.assert_allclose(reading.change, np.full(SIZE, -2.0))
    assert reading.customers == 5


def test_by_change_there_is_a_cell_more_for_the_customers_and_by_gradient_none():
    assert (length(ASKED, 3), length(BY_GRADIENT, 3)) == (SIZE + 1, SIZE)
    assert length(parse({"taste": "ab" * 32, "until": 1}), 2221) == 2_474_414


def test_a_batch_whose_dense_rows_fill_a_nodes_memory_is_refused_by_how_many_concepts_there_are():
    widest = replace(ASKED, batch=BATCH_MAX)
    assert length(widest, 1_024) == length(ASKED, 1_024)
    with pytest.raises(
        MalformedMessage, match="a batch of at most 3355 customers at 20000 concepts; came 65536"
    ):
        length(widest, 20_000)
    assert length(replace(ASKED, batch=128), CONCEPTS_MAX) == length(ASKED, CONCEPTS_MAX)


def test_what_a_training_changes_has_no_bounded_sensitivity():
    with pytest.raises(UnboundedSensitivity, match="mode=gradient"):
        sensitivity2(ASKED, 3)
    assert sensitivity2(replace(BY_GRADIENT, limit=MILLION // 2), 3) == 2**46


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_training_that_is_not_a_number_is_not_sent(value):
    with pytest.raises(OutOfBounds):
        pack_change(ASKED, np.full(SIZE, value), 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e200])
def test_a_customer_whose_gradient_is_not_a_number_counts_as_none_and_nobody_can_tell_by_a_refusal(value):
    gradient = np.ones(SIZE)
    gradient[1] = value
    assert not clip_row(BY_GRADIENT, gradient).any()


@pytest.mark.parametrize("total", [np.zeros(SIZE), np.zeros(SIZE + 2), np.full(SIZE + 1, np.nan)])
def test_a_sum_of_another_length_or_of_no_numbers_is_no_reading(total):
    with pytest.raises(BadRelease):
        ENCODER.read(total, ASKED, 3)


def test_a_sum_over_nobody_moves_nothing():
    assert not ENCODER.read(np.zeros(SIZE + 1), ASKED, 3).change.any()


@pytest.mark.parametrize("change", [
    {"taste": b""}, {"after": b"ab"}, {"mode": "both"}, {"server": "sgd"}, {"hidden": 0}, {"latent": 4097}, {"epochs": 0},
    {"steps": 0}, {"batch": 0}, {"rate": 0}, {"dropout": 100}, {"server_rate": 0}, {"limit": 0},
    {"limit": 101 * MILLION}, {"sample": 0}, {"sample": MILLION - 1}, {"expected": 0}, {"until": 0},
    {"customers_until": 0}, {"customers_cap": 0}, {"beta": 1001},
])  # fmt: skip
def test_parameters_that_make_no_sense_do_not_exist(change):
    with pytest.raises(MalformedMessage):
        replace(ASKED, **change)


@pytest.mark.parametrize(
    "typed", [{"taste": "ab"}, {"after": "ab"}, {"mode": "all"}, {"epochs": "two"}, {"colour": 1}]
)
def test_what_an_admin_mistypes_is_one_clear_message(typed):
    with pytest.raises(BadInput):
        parse(TYPED | typed)


def test_only_start_widths_and_server_make_a_chain():
    later = replace(ASKED, after=b"x" * 32, epochs=9, rate=5, batch=7, until=ASKED.until + 1)
    assert later.chain == ASKED.chain
    for other in (
        {"taste": b"x" * 32},
        {"hidden": 3},
        {"latent": 2},
        {"server": "fedadam"},
        {"server_rate": 5},
    ):
        assert replace(ASKED, **other).chain != ASKED.chain


def test_the_officer_reads_what_leaves_in_either_mode():
    assert "how training on own customers, 2 times over all of them and at most " in describe(ASKED)
    sampled = describe(replace(BY_GRADIENT, sample=10_000))
    assert "a secret 1.00% of the customers" in sampled
    assert "each at most 1 long" in sampled
    assert (ASKED.mode, ASKED.server, BY_GRADIENT.server) == (CHANGE, "fedavg", "fedadam")
