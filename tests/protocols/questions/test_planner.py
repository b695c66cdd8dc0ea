"""The planner: louder with more customers, quieter with more concepts, and honest about what drowns."""

import numpy as np
import pytest

from protocols.errors import BadInput
from protocols.questions.planner import (
    NEEDED,
    NOISE_AWARE,
    PLAIN,
    Level,
    customers_for,
    faintest,
    finest,
    plan,
    sigma_of,
)

TYPES, CATEGORIES = Level(name="types", concepts=2221), Level(name="categories", concepts=291)


def foreseen(customers, wanted=2.0):
    return plan([CATEGORIES, TYPES], customers=customers, members=5, wanted=wanted, cap=100_000)


def test_noise_of_a_sum_is_everybodys_noise_together():
    drawn = np.random.default_rng(0).normal(0, 3.0 / np.sqrt(2), (4, 100_000)).sum(0)
    assert sigma_of(3.0, 4) == pytest.approx(drawn.std(), rel=0.02)


def test_a_direction_below_the_limit_is_lost_in_the_noise_and_one_above_it_is_not():
    level, sigma, customers = Level(name="x", concepts=400), 2.0, 1000
    noise = np.triu(np.random.default_rng(1).normal(0, sigma, (400, 400)), 1)
    noise += noise.T
    found = []
    for strength in (0.7, 1.5):
        seen = noise.copy()
        seen[7, 7] += strength * faintest(level, customers=customers, sigma=sigma) * customers
        found.append(abs(np.linalg.eigh(seen)[1][7, -1]))
    assert found[0] < 0.3
    assert found[1] > 0.6


def test_the_number_of_customers_it_takes_is_the_turning_point():
    for level in (TYPES, CATEGORIES):
        enough = customers_for(level, sigma=7.4, needed=0.001)
        assert faintest(level, customers=enough, sigma=7.4) <= 0.001
        assert faintest(level, customers=enough - 1, sigma=7.4) > 0.001


def test_ten_times_the_customers_bear_ten_times_the_noise():
    assert faintest(TYPES, customers=50_000, sigma=7.4) == pytest.approx(
        faintest(TYPES, customers=500_000, sigma=74.0)
    )


def test_the_coarser_level_survives_where_the_finer_drowns_and_the_finest_that_lives_is_offered():
    middle = foreseen(80_000)
    assert [each.level for each in middle] == ["types", "categories", "any"]
    assert finest(middle, NOISE_AWARE).level == "categories"
    assert finest(foreseen(10**8), NOISE_AWARE).level == "types"
    assert finest(foreseen(10), NOISE_AWARE) is None


def test_a_verdict_agrees_with_the_customers_it_says_are_needed():
    for customers in (1_000, 80_000, 1_000_000):
        for each in foreseen(customers, wanted=1):
            for reading, lives in each.survives.items():
                assert lives == (customers >= each.customers_needed[reading])


def test_less_epsilon_needs_more_customers_and_reading_noise_aware_needs_no_more():
    loose, strict = (foreseen(1_000, wanted)[0] for wanted in (4, 1))
    assert strict.customers_needed[PLAIN] > 2 * loose.customers_needed[PLAIN]
    assert strict.customers_needed[NOISE_AWARE] <= strict.customers_needed[PLAIN]
    assert NEEDED[NOISE_AWARE] >= NEEDED[PLAIN]


def test_four_releases_a_year_cost_less_than_four_times_one():
    assert foreseen(1_000)[0].a_year == pytest.approx(4.27, abs=0.01)


def test_an_evaluation_needs_fewer_customers_than_a_fine_taste():
    types, _, evaluation = foreseen(1_000)
    assert evaluation.customers_needed[PLAIN] < types.customers_needed[NOISE_AWARE]


@pytest.mark.parametrize(("name", "concepts"), [("", 5), ("x", 0), ("x", -1)])
def test_a_level_that_cannot_be_is_refused(name, concepts):
    with pytest.raises(BadInput):
        Level(name=name, concepts=concepts)


@pytest.mark.parametrize("change", [{"customers": 0}, {"members": 0}, {"levels": []}, {"wanted": 0.0}])
def test_a_plan_for_nobody_is_refused(change):
    asked = {"levels": [TYPES], "customers": 10, "members": 5, "wanted": 1.0} | change
    with pytest.raises(BadInput):
        plan(asked.pop("levels"), cap=100_000, **asked)
