"""The attack on the sum of the others, on customers made up here: it finds what is there and no more than noise allows."""

import numpy as np
import pytest

from tests.benchmarks import leak_rest
from tests.benchmarks.oracle import OracleCompany

CUSTOMERS, CONCEPTS, CAP = 300, 80, 100


@pytest.fixture(scope="module")
def found():
    """Rows of the measurement by release and attacker: three companies that share some households."""
    rng = np.random.default_rng(7)
    members = []
    for _ in range(3):
        rows = (rng.random((CUSTOMERS, CONCEPTS)) < 0.15).astype(np.float32)
        households = np.sort(rng.permutation(2 * CUSTOMERS)[:CUSTOMERS])
        members.append(OracleCompany(households=households, fit=rows, valid=rows, full=rows, test=rows))
    return {(row["release"], row["attacker"]): row for row in leak_rest.measure(members, seed=1)}


def test_without_noise_who_knows_all_rows_finds_everybody(found):
    for release in ("binary rows, no noise", "unit rows, no noise"):
        assert found[release, "all rows known"]["true_positive_rate"] > 0.98
        assert found[release, "own cells"]["auc"] > 0.6


def test_a_cap_hides_those_who_are_not_counted_and_nobody_else(found):
    capped = found["binary rows, 100 customers of each", "all rows known"]
    assert capped["customers"] == 2 * CAP
    assert capped["true_positive_rate"] == pytest.approx(CAP / (CUSTOMERS / 2), abs=0.03)


@pytest.mark.parametrize("epsilon", [8, 4, 2, 1])
@pytest.mark.parametrize("attacker", ["own cells", "all rows known"])
def test_under_noise_no_more_are_found_than_the_noise_of_all_others_allows(found, epsilon, attacker):
    row = found[f"unit rows, epsilon {epsilon}", attacker]
    assert row["true_positive_rate"] < row["bound_noise"] + 2 * row["true_positive_rate_spread"]
    assert row["bound_noise"] < row["bound"]


def test_the_attack_is_sharp_enough_to_come_near_that(found):
    row = found["unit rows, epsilon 8", "all rows known"]
    assert row["true_positive_rate"] > row["bound_noise"] / 3


def test_a_household_known_from_the_own_shop_alone_is_as_good_as_not_known_when_tastes_are_independent(found):
    assert found["binary rows, no noise", "own shop's row"]["auc"] == pytest.approx(0.5, abs=0.03)
    assert found["any", "activity"]["auc"] == pytest.approx(0.5, abs=0.06)


def test_a_household_that_buys_the_same_everywhere_is_found_by_what_its_own_shop_knows():
    rng = np.random.default_rng(7)
    rows = (rng.random((CUSTOMERS, CONCEPTS)) < 0.15).astype(np.float32)
    one = OracleCompany(households=np.arange(CUSTOMERS), fit=rows, valid=rows, full=rows, test=rows)
    cases = {case[:2]: case[2]["auc"] for case in leak_rest._households(one, [one, one], rng)}
    assert cases["binary rows, no noise", "own shop's row"] > 0.7
    assert cases["unit rows, no noise", "own shop's row"] > cases["unit rows, epsilon 1", "own shop's row"]
