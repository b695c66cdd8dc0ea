"""Both forms of weights say the same where they are the same, and say it again after they were on disk."""

import numpy as np
import pytest

from participant.models.weights import LowRankWeights, SquareWeights, kept
from protocols.questions.low_rank import LowRankEase

N, R = 12, 3
CONCEPTS = np.array([7, 0, 4])


@pytest.fixture(scope="module")
def forms():
    """Weights of low rank, and the square that they are."""
    rng = np.random.default_rng(5)
    left, right, own = rng.normal(size=(N, R)), rng.normal(size=(N, R)), rng.normal(size=N)
    square = (left @ right.T + np.diag(own)).astype(np.float32)
    assert not np.allclose(square, square.T)  # rows and columns are not the same
    return LowRankWeights.of(LowRankEase(left=left, right=right, own=own)), SquareWeights(matrix=square)


def said(weights):
    """All that is ever asked of weights."""
    history = np.random.default_rng(6).random((5, N)).astype(np.float32)
    return {
        "customers": weights.scores(history),
        "one customer": weights.scores_of(CONCEPTS),
        "of one concept": weights.between(CONCEPTS, 4),
        "likeness": weights.products(CONCEPTS),
        "likeness, ready": weights.ready().products(CONCEPTS),
    }


def test_low_rank_and_square_say_the_same(forms):
    low, square = map(said, forms)
    for name, found in low.items():
        assert found.dtype == np.float32, name
        np.testing.assert_allclose(found, square[name], rtol=1e-4, atol=1e-4, err_msg=name)


def test_one_customer_gets_what_the_same_row_among_many_gets(forms):
    row = np.zeros((1, N), np.float32)
    row[0, CONCEPTS] = 1
    for weights in forms:
        np.testing.assert_allclose(weights.scores(row)[0], weights.scores_of(CONCEPTS), rtol=1e-4, atol=1e-5)


def test_likeness_is_of_columns_and_each_concepts_own_weight_is_in_it(forms):
    low, square = forms
    columns = square.matrix[:, CONCEPTS]
    np.testing.assert_allclose(low.products(CONCEPTS), columns.T @ columns, rtol=1e-4, atol=1e-4)
    without = LowRankWeights(left=low.left, right=low.right, own=np.zeros_like(low.own), inner=low.inner)
    assert np.abs(without.products(CONCEPTS) - low.products(CONCEPTS)).min() > 0.01


def test_what_was_kept_comes_back_in_its_form_to_the_bit(forms):
    for weights in forms:
        there = {"explore.local" + end: array for end, array in weights.tensors().items()}
        back = kept("explore.local", there)
        assert type(back) is type(weights)
        for name, found in said(back).items():
            np.testing.assert_array_equal(found, said(weights)[name], err_msg=name)
    with pytest.raises(KeyError):
        kept("surprise.local", there)
