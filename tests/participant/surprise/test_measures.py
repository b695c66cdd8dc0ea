"""Ranks: the quick way of a request is the plain way, ties, infinities and both zeros included."""

import numpy as np
import pytest

from participant.surprise.measures import ranks


def plainly(values):
    found = np.empty(len(values))
    found[np.argsort(-values.astype(np.float64), kind="stable")] = np.arange(len(values))
    return found


@pytest.mark.parametrize("decimals", [0, 1, 7])
def test_scores_of_single_precision_are_ranked_like_any_others(decimals):
    rng = np.random.default_rng(decimals)
    values = rng.normal(size=5_000).round(decimals).astype(np.float32)
    values[rng.integers(len(values), size=500)] = -np.inf  # what may not be suggested
    values[rng.integers(len(values), size=50)] = np.inf
    values[rng.integers(len(values), size=50)] = -0.0
    values[rng.integers(len(values), size=50)] = 0.0
    assert np.array_equal(ranks(values), plainly(values))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ties_go_to_the_lowest_index_and_minus_zero_is_zero(dtype):
    assert ranks(np.array([0.0, -0.0, 1.0, -np.inf, 0.0], dtype)).tolist() == [1, 2, 0, 4, 3]
    assert ranks(np.zeros(0, dtype)).tolist() == []
