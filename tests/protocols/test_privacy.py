"""Prices: the closed form against dp-accounting's privacy loss distributions, and what a budget refuses."""

import math
from itertools import pairwise

import pytest
from dp_accounting.pld import privacy_loss_distribution as pld
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import BadInput, BudgetSpent
from protocols.privacy import (
    LOSS_BITS,
    SHORTFALL,
    TAIL_SIGMAS,
    Budget,
    Price,
    delta_for,
    epsilon,
    loss_of,
    multiplier_for,
)

DELTA = 1e-7


def price(multiplier, *, customers=100_000):
    """The price of one release with noise of ``multiplier`` sensitivities."""
    return Price(loss=math.ceil(2**LOSS_BITS / multiplier**2), customers=customers)


@pytest.mark.parametrize(("wanted", "multiplier"), [(1, 4.68), (2, 2.45), (4, 1.30), (8, 0.71)])
def test_one_release_needs_the_published_multiplier_rounded_up(wanted, multiplier):
    exact = multiplier_for(wanted, DELTA)
    assert multiplier - 0.01 < exact <= multiplier
    assert epsilon(1 / exact**2, DELTA, 1) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(("quarterly", "quarters", "together"), [
    (2, 4, 4.27), (2, 8, 6.29), (2, 12, 7.93), (4, 4, 8.75),
])  # fmt: skip
def test_quarters_compose_to_the_published_figures(quarterly, quarters, together):
    """The published figures mix exact multipliers with rounded ones: 8.75 is 1.30, exact is 8.764."""
    one = multiplier_for(quarterly, DELTA)
    assert epsilon(quarters / one**2, DELTA, quarters) == pytest.approx(together, abs=0.015)


@pytest.mark.parametrize(("multiplier", "times", "delta"), [
    (0.71, 1, 1e-7), (1.3, 4, 1e-7), (2.45, 1, 1e-9), (2.45, 12, 1e-7), (4.68, 1, 1e-7), (20.0, 12, 1e-9),
])  # fmt: skip
def test_the_closed_form_is_what_privacy_loss_distributions_bound_from_above(multiplier, times, delta):
    oracle = pld.from_gaussian_mechanism(multiplier, value_discretization_interval=1e-3).self_compose(times)
    bound = oracle.get_epsilon_for_delta(delta)
    exact = epsilon(times / multiplier**2, delta, 0)
    assert exact == pytest.approx(bound, rel=1e-3, abs=2e-3)
    assert exact <= bound + 1e-6


def test_blocks_of_one_vector_are_one_gaussian_and_not_two_in_a_row_of_epsilons():
    together = price(2.45) + price(2.45)
    assert together.epsilon == pytest.approx(epsilon(2 / 2.45**2, DELTA, 2), abs=1e-6)
    assert together.epsilon < 1.5 * price(2.45).epsilon


@given(st.lists(st.floats(1, 50), min_size=2, max_size=6), st.randoms())
def test_losses_add_up_in_any_order_and_every_release_more_costs_more(multipliers, rng):
    prices = [price(multiplier) for multiplier in multipliers]
    totals = [prices[0]]
    for one in prices[1:]:
        totals.append(totals[-1] + one)
    rng.shuffle(prices)
    shuffled = prices[0]
    for one in prices[1:]:
        shuffled += one
    assert shuffled == totals[-1]
    assert all(before.epsilon < after.epsilon for before, after in pairwise(totals))


def test_a_loss_is_rounded_up_and_never_down():
    assert loss_of(1, 3) * 3 > 2**LOSS_BITS
    assert (loss_of(1, 3) - 1) * 3 < 2**LOSS_BITS
    assert loss_of(10**30, 10**30) == 2**LOSS_BITS
    for sensitivity2, variance in ((0, 1), (1, 0), (-1, 1)):
        with pytest.raises(BadInput):
            loss_of(sensitivity2, variance)


def test_truncation_is_charged_and_eats_delta_at_large_epsilons():
    assert (
        pytest.approx(400 * 2**20 / 4 * math.erfc(TAIL_SIGMAS / math.sqrt(2)), rel=1e-9, abs=0) == SHORTFALL
    )
    assert epsilon(1.0, DELTA, 1) > epsilon(1.0, DELTA, 0)
    assert epsilon(1.0, DELTA, 1) == pytest.approx(epsilon(1.0, DELTA, 0), abs=1e-3)
    assert epsilon(16.0, DELTA, 1) == math.inf  # an epsilon of 27 without truncation
    assert math.isfinite(epsilon(16.0, DELTA, 0))


def test_no_noise_can_pay_for_a_delta_below_the_truncation():
    with pytest.raises(BadInput):
        multiplier_for(2, 1e-15)
    for nonsense in (0, -1, 40):
        with pytest.raises(BadInput):
            multiplier_for(nonsense, DELTA)


def test_delta_follows_the_largest_public_cap():
    assert delta_for(1) == delta_for(100_000) == 1e-7
    assert delta_for(10**6) == pytest.approx(1e-8)
    many = price(2.45) + price(2.45, customers=10**6)
    assert many.delta == pytest.approx(1e-8)
    assert many.epsilon > (price(2.45) + price(2.45)).epsilon


def test_a_budget_says_which_limit_and_by_how_much():
    budget, quarter = Budget(), price(2.4491)
    budget.check(quarter, this_quarter=None, lifetime=None)
    with pytest.raises(BudgetSpent, match=r"epsilon 2 a quarter; came epsilon 2\.9\d with"):
        budget.check(quarter, this_quarter=quarter, lifetime=quarter)
    spent = quarter
    for _ in range(11):
        budget.check(quarter, this_quarter=None, lifetime=spent)
        spent += quarter
    with pytest.raises(BudgetSpent, match="epsilon 8 a lifetime"):
        budget.check(quarter, this_quarter=None, lifetime=spent)


def test_an_infinite_price_fits_no_budget():
    with pytest.raises(BudgetSpent, match="epsilon inf"):
        Budget(quarter=60, lifetime=60).check(price(0.2), this_quarter=None, lifetime=None)
