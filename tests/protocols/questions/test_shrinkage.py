"""What shrinkage promises: nearer to the truth, more so for rare pairs, and nothing done without noise."""

import numpy as np
import pytest

from protocols.errors import BadInput
from protocols.questions.shrinkage import shrink

CONCEPTS, SIGMA = 120, 12.0
OFF = ~np.eye(CONCEPTS, dtype=bool)


def truth(seed=1):
    """Popularity times ratios that vary by pair of groups and by pair of concepts; groups of six."""
    rng = np.random.default_rng(seed)
    popular = 40 * np.geomspace(1, 0.02, CONCEPTS)
    groups = np.arange(CONCEPTS) % 20
    between = np.exp(rng.normal(0, 0.5, (20, 20)))
    single = np.exp(rng.normal(0, 0.15, (CONCEPTS, CONCEPTS)))
    ratios = (between + between.T)[np.ix_(groups, groups)] * (single + single.T) / 4
    return popular[:, None] * popular * ratios, groups


def noisy(gram, sigma=SIGMA, seed=2):
    noise = np.random.default_rng(seed).normal(0, sigma, gram.shape)
    upper = np.triu(noise, 1)
    return gram + upper + upper.T + np.sqrt(2) * np.diag(np.diagonal(noise))


def error(guess, gram, cells=OFF):
    return float(np.sqrt(np.square(guess - gram)[cells].mean()))


def test_a_shrunk_sum_is_much_nearer_to_the_truth_than_the_noisy_one():
    gram, _ = truth()
    seen = noisy(gram)
    assert error(shrink(seen, SIGMA), gram) < 0.75 * error(seen, gram)


def test_groups_that_meet_alike_bring_it_nearer_still():
    gram, groups = truth()
    seen = noisy(gram)
    assert error(shrink(seen, SIGMA, groups), gram) < 0.85 * error(shrink(seen, SIGMA), gram)


def test_groups_that_mean_nothing_do_little_harm():
    gram, _ = truth()
    seen, rng = noisy(gram), np.random.default_rng(3)
    assert error(shrink(seen, SIGMA, rng.integers(0, 20, CONCEPTS)), gram) < 1.1 * error(
        shrink(seen, SIGMA), gram
    )


def test_large_cells_are_believed_and_small_ones_are_not():
    gram, _ = truth()
    seen = noisy(gram)
    moved = np.abs(shrink(seen, SIGMA) - seen)
    assert moved[:10, :10][OFF[:10, :10]].mean() < 0.3 * SIGMA
    assert error(shrink(seen, SIGMA)[60:, 60:], gram[60:, 60:], OFF[60:, 60:]) < 0.3 * SIGMA


def test_the_diagonal_has_its_own_noise_and_its_own_prior():
    gram, _ = truth()
    seen = noisy(gram)
    diagonal = np.eye(CONCEPTS, dtype=bool)
    assert error(shrink(seen, SIGMA), gram, diagonal) < 0.85 * error(seen, gram, diagonal)


def test_what_comes_out_is_symmetric_finite_and_never_negative():
    gram, groups = truth()
    for given in (None, groups):
        out = shrink(noisy(gram, sigma=300.0), 300.0, given)
        assert np.array_equal(out, out.T)
        assert np.isfinite(out).all()
        assert (out >= 0).all()


def test_noise_alone_becomes_nearly_nothing():
    out = shrink(noisy(np.zeros((CONCEPTS, CONCEPTS))), SIGMA)
    assert np.abs(out[OFF]).mean() < 0.2 * SIGMA


def test_without_noise_nothing_changes_and_the_input_is_left_alone():
    gram, _ = truth()
    out = shrink(gram, 0.0)
    assert np.array_equal(out, gram)
    out[0, 0] = -1
    assert gram[0, 0] > 0


@pytest.mark.parametrize(("sigma", "groups"), [(-1.0, None), (float("nan"), None), (1.0, np.zeros(3, int))])
def test_a_sigma_or_groups_that_make_no_sense_are_refused(sigma, groups):
    with pytest.raises(BadInput):
        shrink(np.eye(2), sigma, groups)
