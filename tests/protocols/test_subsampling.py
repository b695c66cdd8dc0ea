"""Poisson samples and their price, against the closed form, a bound and the definition."""

import math
from fractions import Fraction

import numpy as np
import pytest

from protocols import privacy
from protocols.errors import BadInput
from protocols.subsampling import Sampled, epsilon_with, poisson_sample

DELTA = 1e-7


def test_everybody_sampled_costs_what_the_closed_form_says():
    whole = epsilon_with([Sampled(multiplier=2.45, rate=1.0, rounds=4)], DELTA)
    assert whole == pytest.approx(privacy.epsilon(4 / 2.45**2, DELTA, 4), abs=2e-3)


def test_plain_releases_alone_cost_what_the_closed_form_says():
    assert epsilon_with([], DELTA, mu2=4 / 2.45**2, releases=4) == pytest.approx(
        privacy.epsilon(4 / 2.45**2, DELTA, 4), abs=2e-3
    )


def test_one_round_on_a_sample_costs_about_its_rate():
    """Between rate and amplification by subsampling: log(1 + rate (e**epsilon - 1)) at delta / rate."""
    rate, multiplier = 0.01, 1.0
    sampled = epsilon_with([Sampled(multiplier=multiplier, rate=rate, rounds=1)], DELTA)
    full = privacy.epsilon(1 / multiplier**2, DELTA / rate)
    bound = math.log1p(rate * math.expm1(full))
    assert 0.1 * bound < sampled <= bound * 1.001


def test_a_thousand_rounds_on_a_hundredth_cost_far_less_than_on_everybody_and_add_to_what_was_spent():
    rounds = Sampled(multiplier=1.0, rate=0.01, rounds=1000)
    alone = epsilon_with([rounds], DELTA)
    assert alone == pytest.approx(2.41, abs=0.05)  # dp-accounting 0.6, default discretisation
    both = epsilon_with([rounds], DELTA, mu2=1 / 2.45**2, releases=1)
    assert max(alone, 2.0) < both < alone + 2.0


def test_what_delta_cannot_pay_is_infinite_and_never_free():
    assert epsilon_with([], DELTA, mu2=16.0, releases=1) == math.inf
    assert epsilon_with([], 1e-14, mu2=0.01, releases=10) == math.inf


def test_a_sample_holds_each_customer_with_the_rate_and_is_another_for_another_key():
    one, other = (poisson_sample(200_000, Fraction(1, 20), bytes([key]) * 32) for key in (1, 2))
    for sample in (one, other):
        assert abs(sample.mean() - 0.05) < 5 * math.sqrt(0.05 * 0.95 / 200_000)
    assert abs((one & other).mean() - 0.0025) < 5 * math.sqrt(0.0025 / 200_000)
    assert (poisson_sample(100, Fraction(1, 20), bytes([1]) * 32) == one[:100]).all()
    assert poisson_sample(5, Fraction(1), bytes(32)).all()


def test_the_rate_is_rounded_down_and_never_up():
    assert not poisson_sample(1000, Fraction(1, 2**65), bytes(32)).any()
    assert not np.logical_xor(
        poisson_sample(1000, Fraction(1, 3), bytes(32)),
        poisson_sample(1000, Fraction(1, 3) + Fraction(1, 2**70), bytes(32)),
    ).any()


@pytest.mark.parametrize(("multiplier", "rate", "rounds"), [(0, 0.5, 1), (1, 0, 1), (1, 1.1, 1), (1, 0.5, 0)])
def test_rounds_that_make_no_sense_do_not_exist(multiplier, rate, rounds):
    with pytest.raises(BadInput):
        Sampled(multiplier=multiplier, rate=rate, rounds=rounds)
    if not 0 < rate <= 1:
        with pytest.raises(BadInput):
            poisson_sample(1, Fraction(rate), bytes(32))
