"""The evaluation question: its layout, and that its reading is the pooled mean of every lambda."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import BadInput, BadRelease, MalformedMessage, OutOfBounds, UnboundedSensitivity
from protocols.limits import CONCEPTS_MAX, FRACTION_BITS
from protocols.questions.evaluation import EVALUATION, LAMBDAS_MAX, bound, describe, length, pack, parse

TYPED = {"release": "ab" * 32, "history_until": "2017-08-14", "target_until": "2017-10-02"}
ASKED = parse({**TYPED, "lambdas": "300,1000,3000", "beside": "nothing"})
MORE = ({}, {"obvious": "pooled"}, {"encoder": "cd" * 32, "mixes": "100:0:0"})
gains_of = st.integers(0, 40).flatmap(
    lambda n: st.lists(st.lists(st.floats(0, 1), min_size=n, max_size=n), min_size=3, max_size=3)
)


def packed(explore, surprise):
    return pack(ASKED, {"explore": np.array(explore), "surprise": np.array(surprise)})


@given(st.lists(st.tuples(gains_of, gains_of), min_size=1, max_size=4))
def test_the_reading_is_the_pooled_mean_over_customers_of_all_companies(companies):
    total = sum(packed(*company) for company in companies) / 2.0**FRACTION_BITS
    reading = EVALUATION.read(total, ASKED, 9)
    for metric, place in (("explore", 0), ("surprise", 1)):
        pooled = np.concatenate([np.array(company[place]).reshape(3, -1) for company in companies], axis=1)
        found = getattr(reading, metric)
        assert found.count == pooled.shape[1]
        if pooled.shape[1]:
            assert found.means == pytest.approx(pooled.mean(axis=1).tolist(), abs=1e-7)


def test_the_mean_weighs_customers_and_not_companies():
    one = packed([[1.0], [0], [0]], [[0.0], [0], [0]])
    other = packed([[0.0] * 3, [0] * 3, [0] * 3], [[0.0], [0], [0]])
    reading = EVALUATION.read((one + other) / 2.0**FRACTION_BITS, ASKED, 9)
    assert reading.explore.means[0] == 0.25


def test_the_own_models_are_one_row_more_and_compete_with_no_setting():
    asked = replace(ASKED, beside="own")
    better = [[0.1, 0.2], [0.3, 0.2], [0.2, 0.2], [0.9, 0.5]]
    total = pack(asked, {"explore": np.array(better), "surprise": np.array(better)}) / 2.0**FRACTION_BITS
    found = EVALUATION.read(total, asked, 9).surprise
    assert found.own == pytest.approx(0.7, abs=1e-7)
    assert found.means == pytest.approx((0.15, 0.25, 0.2), abs=1e-7)
    assert found.best_lambda == 1000
    assert EVALUATION.read(np.ones(8), ASKED, 9).surprise.own is None  # not measured, and not zero


def test_own_models_are_measured_once_and_never_under_noise():
    assert [parse({**TYPED, **more}).beside for more in MORE] == ["own", "nothing", "nothing"]
    asked = parse({**TYPED, "obvious": "pooled"})
    assert EVALUATION.sensitivity2(asked, 9) > 0
    with pytest.raises(UnboundedSensitivity, match="each company's own model"):
        EVALUATION.sensitivity2(replace(asked, beside="own"), 9)


def test_the_best_lambda_is_chosen_for_each_metric_and_ties_go_to_the_first():
    total = packed([[0.1], [0.3], [0.2]], [[0.5], [0.2], [0.5]]) / 2.0**FRACTION_BITS
    reading = EVALUATION.read(total, ASKED, 9)
    assert (reading.explore.best_lambda, reading.surprise.best_lambda) == (1000, 300)


def test_nobody_with_a_target_reads_as_a_count_of_zero():
    reading = EVALUATION.read(np.zeros(8), ASKED, 9)
    assert (reading.explore.count, reading.explore.means) == (0.0, (0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    "gains", [[[0.5], [0.5]], [[1.1], [0], [0]], [[-0.1], [0], [0]], [[float("nan")], [0], [0]], [0.1]]
)
def test_gains_outside_zero_to_one_or_of_another_shape_are_not_sent(gains):
    with pytest.raises(OutOfBounds):
        packed(gains, [[0.0], [0], [0]])


@pytest.mark.parametrize("total", [np.zeros(7), np.zeros((2, 4)), np.full(8, np.inf)])
def test_a_sum_of_another_length_is_no_reading(total):
    with pytest.raises(BadRelease):
        EVALUATION.read(total, ASKED, 9)


def test_an_answer_has_a_count_and_a_sum_per_lambda_for_both_metrics_whatever_the_vocabulary():
    assert length(ASKED, 9) == length(ASKED, 2221) == 8
    assert length(replace(ASKED, lambdas=(1,)), 9) == 4
    assert bound(ASKED) == 100_000


def test_more_ridges_than_a_node_can_hold_models_are_refused_by_how_many_concepts_there_are():
    many = replace(ASKED, lambdas=tuple(range(1, LAMBDAS_MAX + 1)))
    assert length(many, 11_000) == 2 * (1 + LAMBDAS_MAX)
    with pytest.raises(MalformedMessage, match="at most 14 lambdas at 12000 concepts; came 16"):
        length(many, 12_000)
    for concepts in (3_000, 14_480, 21_929, CONCEPTS_MAX):
        assert length(replace(ASKED, lambdas=tuple(range(1, 9))), concepts) == 18


@pytest.mark.parametrize("change", [
    {"release": b""}, {"lambdas": ()}, {"lambdas": (300, 300)}, {"lambdas": (0,)}, {"lambdas": tuple(range(1, LAMBDAS_MAX + 2))},
    {"target_until": ASKED.history_until}, {"history_until": 0}, {"target_until": 2**41}, {"customers_until": 0},
    {"top": 0}, {"top": 101}, {"customers_cap": 0}, {"obvious": "theirs"},
    {"beside": "theirs"},
])  # fmt: skip
def test_parameters_that_make_no_sense_do_not_exist(change):
    with pytest.raises(MalformedMessage):
        replace(ASKED, **change)


@pytest.mark.parametrize("typed", [
    {}, {"release": "ab"}, {"lambdas": "300;1000"}, {"history_until": "x"}, {"topp": 10}, {"top": 0},
])  # fmt: skip
def test_what_an_admin_mistypes_is_one_clear_message(typed):
    with pytest.raises(BadInput):
        parse(TYPED | typed if typed else {})


def test_customers_count_from_before_the_history_ends_unless_said_otherwise():
    assert ASKED.customers_until == ASKED.history_until
    assert ASKED.top == 10


def test_the_ridges_tried_unless_said_otherwise_suit_unit_rows_as_well_as_binary_ones():
    assert parse(TYPED).lambdas == (15, 60, 100, 300, 1000, 3000, 10_000)


def test_the_officer_reads_the_release_the_windows_and_what_is_sent():
    sentence = describe(ASKED)
    for part in ("abababababab", "3 settings", "from 2017-08-14 00:00 UTC", "until 2017-10-02 00:00 UTC", "first 10",
                 "a count of customers and sums of scores"):  # fmt: skip
        assert part in sentence
    assert "your own model" in describe(replace(ASKED, beside="own"))
    assert "your own model" not in sentence


def test_the_smallest_ridge_is_one():
    typed = {"release": "00" * 32, "history_until": 1, "target_until": 2}
    assert parse({**typed, "lambdas": "1"}).lambdas == (1,)
    with pytest.raises(BadInput):
        parse({**typed, "lambdas": "0"})
