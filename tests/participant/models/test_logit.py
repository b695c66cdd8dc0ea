import numpy as np
import pytest
from scipy.optimize import minimize

from participant.models.logit import LEAST_PRECISION, fit

M, N = 40, 4_000
TRUE = np.array([0.7, 1.5, -0.8])


def made(n=N, seed=0, heavy=False):
    """Choices made by TRUE: scale of the score, then strengths of two features; ``heavy``: one score stands far out."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, M))
    features = rng.normal(size=(2, n, M)) * 0.5
    scores[rng.random((n, M)) < 0.3] = -np.inf
    scores[:, 0] = 30.0 if heavy else 0.0
    logits = (TRUE[0] / 5 if heavy else TRUE[0]) * scores + np.tensordot(TRUE[1:], features, 1)
    taken = np.argmax(logits + rng.gumbel(size=(n, M)), axis=1)
    target = np.arange(M) == taken[:, None]
    return scores.astype(np.float32), [f.astype(np.float32) for f in features], target


def in_parts(scores, features, target, size=700):
    def parts():
        for start in range(0, len(scores), size):
            some = slice(start, start + size)
            yield scores[some], [f[some] for f in features], target[some]

    return parts


def test_the_strengths_that_made_the_choices_are_found_within_their_errors():
    found = fit(in_parts(*made()), 2)
    assert found.choices == N
    assert found.scale == pytest.approx(TRUE[0], abs=0.05)
    assert (np.abs(found.strengths - TRUE[1:]) < 3 * found.errors).all()
    spread = np.std([fit(in_parts(*made(400, seed)), 2).strengths for seed in range(30)], axis=0)
    promised = fit(in_parts(*made(400)), 2).errors
    assert (np.abs(spread / promised - 1) < 0.5).all()


def test_the_maximum_is_found_where_one_score_stands_far_out_and_a_whole_step_would_go_too_far():
    scores, features, target = made(heavy=True)
    found = fit(in_parts(scores, features, target), 2)
    row = np.arange(len(scores))
    wide = [f.astype(np.float64) for f in (scores, *features)]

    def loss(at):
        logits = sum(one * f for one, f in zip(at, wide, strict=True))
        logits = logits - logits.max(1, keepdims=True)
        chosen = logits[row, np.argmax(target, axis=1)] - np.log(np.exp(logits).sum(1))
        return -chosen.sum() + 0.25 / 2 * (at[1:] ** 2).sum()

    oracle = minimize(
        loss, [TRUE[0] / 5, *TRUE[1:]], method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-6}
    ).x
    assert [found.scale, *found.strengths] == pytest.approx(oracle, abs=2e-3)


def test_a_few_choices_decide_nothing():
    scores, features, target = made(5)
    few = fit(in_parts(scores, [10 * features[0], features[1]], target), 2)
    assert (np.abs(few.strengths) < 2 * few.errors).all()
    none = fit(list, 2)
    assert (none.strengths.tolist(), none.choices) == ([0.0, 0.0], 0)
    assert none.errors.tolist() == [LEAST_PRECISION**-0.5] * 2


def test_several_things_chosen_at_once_are_several_choices_from_the_same_candidates():
    scores, features, target = made(600)
    other = made(600, 1)
    both = target | np.roll(target, 1, axis=1) & np.isfinite(scores)
    split = [
        np.where(np.arange(M) == c[:, None], both, False)
        for c in (np.argmax(both, 1), M - 1 - np.argmax(both[:, ::-1], 1))
    ]
    twice = both.sum(1) == 2
    apart = in_parts(
        np.concatenate([scores, scores[twice]]),
        [np.concatenate([f, f[twice]]) for f in features],
        np.concatenate([split[0], split[1][twice]]),
    )
    together, one_by_one = fit(in_parts(scores, features, both), 2), fit(apart, 2)
    assert together.choices == one_by_one.choices > 600
    assert together.strengths == pytest.approx(one_by_one.strengths, abs=1e-3)
    assert together.strengths != pytest.approx(fit(in_parts(*other), 2).strengths, abs=1e-3)


def test_choices_that_all_go_one_way_have_an_end_and_are_sure():
    scores = np.zeros((400, 2), np.float32)
    feature = np.tile(np.array([1.0, -1.0], np.float32), (400, 1))
    target = np.tile(np.array([True, False]), (400, 1))
    found = fit(in_parts(scores, [feature], target), 1)
    assert 2.0 < found.strengths[0] < 5.0
    assert found.strengths[0] > 3 * found.errors[0]


def test_the_unit_of_a_feature_changes_nothing_but_the_unit_of_its_strength():
    scores, features, target = made(300)
    one, other = (fit(in_parts(scores, [unit * f for f in features], target), 2) for unit in (1, 1e-3))
    assert other.strengths == pytest.approx(1e3 * one.strengths, rel=1e-3)
    assert other.errors == pytest.approx(1e3 * one.errors, rel=1e-3)
