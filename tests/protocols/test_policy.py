"""What a policy refuses, whoever asks: every rule at its boundary, on both sides of it."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import (
    BelowMinimumCohort,
    DifferencingRefused,
    NoiseRequired,
    QuestionNotAllowed,
    SuiteNotAllowed,
    ThresholdTooLow,
    TooFewCustomers,
    TooFewSurvivors,
    UnknownSigner,
)
from protocols.policy import (
    Policy,
    check_config,
    check_customers,
    check_differencing,
    check_survivors,
    default_colluders,
    threshold,
)
from tests.protocols.message_values import answer, block, config, member

POLICY = Policy(questions=("taste",))


def members(*numbers):
    return tuple(member(number) for number in numbers)


@pytest.mark.parametrize(("n", "t", "most", "honest"), [
    (3, 3, 2, 1), (4, 3, 1, 2), (5, 4, 2, 2), (7, 5, 2, 3), (10, 7, 3, 4), (100, 67, 33, 34),
])  # fmt: skip
def test_the_table_of_cohorts_thresholds_and_colluders_holds(n, t, most, honest):
    assert threshold(n) == t
    assert 2 * t > n + most
    assert 2 * t <= n + most + 1
    assert t - most == honest


def two_sums_are_possible(n, t, c):
    """Brute force: can c colluders help two different survivor sets to t answers, honest members one each?"""
    honest = range(n - c)
    needed = max(t - c, 0)
    return any(
        not set(one) & set(other)
        for one in combinations(honest, needed)
        for other in combinations(honest, needed)
    )


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7])
def test_the_threshold_rule_refuses_exactly_the_cohorts_in_which_two_sums_come_out(n):
    for c in range(n):
        for t in range(threshold(n), n + 1):
            policy = replace(POLICY, colluders=c, minimum_cohort=3)
            asked = config(n, threshold=t, minimum_cohort=n)
            if two_sums_are_possible(n, t, c):
                with pytest.raises(ThresholdTooLow):
                    check_config(policy, asked)
            elif n - c >= 2:
                check_config(policy, asked)


@given(st.integers(3, 1000))
def test_the_default_policy_accepts_every_cohort_size_from_four_with_the_standard_threshold(n):
    policy = POLICY if n >= 4 else replace(POLICY, minimum_cohort=3)
    t, c = threshold(n), default_colluders(n)
    assert 2 * t > n + c
    assert max(t, 3) - c >= 2
    if n <= 40:
        check_config(policy, config(n))


@pytest.mark.parametrize("t", [2, 3])
def test_a_threshold_below_two_thirds_plus_one_is_refused_even_when_nobody_is_thought_to_collude(t):
    with pytest.raises(ThresholdTooLow):
        check_config(replace(POLICY, colluders=0), config(5, threshold=t))


def test_a_round_that_accepts_fewer_companies_than_the_policy_is_refused():
    with pytest.raises(BelowMinimumCohort, match="accepts 3 of 5"):
        check_config(POLICY, config(5, minimum_cohort=3))
    check_config(replace(POLICY, minimum_cohort=3), config(5, minimum_cohort=3))


def test_three_companies_need_a_policy_that_states_three():
    with pytest.raises(BelowMinimumCohort):
        check_config(POLICY, config(3))
    check_config(replace(POLICY, minimum_cohort=3), config(3))


def test_two_colluders_among_three_are_accepted_by_name_only_and_only_among_three():
    two = replace(POLICY, minimum_cohort=3, colluders=2)
    with pytest.raises(BelowMinimumCohort, match="accept_two_expose_the_third"):
        check_config(two, config(3))
    check_config(replace(two, accept_two_expose_the_third=True), config(3))
    with pytest.raises(ThresholdTooLow):
        check_config(replace(two, accept_two_expose_the_third=True), config(4))
    with pytest.raises(BelowMinimumCohort, match="2 honest"):
        check_config(
            replace(POLICY, colluders=4, accept_two_expose_the_third=True),
            config(5, threshold=5, minimum_cohort=5),
        )


def test_one_unlisted_question_refuses_the_whole_vector():
    both = config(answer=answer(blocks=(block(), block(question="landmarks"))))
    with pytest.raises(QuestionNotAllowed, match="landmarks"):
        check_config(POLICY, both)
    check_config(replace(POLICY, questions=("landmarks", "taste")), both)
    with pytest.raises(QuestionNotAllowed, match="no questions"):
        check_config(Policy(questions=()), config())


def test_a_policy_that_asks_for_noise_refuses_a_block_without():
    strict = replace(POLICY, require_dp=True)
    with pytest.raises(NoiseRequired):
        check_config(strict, config(answer=answer(blocks=(block(noise_sigma=16), block()))))
    check_config(strict, config(answer=answer(blocks=(block(noise_sigma=16),))))


def test_a_round_in_a_suite_that_the_policy_does_not_list_is_refused():
    for suite in (1, 2):
        check_config(POLICY, config(suite=suite))
        check_config(replace(POLICY, suites=(suite,)), config(suite=suite))
        with pytest.raises(
            SuiteNotAllowed, match=f"expected suite {3 - suite}; came a round in suite {suite}"
        ):
            check_config(replace(POLICY, suites=(3 - suite,)), config(suite=suite))


@pytest.mark.parametrize("suites", [(), (0,), (1, 3)])
def test_a_policy_without_a_known_suite_does_not_exist(suites):
    with pytest.raises(ValueError, match="one or more of 1, 2"):
        replace(POLICY, suites=suites)


@pytest.mark.parametrize("change", [{"colluders": -2}, {"customers_floor": -1}, {"differencing_floor": -1}])
def test_a_policy_with_negative_floors_does_not_exist(change):
    with pytest.raises(ValueError, match="floors from 0"):
        replace(POLICY, **change)


@pytest.mark.parametrize(
    "change",
    [
        {"epsilon_quarter": 0},
        {"epsilon_quarter": 9},  # above the lifetime's
        {"epsilon_lifetime": float("inf")},
        {"epsilon_quarter": float("nan")},
        {"delta": 0},
        {"delta": 2e-7},
        {"lifetime_months": 0},
        {"epsilon_unreleased": 0},
    ],
)
def test_a_policy_without_a_finite_budget_does_not_exist(change):
    with pytest.raises(ValueError, match=r"epsilon|from 1|recomputed_members from 0"):
        replace(POLICY, **change)


def test_the_policy_that_nobody_wrote_accepts_no_weakness_and_requires_no_noise():
    assert (POLICY.minimum_cohort, POLICY.colluders, POLICY.customers_floor) == (4, -1, 1)
    assert POLICY.differencing(5) == 4
    weakened = (POLICY.accept_company_differencing, POLICY.accept_two_expose_the_third)
    assert weakened == (False, False)
    assert POLICY.require_dp is False
    assert POLICY.suites == (1, 2)
    assert (POLICY.budget.quarter, POLICY.budget.lifetime, POLICY.delta) == (2.0, 8.0, 1e-7)
    assert (POLICY.lifetime_months, POLICY.epsilon_unreleased) == (24, 1.0)
    check_customers(replace(POLICY, customers_floor=0), 0)


def test_no_policy_goes_below_three_companies():
    with pytest.raises(BelowMinimumCohort):
        replace(POLICY, minimum_cohort=2)


def test_a_company_below_its_own_floor_of_customers_does_not_answer():
    check_customers(replace(POLICY, customers_floor=100), 100)
    with pytest.raises(TooFewCustomers):
        check_customers(replace(POLICY, customers_floor=100), 99)


def test_survivors_need_the_threshold_and_both_minima():
    asked = config(7, minimum_cohort=3)
    check_survivors(POLICY, asked, members(1, 2, 3, 4, 5))
    with pytest.raises(TooFewSurvivors):
        check_survivors(POLICY, asked, members(1, 2, 3, 4))
    check_survivors(replace(POLICY, minimum_cohort=6), asked, members(1, 2, 3, 4, 5, 6))
    with pytest.raises(BelowMinimumCohort):
        check_survivors(replace(POLICY, minimum_cohort=6), asked, members(1, 2, 3, 4, 5))
    with pytest.raises(BelowMinimumCohort):
        check_survivors(POLICY, replace(asked, minimum_cohort=6), members(1, 2, 3, 4, 5))


@pytest.mark.parametrize("survivors", [members(1, 2, 3, 4, 4), members(1, 2, 3, 4, 9)])
def test_survivors_are_distinct_members_of_the_cohort(survivors):
    with pytest.raises(UnknownSigner):
        check_survivors(POLICY, config(5), survivors)


@pytest.mark.parametrize(
    ("now", "before", "apart"),
    [((1, 2, 3, 4), (1, 2, 3, 4, 5), 1), ((1, 2, 3, 5), (1, 2, 3, 4), 2), ((1, 2, 3, 4, 5), (1, 2, 3, 4), 1)],
)
def test_two_sums_that_differ_by_a_few_companies_are_refused_unless_accepted_by_name(now, before, apart):
    history = [members(7, 8, 9, 10), members(*before)]
    with pytest.raises(DifferencingRefused, match=f"differ by {apart}"):
        check_differencing(POLICY, members(*now), history, members=5)
    accepting = replace(POLICY, accept_company_differencing=True)
    check_differencing(accepting, members(*now), history, members=5)


def test_the_same_companies_again_and_enough_changed_ones_are_no_differencing():
    check_differencing(POLICY, members(1, 2, 3, 4), [], members=6)
    check_differencing(POLICY, members(4, 3, 2, 1), [members(1, 2, 3, 4)], members=6)
    check_differencing(POLICY, members(1, 2, 5, 6), [members(1, 2, 3, 4)], members=6)
    strict = replace(POLICY, differencing_floor=5)
    with pytest.raises(DifferencingRefused):
        check_differencing(strict, members(1, 2, 5, 6), [members(1, 2, 3, 4)], members=6)


@pytest.mark.parametrize("floor", [0, 1])
def test_what_two_sums_leave_of_each_other_holds_two_honest_answers(floor):
    """Twenty members, six may collude. Seven companies apart could be six colluders and their victim."""
    policy, everybody = replace(POLICY, differencing_floor=floor), members(*range(1, 21))
    with pytest.raises(DifferencingRefused, match="at least 8"):
        check_differencing(policy, everybody[7:], [everybody], members=20)
    check_differencing(policy, everybody[8:], [everybody], members=20)
    stated = replace(policy, colluders=2)
    check_differencing(stated, everybody[4:], [everybody], members=20)


def test_a_coordinator_cannot_choose_a_cohort_of_the_colluders_and_one_other():
    """Ten members tolerate three colluders: four of them, chosen by the coordinator, hide nobody."""
    four = config(4)
    check_config(POLICY, four)
    with pytest.raises(ThresholdTooLow, match="c = 3"):
        check_config(POLICY, four, members=10)
    check_config(replace(POLICY, colluders=1), four, members=10)
    for n in (8, 9, 10):
        check_config(POLICY, config(n), members=10)
    with pytest.raises(ThresholdTooLow):
        check_config(POLICY, config(7), members=10)


def test_a_border_below_zero_between_recomputing_and_checking_is_refused():
    with pytest.raises(ValueError, match="recomputed_members from 0"):
        replace(POLICY, recomputed_members=-1)
    assert replace(POLICY, recomputed_members=0).recomputed_members == 0
