"""The audit by canaries: what it finds lies below what is claimed, and noise that is too small is caught."""

import pytest

from protocols.privacy import multiplier_for
from tests.attacks.canaries import gaussian_bound, halved, plain_bound, play

DELTA = 1e-7
RELEASES = 60
"""Of a hundred canaries each."""


@pytest.mark.parametrize("epsilon", [8.0, 4.0, 2.0, 1.0])
def test_no_more_is_lost_than_is_claimed_and_the_audit_is_sharp_enough_to_tell(epsilon):
    trials = play(multiplier_for(epsilon, DELTA), RELEASES, seed=1)
    assert 0.5 * epsilon < gaussian_bound(trials, DELTA) < epsilon
    assert plain_bound(trials, DELTA) < epsilon


@pytest.mark.parametrize("epsilon", [8.0, 4.0, 2.0, 1.0])
def test_a_sampler_with_half_of_the_noise_is_caught(epsilon):
    trials = play(multiplier_for(epsilon, DELTA), RELEASES, seed=1, sabotage=halved)
    assert gaussian_bound(trials, DELTA) > epsilon
