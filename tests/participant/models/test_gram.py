"""Columns of a Gram matrix stand for it: the same cells, the same model where all are landmarks, no noise."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from participant.models import own_rows
from participant.models.exchange import FITTED, Candidate, Exchange, Own
from participant.models.gram import GramColumns, WholeGram
from participant.store.records_rows import RowBatch
from protocols.errors import BadInput, BadRelease
from protocols.questions.landmarks import Landmarks
from protocols.questions.ranking import top_indices

N = 40
LAMBDAS = {"explore": 60, "surprise": 60}


def batch_of(bought):
    """A batch of customers from their rows, (customers, n_concepts) of 0 and 1."""
    return RowBatch(
        customer_keys=np.arange(len(bought)),
        indptr=np.concatenate([[0], np.cumsum(bought.sum(1))]).astype(np.int64),
        indices=np.nonzero(bought)[1],
        counts=np.ones(int(bought.sum()), np.int64),
    )


def tastes(customers=300, concepts=N, seed=3, kinds=4):
    """Who bought what, by customers of a few tastes, popular concepts first."""
    rng = np.random.default_rng(seed)
    likes = rng.random((kinds, concepts)) ** 3 / np.sqrt(1 + np.arange(concepts))
    return rng.random((customers, concepts)) < 3 * likes[rng.integers(0, kinds, customers)]


def columns_of(whole, places):
    return GramColumns(cross=whole.columns(places), diagonal=whole.diagonal, places=places)


@pytest.fixture(scope="module")
def whole():
    bought = batch_of(tastes())
    return own_rows.gram(lambda: [bought], N, square_max=N)


def test_with_all_concepts_as_landmarks_the_model_is_that_of_the_square(whole):
    every = columns_of(whole, np.arange(N))
    history = tastes(seed=4).astype(np.float32)
    np.testing.assert_allclose(
        every.weights(60.0).scores(history), whole.weights(60.0).scores(history), atol=1e-4
    )


def test_exact_scores_are_those_of_the_model_for_each_customer_by_itself(whole):
    history = tastes(seed=4).astype(np.float64)
    for gram in (whole, columns_of(whole, np.arange(0, N, 3))):
        scores = gram.exact(60.0)
        together = scores(csr_array(history))
        plain = gram.weights(60.0).scores(history.astype(np.float32))
        np.testing.assert_allclose(together, plain, atol=1e-3)
        alone = np.concatenate([scores(csr_array(history[[at]])) for at in range(40)])
        np.testing.assert_array_equal(alone, together[:40])


def test_lists_of_512_landmarks_are_nearly_those_of_the_square():
    bought = tastes(3_000, 1_000, kinds=30)
    rows = batch_of(bought)
    square = own_rows.gram(lambda: [rows], 1_000, square_max=1_000)
    most = np.argsort(-square.diagonal, kind="stable")
    history = bought[:200].astype(np.float32)
    lists = [
        top_indices(np.where(bought[:200], -np.inf, gram.weights(300.0).scores(history)), 10)
        for gram in (square, *(columns_of(square, np.sort(most[:size])) for size in (512, 8)))
    ]
    shared = [
        np.mean([len(np.intersect1d(a, b)) for a, b in zip(lists[0], each, strict=True)])
        for each in lists[1:]
    ]
    assert shared[0] > 9, shared  # of ten places
    assert shared[1] < 8, shared  # few landmarks say less


def test_a_sum_and_the_own_part_add_up_column_by_column(whole):
    others = WholeGram(matrix=np.arange(N * N, dtype=float).reshape(N, N))
    both = whole.plus(0.5, others)
    np.testing.assert_array_equal(both.matrix, whole.matrix + 0.5 * others.matrix)
    places = np.array([1, 5])
    np.testing.assert_array_equal(
        columns_of(whole, places).columns(np.array([5, 1])), whole.columns(np.array([5, 1]))
    )
    few = columns_of(whole, places).plus(0.5, others)  # own columns beside a whole sum, as of noisy `taste`
    np.testing.assert_array_equal(few.cross, both.columns(places))
    np.testing.assert_array_equal(few.diagonal, both.diagonal)
    with pytest.raises(BadInput, match="landmarks"):
        columns_of(whole, np.array([2, 5])).plus(0.5, columns_of(others, places))


def test_a_sum_of_landmarks_with_noise_is_refused_in_words(whole):
    few = GramColumns.of(
        Landmarks(squares=whole.diagonal, cross=whole.columns(np.array([1, 5])), places=(1, 5))
    )
    loud = Exchange(fitted=few, refitted=few, lambdas=LAMBDAS, sigmas=(0.0, 3.0))
    mine, made = Own(gram=whole, squares=whole.diagonal), Candidate(weight=0.0, lam=60)
    loud.weights(FITTED, made, mine)
    with pytest.raises(BadRelease, match=r"without noise.*noise 3.*ask `landmarks` without noise"):
        loud.weights("refitted", made, mine)


def test_two_sums_over_different_vocabularies_are_no_pair(whole):
    with pytest.raises(BadInput, match="one vocabulary"):
        Exchange(fitted=whole, refitted=WholeGram(matrix=np.eye(3)), lambdas=LAMBDAS)
