"""What counts against which budget, and for how long: quarters, lifetimes, clocks."""

from dataclasses import replace
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import BudgetSpent, QuestionNotAllowed, TooManyUnreleased, UnboundedSensitivity
from protocols.ledger import (
    MONTH_S,
    Debit,
    Ledger,
    Quote,
    begin_of,
    check_unreleased,
    customers_at,
    quarter_of,
    quote_for,
    say_price,
    total,
)
from protocols.privacy import Budget, Price, delta_for, loss_of
from protocols.questions import ask, price
from protocols.vocabulary import Vocabulary

DAY = 86_400
NOW = 20_000 * DAY
WORDS = Vocabulary.of("words", ["BREAD", "MILK"])
RELEASE = "00" * 32
LOSS = loss_of(1, 6)


def a_price(loss=LOSS, customers=100_000):
    return Price(loss=loss, customers=customers)


def quote(since=0, until=NOW, **changes):
    return Quote(price=a_price(**changes), since=since, until=until)


def debit(number=1, *, at=NOW, **changes):
    made = Debit.example(quote(), at=at)
    return replace(made, answer_id=bytes([number]) * 32, round=number, **changes)


def taste(**values):
    return ask([("taste", {"until": NOW, "row_scheme": "unit", **values})], WORDS, members=5, epoch="e")


def test_the_first_and_the_last_second_of_a_quarter_are_in_it():
    for quarter in (0, 80, 223, 400):
        first, last = begin_of(quarter), begin_of(quarter + 1) - 1
        assert (quarter_of(first), quarter_of(last), quarter_of(first - 1)) == (quarter, quarter, quarter - 1)


def test_what_was_spent_in_a_quarter_is_what_its_own_debits_cost_together():
    before = debit(1, at=begin_of(quarter_of(NOW)) - 1)
    ledger = Ledger(debits=(before, debit(2), debit(3)))
    spent = ledger.in_quarter(NOW)
    assert (spent.loss, spent.releases) == (2 * a_price().loss, 2)
    assert Ledger(debits=(before,)).in_quarter(NOW) is None


def test_a_clock_that_is_set_back_refills_neither_quarter_nor_lifetime():
    ledger = Ledger(debits=(debit(1),))
    for back in (0, 91 * DAY, 20 * 365 * DAY):
        assert ledger.quarter(NOW - back) == quarter_of(NOW)
        assert ledger.in_quarter(NOW - back) == a_price()
        with pytest.raises(BudgetSpent, match="quarter"):
            ledger.check(Budget(quarter=2.0), quote(), now=NOW - back, months=24)


def test_the_next_quarter_holds_a_whole_budget_again_and_the_lifetime_does_not():
    ledger = Ledger(debits=(debit(1),))
    later = begin_of(quarter_of(NOW) + 1)
    ledger.check(Budget(quarter=2.1, lifetime=3.1), quote(), now=later, months=24)
    with pytest.raises(BudgetSpent, match="lifetime"):
        ledger.check(Budget(quarter=2.1, lifetime=2.9), quote(), now=later, months=24)


def test_a_debit_is_forgotten_only_when_its_purchases_are_asked_for_no_more_and_its_months_are_over():
    ledger = Ledger(debits=(debit(1),))  # of purchases before NOW
    over = NOW + 24 * MONTH_S
    again, new_rows = quote(until=over), quote(since=NOW, until=over)
    assert ledger.over_lifetime(again, now=over, months=24) == a_price()
    assert ledger.over_lifetime(new_rows, now=over - 1, months=24) == a_price()
    assert ledger.over_lifetime(new_rows, now=over, months=24) is None


def test_setting_the_clock_back_after_a_later_debit_forgets_no_less():
    ledger = Ledger(debits=(debit(1, at=NOW), debit(2, at=NOW + 30 * MONTH_S)))
    new_rows = quote(since=NOW, until=NOW + 1)
    assert ledger.over_lifetime(new_rows, now=NOW, months=24).releases == 1


def test_windows_that_touch_share_no_purchase_and_windows_that_overlap_by_a_second_do():
    first = quote(since=0, until=100)
    assert not first.reaches(quote(since=100, until=200))
    assert not quote(since=100, until=200).reaches(first)
    assert first.reaches(quote(since=99, until=200))
    assert quote(since=99, until=200).reaches(first)


@given(st.lists(st.tuples(st.integers(1, 2**44), st.integers(1, 10**6)), min_size=1, max_size=8))
def test_a_total_is_what_the_prices_cost_together_in_any_order(parts):
    prices = [Price(loss=loss, customers=customers) for loss, customers in parts]
    assert total(prices) == total(reversed(prices))
    assert total([None, *prices]).loss == sum(loss for loss, _ in parts)
    assert total([None]) is None


def test_an_answer_without_noise_has_no_price_and_never_spends_a_budget():
    free = quote_for(taste(), 2, delta=1e-7, at_cap=True)
    assert free.price is None
    full = Ledger(debits=tuple(debit(number) for number in range(1, 9)))
    full.check(Budget(), free, now=NOW, months=24)
    assert Ledger(debits=(replace(debit(), quote=free),)).in_quarter(NOW) is None


def test_the_price_is_the_questions_own_and_one_block_without_noise_takes_it_from_all():
    spec = taste(noise="2.45")
    assert quote_for(spec, 2, delta=1e-7, at_cap=False).price == price(spec, 2)
    assert isclose(quote_for(spec, 2, delta=1e-7, at_cap=False).price.epsilon, 2.0, abs_tol=0.01)
    mixed = replace(spec, blocks=(*spec.blocks, *taste().blocks))
    assert quote_for(mixed, 2, delta=1e-7, at_cap=False).price is None


def test_a_company_at_the_cap_pays_as_for_twice_the_sensitivity():
    plain, full = (
        quote_for(taste(noise="5"), 2, delta=1e-7, at_cap=at_cap).price for at_cap in (False, True)
    )
    assert full.loss == 4 * plain.loss
    half_the_noise = quote_for(taste(noise="2.5"), 2, delta=1e-7, at_cap=False).price
    assert isclose(full.epsilon, half_the_noise.epsilon, rel_tol=1e-6)


def test_rows_of_unbounded_length_are_refused_with_noise():
    with pytest.raises(UnboundedSensitivity):
        taste(row_scheme="binary", noise="2.45")


def test_all_answers_are_read_at_one_delta_and_a_question_for_more_customers_than_it_allows_is_refused():
    """Or one almost free question for billions of customers would have all others read at its tiny delta."""
    spec = taste(noise="2.45", customers_cap=1_000_000)
    with pytest.raises(QuestionNotAllowed, match="at most 100,000 at delta 1e-07"):
        quote_for(spec, 2, delta=1e-7, at_cap=False)
    assert quote_for(spec, 2, delta=1e-8, at_cap=False).price.delta == 1e-8
    small = quote_for(taste(noise="2.45", customers_cap=10), 2, delta=1e-8, at_cap=False)
    assert small.price.delta == 1e-8
    assert quote_for(replace(spec, blocks=taste(customers_cap=10**8).blocks), 2, delta=1e-7, at_cap=False)
    assert delta_for(customers_at(1e-7)) == 1e-7


def test_an_answer_about_one_week_counts_that_week_and_an_evaluation_everything_before_its_end():
    week = quote_for(taste(since=NOW - 7 * DAY), 2, delta=1e-7, at_cap=False)
    assert (week.since, week.until) == (NOW - 7 * DAY, NOW)
    asked = {"release": RELEASE, "history_until": NOW - DAY, "target_until": NOW}
    spec = ask([("evaluation", asked)], WORDS, members=5, epoch="e")
    evaluated = quote_for(spec, 2, delta=1e-7, at_cap=False)
    assert (evaluated.since, evaluated.until) == (0, NOW)


def test_the_limit_on_answers_that_come_to_nothing_is_a_limit():
    check_unreleased(1.0, None)
    check_unreleased(2.02, a_price())
    with pytest.raises(TooManyUnreleased, match=r"less than epsilon 1\.98 a quarter"):
        check_unreleased(1.98, a_price())


def test_a_price_is_said_with_its_delta_and_its_unit():
    assert say_price(a_price()) == "epsilon 2.00 at delta 1e-07 for one account"
