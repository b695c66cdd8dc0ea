"""The statistics behind the verdicts of the benchmarks, each told apart from the formula next to it."""

import numpy as np
import pytest

from tests.benchmarks.summary import holm, p_below


def test_a_paired_loss_is_found_and_an_equal_arm_is_not():
    rng = np.random.default_rng(1)
    assert p_below(rng.normal(-0.5, 1, 200)) < 1e-6
    assert p_below(np.zeros(200)) == 1.0


def test_the_p_value_is_of_the_lower_tail():
    differences = np.array([-1.0, -2.0, -3.0, -2.0])
    assert p_below(differences) == pytest.approx(0.0081, abs=5e-5)
    assert p_below(-differences) == pytest.approx(0.9919, abs=5e-5)


def test_holm_adjusts_by_rank_and_not_all_alike():
    assert holm([0.04, 0.04]) == (0.08, 0.08)
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
