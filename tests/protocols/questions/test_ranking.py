"""nDCG and the top of a list against the textbook, loop by loop."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from protocols.errors import OutOfBounds
from protocols.questions.ranking import STRIP, Targets, ndcg, obvious, top_indices

few = st.integers(-2, 2).map(float)
shapes = st.tuples(st.integers(0, 5), st.integers(1, 14))


@st.composite
def cases(draw):
    """Scores with many ties, and any history, future and exclusion."""
    shape = draw(shapes)
    return (
        draw(hnp.arrays(np.float64, shape, elements=few)),
        draw(hnp.arrays(bool, shape)),
        draw(hnp.arrays(bool, shape)),
        draw(hnp.arrays(bool, shape[1])),
        draw(st.integers(1, 12)),
    )


def one_customer(scores, history, future, excluded, top):
    """nDCG of one customer as a person would compute it; None without a target."""
    candidates = [c for c in range(len(scores)) if not history[c] and not excluded[c]]
    targets = {c for c in candidates if future[c]}
    if not targets:
        return None
    ranked = sorted(candidates, key=lambda c: (-scores[c], c))[:top]
    gain = sum(1 / math.log2(place + 2) for place, c in enumerate(ranked) if c in targets)
    return gain / sum(1 / math.log2(place + 2) for place in range(min(len(targets), top)))


@given(cases())
def test_ndcg_is_the_textbook_ndcg_of_every_customer_with_a_target(case):
    scores, history, future, excluded, top = case
    expected = [one_customer(scores[u], history[u], future[u], excluded, top) for u in range(len(scores))]
    found = ndcg(scores, history, future, excluded, top=top)
    assert found.customers.tolist() == [u for u, value in enumerate(expected) if value is not None]
    assert found.gains == pytest.approx([value for value in expected if value is not None])
    assert ((found.gains >= 0) & (found.gains <= 1 + 1e-12)).all()


@given(cases())
def test_ndcg_is_that_of_a_stable_sort_of_the_whole_row(case):
    """The definition of the published evaluation: mask with minus infinity, sort stably, cut."""
    scores, history, future, excluded, _ = case
    target = future & ~history & ~excluded
    shown = np.where(history | excluded, -np.inf, scores)
    top = np.argsort(-shown, axis=1, kind="stable")[:, :10]
    discounts = 1 / np.log2(np.arange(2, 12))
    ideal = np.concatenate([[0], np.cumsum(discounts)])
    n = target.sum(1)
    has = n > 0
    hits = np.take_along_axis(target, top, 1) * discounts[: top.shape[1]]
    expected = hits.sum(1)[has] / ideal[np.minimum(n[has], 10)]
    gains = ndcg(scores, history, future, excluded).gains
    np.testing.assert_allclose(gains, expected, rtol=0, atol=1e-12)  # discounts are multiples of 2**-44


@given(
    hnp.arrays(np.float32, shapes, elements=st.sampled_from([-np.inf, -1.0, 0.0, 1.0, 2.0])),
    st.integers(0, 16),
)
def test_the_top_is_that_of_a_stable_sort_with_ties_to_the_lowest_index(scores, top):
    assert (top_indices(scores, top) == np.argsort(-scores, axis=1, kind="stable")[:, :top]).all()


@pytest.mark.parametrize("top", [1, 10, 40])
@pytest.mark.parametrize("kinds", [2, 30, 10_000])
def test_the_top_of_long_rows_is_that_of_a_stable_sort_whatever_is_equal_or_ruled_out(kinds, top):
    """Rows of the length at which most concepts are passed over unsorted; one with nothing, one with all equal."""
    rng = np.random.default_rng(kinds + top)
    scores = rng.integers(0, kinds, (2 * STRIP + 7, 701)).astype(np.float64)
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    scores[:3] = [[-np.inf], [0.0], [np.inf]]
    scores[3, :-1] = -np.inf
    scores[4] = -np.arange(701.0)
    scores[5] = np.arange(701.0)
    scores[6], scores[6, -3:] = 0.0, 1.0  # more equal ones than are kept, before what is higher
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    np.testing.assert_array_equal(top_indices(scores, top), expected)
    np.testing.assert_array_equal(top_indices(scores.astype(np.float32), top), expected)


@pytest.mark.parametrize("place", [0, 383, 384, 700])
def test_a_score_that_is_not_a_number_is_refused_wherever_it_stands(place):
    scores = np.zeros((3, 701))
    scores[1, place] = np.nan
    with pytest.raises(OutOfBounds):
        top_indices(scores, 10)


def test_what_is_ranked_many_times_has_the_gains_of_each_ranking_by_itself():
    rng = np.random.default_rng(5)
    history, future = rng.random((90, 300)) < 0.2, rng.random((90, 300)) < 0.01
    excluded = rng.random(300) < 0.1
    targets = Targets.of(history, future, excluded)
    assert 0 < len(targets.customers) < 90
    for _ in range(3):
        scores = rng.random((90, 300))
        alone = ndcg(scores, history, future, excluded)
        np.testing.assert_array_equal(alone.customers, targets.customers)
        np.testing.assert_array_equal(targets.gains(scores[targets.customers], 10), alone.gains)


def test_a_perfect_list_is_worth_one_however_many_targets_there_are():
    for targets in (1, 10, 14):
        wanted = np.arange(14)[None] < targets
        found = ndcg(-np.arange(14.0)[None], np.zeros((1, 14), bool), wanted, np.zeros(14, bool))
        assert found.mean == pytest.approx(1.0)


def test_nobody_with_a_target_is_a_mean_of_zero_over_nobody():
    nothing = np.zeros((3, 4), bool)
    found = ndcg(np.zeros((3, 4)), nothing, nothing, np.zeros(4, bool))
    assert (found.mean, len(found.customers)) == (0.0, 0)


def test_a_score_that_is_not_a_number_is_refused():
    with pytest.raises(OutOfBounds):
        top_indices(np.array([[0.0, np.nan]]), 1)


@given(hnp.arrays(np.int64, st.integers(1, 40), elements=st.integers(0, 9)))
def test_the_obvious_list_has_every_concept_as_popular_as_the_one_at_a_tenth(buyers):
    cut = sorted(buyers.tolist(), reverse=True)[len(buyers) // 10]
    expected = [count >= cut for count in buyers.tolist()]
    assume(2 * sum(expected) <= sum(buyers > 0))
    assert obvious(buyers).tolist() == expected


@given(hnp.arrays(np.int64, st.integers(1, 40), elements=st.integers(0, 3)))
def test_half_of_what_a_shop_sells_is_never_obvious_and_nothing_obvious_is_less_popular(buyers):
    found, sold = obvious(buyers), buyers > 0
    assert 2 * found.sum() <= sold.sum()
    assert not (found & ~sold).any()
    if found.any():
        assert buyers[found].min() > buyers[~found].max()
