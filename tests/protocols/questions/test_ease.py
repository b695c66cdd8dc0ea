"""The closed form against its definition, its optimality, and the cases in which it must fall back or refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import BadInput, BadRelease
from protocols.questions.ease import ease


def by_definition(gram, lam):
    """P = (G + lambda I)^-1; W = P / -diag(P) column by column; zero diagonal."""
    inverse = np.linalg.inv(gram + lam * np.eye(len(gram)))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights.astype(np.float32)


def some_rows(customers, concepts, seed):
    rng = np.random.default_rng(seed)
    return (rng.random((customers, concepts)) < 0.3).astype(np.float64)


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1), st.sampled_from([0.5, 3, 300, 3000.0]))
def test_the_weights_are_those_of_the_definition(concepts, seed, lam):
    rows = some_rows(60, concepts, seed)
    gram = rows.T @ rows
    np.testing.assert_allclose(ease(gram, lam), by_definition(gram, lam), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("concepts", [255, 256, 257, 600])
def test_strips_of_rows_join_without_a_seam(concepts):
    rows = some_rows(300, concepts, 1)
    gram = rows.T @ rows
    np.testing.assert_allclose(ease(gram, 30), by_definition(gram, 30), rtol=1e-6, atol=1e-9)


def test_every_column_solves_its_own_ridge_regression_on_all_the_other_concepts():
    rows, lam = some_rows(200, 12, 7), 5.0
    weights = ease(rows.T @ rows, lam)
    for concept in range(12):
        others = [c for c in range(12) if c != concept]
        x, y = rows[:, others], rows[:, concept]
        solution = np.linalg.solve(x.T @ x + lam * np.eye(11), x.T @ y)
        assert weights[others, concept] == pytest.approx(solution, rel=1e-4, abs=1e-6)
        assert weights[concept, concept] == 0


def test_rankings_are_those_of_the_definition():
    rows = some_rows(400, 120, 3)
    gram = rows.T @ rows
    ours, theirs = (
        rows.astype(np.float32) @ ease(gram, 100),
        rows.astype(np.float32) @ by_definition(gram, 100),
    )
    assert (np.argsort(-ours, axis=1)[:, :10] == np.argsort(-theirs, axis=1)[:, :10]).all()


def test_the_gram_matrix_is_not_written_to():
    gram = np.asfortranarray([[2.0, 1.0], [1.0, 3.0]])
    before = gram.copy()
    ease(gram, 1)
    assert (gram == before).all()


def test_a_matrix_that_is_not_positive_definite_falls_back_on_the_general_inverse():
    gram = np.array([[1.0, 5.0], [5.0, 1.0]])
    assert ease(gram, 1) == pytest.approx(by_definition(gram, 1), rel=1e-6)


def test_a_singular_matrix_is_refused():
    with pytest.raises(BadRelease, match="singular"):
        ease(-np.eye(3), 1)


@pytest.mark.parametrize("lam", [0, -1, float("nan")])
def test_a_ridge_that_is_not_positive_is_refused(lam):
    with pytest.raises(BadInput):
        ease(np.eye(2), lam)


@pytest.mark.parametrize("gram", [np.ones((2, 3)), np.ones(4), np.array([[1.0, np.nan], [np.nan, 1.0]])])
def test_what_is_no_square_matrix_of_finite_numbers_is_refused(gram):
    with pytest.raises(BadRelease):
        ease(gram, 1)
