"""Tempering scales concepts before the fit and keeps them scaled in the ranking."""

import numpy as np
import pytest

from protocols.errors import BadInput
from protocols.questions.ease import ease
from protocols.questions.tempering import tempered_ease, tempers


def some_gram(seed=0):
    rng = np.random.default_rng(seed)
    rows = (rng.random((400, 30)) < np.geomspace(0.6, 0.02, 30)).astype(np.float64)
    return rows, rows.T @ rows


def test_without_tempering_it_is_ease():
    _, gram = some_gram()
    assert np.array_equal(tempered_ease(gram, 20, 0.0), ease(gram, 20))


def test_scores_are_those_of_ease_on_rows_of_scaled_concepts():
    rows, gram = some_gram()
    scaled = rows * tempers(gram, 0.3)
    np.testing.assert_allclose(
        rows @ tempered_ease(gram, 20, 0.3), scaled @ ease(scaled.T @ scaled, 20), rtol=1e-4, atol=1e-6
    )


def test_the_trace_stays_so_that_one_grid_of_ridges_serves_every_exponent():
    _, gram = some_gram()
    scale = tempers(gram, 0.4)
    assert np.trace(gram * scale[:, None] * scale) == pytest.approx(np.trace(gram))


def test_a_concept_that_nobody_bought_or_that_noise_made_negative_keeps_a_finite_scale():
    _, gram = some_gram()
    gram[5, 5] = -3.0
    gram[6, 6] = 0.0
    scale = tempers(gram, 1.0)
    assert np.isfinite(scale).all()
    assert scale[5] == scale[6] == scale.max()


@pytest.mark.parametrize("exponent", [-0.1, 1.1, float("nan")])
def test_an_exponent_outside_its_range_is_refused(exponent):
    with pytest.raises(BadInput):
        tempers(np.eye(2), exponent)


def test_a_sum_without_customers_is_refused():
    with pytest.raises(BadInput):
        tempered_ease(np.zeros((3, 3)), 10)
