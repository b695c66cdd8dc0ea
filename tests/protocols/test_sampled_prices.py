"""What rounds on Poisson samples cost, against the closed form, a bound, and events composed by dp-accounting."""

import math

import pytest
from dp_accounting import (
    ComposedDpEvent,
    GaussianDpEvent,
    PoissonSampledDpEvent,
    SelfComposedDpEvent,
)
from dp_accounting.pld import PLDAccountant
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import privacy
from protocols.errors import BadInput, BudgetSpent, QuestionNotAllowed
from protocols.ledger import DISPLACED, Debit, Ledger, Quote
from protocols.privacy import LOSS_BITS, RATE_BITS, SHORTFALL, Budget, Price, Sampled, epsilon_with, loss_of

DELTA, CUSTOMERS = 1e-7, 100_000
DAY = 86_400


def rounds(multiplier: float, rate: float, count: int = 1) -> Sampled:
    return Sampled(loss=round(2**LOSS_BITS / multiplier**2), rate=round(rate * 2**RATE_BITS), rounds=count)


def test_everybody_sampled_costs_what_the_closed_form_says():
    whole = epsilon_with([rounds(2.45, 1.0, 4)], DELTA)
    assert whole == pytest.approx(privacy.epsilon(4 / 2.45**2, DELTA, 4), abs=2e-3)


def test_plain_releases_alone_cost_what_the_closed_form_says():
    assert epsilon_with([], DELTA, mu2=4 / 2.45**2, releases=4) == pytest.approx(
        privacy.epsilon(4 / 2.45**2, DELTA, 4), abs=2e-3
    )


def test_one_round_on_a_sample_costs_about_its_rate():
    """Between rate and amplification by subsampling: log(1 + rate (e**epsilon - 1)) at delta / rate."""
    rate, multiplier = 0.01, 1.0
    sampled = epsilon_with([rounds(multiplier, rate)], DELTA)
    full = privacy.epsilon(1 / multiplier**2, DELTA / rate)
    bound = math.log1p(rate * math.expm1(full))
    assert 0.1 * bound < sampled <= bound * 1.001


def test_a_thousand_rounds_on_a_hundredth_cost_far_less_than_on_everybody_and_add_to_what_was_spent():
    thousand = rounds(1.0, 0.01, 1000)
    alone = epsilon_with([thousand], DELTA)
    assert alone == pytest.approx(2.41, abs=0.05)  # dp-accounting 0.6, default discretisation
    both = epsilon_with([thousand], DELTA, mu2=1 / 2.45**2, releases=1)
    assert max(alone, 2.0) < both < alone + 2.0


def test_what_delta_cannot_pay_is_infinite_and_never_free():
    assert epsilon_with([], DELTA, mu2=16.0, releases=1) == math.inf
    assert epsilon_with([], 1e-14, mu2=0.01, releases=10) == math.inf


def test_a_training_and_a_plain_release_cost_what_dp_accounting_says_of_the_composed_event():
    """The event written down by hand, and the charge for cut-off tails taken off its delta."""
    event = ComposedDpEvent(
        [
            GaussianDpEvent(5.0),
            SelfComposedDpEvent(PoissonSampledDpEvent(1 / 64, GaussianDpEvent(0.8)), 200),
            SelfComposedDpEvent(PoissonSampledDpEvent(1 / 16, GaussianDpEvent(4.0)), 50),
        ]
    )
    price = Price(loss=loss_of(1, 25), customers=CUSTOMERS)
    for one in (rounds(0.8, 1 / 64, 200), rounds(4.0, 1 / 16, 50)):
        price += Price.of_rounds(one, CUSTOMERS)
    charge = 251 * (1 + math.exp(price.epsilon)) * SHORTFALL
    stated = PLDAccountant().compose(event).get_epsilon(DELTA - charge)
    assert price.epsilon == pytest.approx(stated, rel=1e-3)
    assert price.epsilon >= stated - 1e-4


def test_rounds_that_are_debited_one_by_one_cost_what_the_training_costs_as_a_whole():
    one = Price.of_rounds(rounds(1.0, 0.01), CUSTOMERS)
    step_by_step = one
    for _ in range(29):
        step_by_step += one
    assert step_by_step == Price.of_rounds(rounds(1.0, 0.01, 30), CUSTOMERS)
    assert one.epsilon < step_by_step.epsilon < 30 * one.epsilon


@settings(max_examples=10)
@given(
    st.lists(st.tuples(st.sampled_from((1, 2)), st.sampled_from((1, 3)), st.integers(1, 4)), max_size=6),
    st.randoms(use_true_random=False),
)
def test_prices_add_up_in_any_order(parts, chance):
    prices = [
        Price.of_rounds(Sampled(loss=loss << 38, rate=rate << 24, rounds=count), CUSTOMERS)
        for loss, rate, count in parts
    ]
    prices.append(Price(loss=1 << 30, customers=7))
    shuffled = chance.sample(prices, len(prices))
    assert sum(prices[1:], prices[0]) == sum(shuffled[1:], shuffled[0])
    assert sum(each.rounds for each in sum(prices[1:], prices[0]).sampled) == sum(part[2] for part in parts)


def test_at_the_cap_no_sample_makes_anything_cheaper():
    sampled = Price.of_rounds(rounds(4.0, 0.01, 3), CUSTOMERS)
    assert sampled.times(DISPLACED) == Price(
        loss=3 * 4 * (2**LOSS_BITS // 16), customers=CUSTOMERS, releases=3
    )


def test_a_ledger_refuses_the_round_that_would_be_one_too_many():
    one = Quote(price=Price.of_rounds(rounds(4.0, 0.25), CUSTOMERS), since=0, until=19_000 * DAY)
    spent = []
    while len(spent) < 100:
        ledger = Ledger(debits=tuple(spent))
        try:
            ledger.check(Budget(quarter=0.6), one, now=19_000 * DAY, months=24)
        except BudgetSpent:
            break
        spent.append(Debit.example(one, at=19_000 * DAY))
    whole = Price.of_rounds(rounds(4.0, 0.25, len(spent)), CUSTOMERS)
    assert 2 <= len(spent) < 100
    assert whole.epsilon <= 0.6 < (whole + one.price).epsilon


def test_an_answer_is_one_round_and_travels_alone():
    one = rounds(1.0, 0.01)
    with pytest.raises(QuestionNotAllowed, match="one round on a sample"):
        Quote(price=Price.of_rounds(rounds(1.0, 0.01, 2), CUSTOMERS), since=0, until=1)
    with pytest.raises(QuestionNotAllowed):
        Quote(price=Price(loss=5, customers=CUSTOMERS, sampled=(one,)), since=0, until=1)


@pytest.mark.parametrize(
    ("loss", "rate", "count"), [(0, 1, 1), (1, 0, 1), (1, 2**RATE_BITS + 1, 1), (1, 1, 0)]
)
def test_rounds_that_make_no_sense_do_not_exist(loss, rate, count):
    with pytest.raises(BadInput):
        Sampled(loss=loss, rate=rate, rounds=count)
    assert Sampled(loss=1, rate=1, rounds=1).rounds == 1
