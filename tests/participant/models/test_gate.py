"""The gate hears the consortium where own customers cannot tell, and only there."""

import math
from dataclasses import replace

import numpy as np
import pytest

from participant.models import Windows, learn
from participant.models.gate import PRIOR_CUSTOMERS, SURE, holds_up, judge, sure
from tests.participant.models.test_strangers import sums
from tests.participant.shop import DAY, VOCABULARY, shop

LIES = (-1.0, 1.0)
WINDOWS = Windows(fit_until=150 * DAY, validation_until=220 * DAY, customers_until=150 * DAY)


def differences(customers, mean, seed=0):
    """Of so many customers, exactly of this mean, with the spread of real ones."""
    drawn = np.random.default_rng(seed).normal(0, 0.12, customers)
    return drawn - drawn.mean() + mean


def test_a_company_with_few_customers_takes_what_serves_all_and_a_large_one_goes_by_its_own():
    few, many = differences(38, -0.012), differences(800, -0.004)
    assert not holds_up(few)
    assert holds_up(few, 0.0175)
    assert not holds_up(many, 0.0175)  # as unsure as the small one by standard errors


def test_the_smaller_the_gain_of_all_the_less_it_talks_a_company_into():
    unsure = differences(38, -0.012)
    needed = 38 * 0.012 / PRIOR_CUSTOMERS
    assert not holds_up(unsure, needed * 0.99)
    assert holds_up(unsure, needed * 1.01)


@pytest.mark.parametrize("customers", [2, 3, 4, 5, 20, 200, 2_000])
def test_nobody_who_lies_about_the_gain_moves_a_company_against_its_own_evidence(customers):
    spread = differences(customers, 0.0).std(ddof=1)
    solid = differences(customers, 1.01 * sure(customers) * spread / customers**0.5)
    for lie in (*LIES, math.inf, -math.inf, math.nan):
        assert holds_up(solid, lie)
        assert not holds_up(-solid, lie)


@pytest.mark.parametrize("customers", [2, 3, 4, 5])
def test_two_standard_errors_of_a_handful_of_customers_are_no_evidence_against_all_others(customers):
    spread = differences(customers, 0.0).std(ddof=1)
    weak = differences(customers, -1.2 * SURE * spread / customers**0.5)
    assert not holds_up(weak)
    assert holds_up(weak, 1.0)
    assert not holds_up(differences(2_000, -1.2 * SURE * 0.12 / 2_000**0.5), 1.0)


def test_without_a_measured_gain_the_sign_decides_as_it_did():
    for seed in range(50):
        difference = np.random.default_rng(seed).normal(0.01, 0.1, 30)
        assert holds_up(difference) == (difference.mean() > 0)


def test_nobody_is_judged_by_a_single_customer_whatever_others_say():
    assert not holds_up(np.ones(1), 1.0)
    assert not holds_up(np.zeros(0), 1.0)


def test_a_noisy_release_is_not_helped_by_the_gain_of_all():
    local = np.full(40, 0.1)
    unsure = local + differences(40, 0.001)
    assert judge(local, unsure, unsure, prior=0.02).deployed
    for prior in (0.0, 0.02, 1.0):
        assert not judge(local, unsure, unsure, noisy=True, prior=prior).deployed


def test_a_node_hears_the_gain_and_says_so_and_hears_none_with_noise(tmp_path):
    """A few strangers beside own rows: sixty customers see a loss of 0.01 to 0.02, and cannot be sure of it."""
    records, unasked = shop(tmp_path)[0], sums(strange=True, seed=1, times=0.3)
    asked = replace(unasked, gains={"explore": 0.03, "surprise": 0.03})
    alone, together = (
        learn(records, VOCABULARY, windows=WINDOWS, exchange=each).model.scenarios
        for each in (unasked, asked)
    )
    for name, part in together.items():
        assert part.verdict.difference.mean < 0
        assert (alone[name].deployed, part.deployed) == (False, True)
        assert "at all members together by +0.0300" in part.verdict.sentence
        assert "at all members" not in alone[name].verdict.sentence
    assert (asked.prior("explore"), replace(asked, sigmas=(1.0, 1.0)).prior("explore")) == (0.03, 0.0)
