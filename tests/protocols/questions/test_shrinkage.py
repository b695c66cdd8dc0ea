"""What shrinkage promises: nearer to the truth, more so for rare pairs, and nothing done without noise."""

import numpy as np
import pytest

from protocols.errors import BadInput
from protocols.questions.shrinkage import shrink, standing_out

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
    assert error(shrink(seen, SIGMA), gram) < 0.8 * error(seen, gram)


def test_groups_that_meet_alike_bring_it_nearer_still():
    gram, groups = truth()
    seen = noisy(gram)
    assert error(shrink(seen, SIGMA, groups), gram) < 0.95 * error(shrink(seen, SIGMA), gram)


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


def test_rare_concepts_that_go_together_are_told_from_the_noise_though_no_pair_of_them_is():
    popular = 40 * np.geomspace(1, 0.02, CONCEPTS)
    gram = np.outer(popular, popular)
    rare = np.arange(60, CONCEPTS, 2)
    together, apart = np.ix_(rare, rare), np.ix_(rare, rare + 1)
    gram[together] += 1.5 * SIGMA  # hardly louder than the noise in a pair, thirty concepts are
    more = shrink(noisy(gram), SIGMA) - np.outer(popular, popular)
    assert 0.5 * SIGMA < more[together][OFF[together]].mean() < 1.5 * SIGMA
    assert abs(more[apart].mean()) < 0.2 * SIGMA


def test_directions_stand_out_of_either_sign_and_those_of_noise_alone_do_not():
    noise = noisy(np.zeros((CONCEPTS, CONCEPTS)))
    assert np.abs(standing_out(noise, SIGMA)).mean() < 0.05 * SIGMA
    there = np.repeat([1.0, -1.0], CONCEPTS // 2) / CONCEPTS**0.5
    for size in (1000.0, -1000.0):  # the edge is 263
        found = standing_out(noise + size * np.outer(there, there), SIGMA)
        assert there @ found @ there == pytest.approx(size, rel=0.1)
        assert np.linalg.matrix_rank(found, tol=50.0) == 1


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


def test_a_sum_that_noise_has_drowned_is_read_as_next_to_nothing():
    drowned = np.full((5, 5), -3.0)
    read = shrink(drowned, 2.0)
    assert np.isfinite(read).all()
    assert read.max() < 1e-6
