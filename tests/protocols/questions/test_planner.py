"""The planner: louder with more customers, quieter with more concepts, and honest about what drowns."""

import numpy as np
import pytest

from protocols.errors import BadInput
from protocols.questions.planner import (
    NEEDED,
    NOISE_AWARE,
    PLAIN,
    Counts,
    audible,
    customers_for,
    finest,
    plan,
    sigma_of,
)

TYPES = Counts(level="types", buyers=tuple(int(900 / (1 + i / 20)) for i in range(2000)), counted=1000)
CATEGORIES = Counts(
    level="categories", buyers=tuple(int(950 / (1 + i / 20)) for i in range(200)), counted=1000
)


def test_noise_of_a_sum_is_everybodys_noise_together():
    drawn = np.random.default_rng(0).normal(0, 3.0 / np.sqrt(2), (4, 100_000)).sum(0)
    assert sigma_of(3.0, 4) == pytest.approx(drawn.std(), rel=0.02)


def test_a_direction_weaker_than_the_audible_limit_is_lost_in_the_noise_and_a_stronger_one_is_not():
    concepts, sigma = 400, 2.0
    noise = np.triu(np.random.default_rng(1).normal(0, sigma, (concepts, concepts)), 1)
    noise += noise.T
    found = []
    for strength in (0.7, 1.5):
        seen = noise.copy()
        seen[7, 7] += strength * sigma * np.sqrt(concepts)
        found.append(abs(np.linalg.eigh(seen)[1][7, -1]))
    assert found[0] < 0.3
    assert found[1] > 0.6


def test_more_customers_make_more_audible_and_the_number_it_takes_is_the_turning_point():
    for counts in (TYPES, CATEGORIES):
        enough = customers_for(counts, 7.4, needed=0.5)
        assert audible(counts, customers=enough, sigma=7.4) >= 0.5
        assert audible(counts, customers=enough - 2, sigma=7.4) < 0.5


def test_ten_times_the_customers_bear_ten_times_the_noise():
    assert audible(TYPES, customers=50_000, sigma=7.4) == audible(TYPES, customers=500_000, sigma=74.0)


def test_the_coarser_level_survives_where_the_finer_drowns_and_the_finest_that_lives_is_offered():
    few, many = (
        plan([CATEGORIES, TYPES], customers=n, members=5, wanted=2, cap=100_000) for n in (20_000, 10**8)
    )
    assert [each.level for each in few] == ["types", "categories", "any"]
    assert finest(few, NOISE_AWARE).level == "categories"
    assert finest(many, NOISE_AWARE).level == "types"
    nobody = plan([TYPES, CATEGORIES], customers=10, members=5, wanted=2, cap=100_000)
    assert finest(nobody, NOISE_AWARE) is None


def test_a_verdict_agrees_with_the_customers_it_says_are_needed():
    for customers in (1_000, 30_000, 1_000_000):
        for each in plan([TYPES, CATEGORIES], customers=customers, members=5, wanted=1, cap=100_000):
            for reading, lives in each.survives.items():
                assert lives == (customers >= each.customers_needed[reading])


def test_less_epsilon_needs_more_customers_and_reading_noise_aware_needs_fewer():
    loose, strict = (plan([TYPES], customers=1_000, members=5, wanted=e, cap=100_000)[0] for e in (4, 1))
    assert strict.customers_needed[PLAIN] > 2 * loose.customers_needed[PLAIN]
    assert NEEDED[NOISE_AWARE] <= NEEDED[PLAIN]
    assert strict.customers_needed[NOISE_AWARE] <= strict.customers_needed[PLAIN]


def test_four_releases_a_year_cost_less_than_four_times_one():
    (first, *_) = plan([TYPES], customers=1_000, members=5, wanted=2, cap=100_000)
    assert first.a_year == pytest.approx(4.27, abs=0.01)


@pytest.mark.parametrize("buyers", [(), (0, 0), (-1, 3), (11,)])
def test_counts_that_cannot_be_are_refused(buyers):
    with pytest.raises(BadInput):
        Counts(level="x", buyers=buyers, counted=10)


@pytest.mark.parametrize("change", [{"customers": 0}, {"members": 0}, {"levels": []}, {"wanted": 0.0}])
def test_a_plan_for_nobody_is_refused(change):
    asked = {"levels": [TYPES], "customers": 10, "members": 5, "wanted": 1.0} | change
    with pytest.raises(BadInput):
        plan(asked.pop("levels"), cap=100_000, **asked)
