"""Who is in a Poisson sample: each customer with the rate, another for another key, and never more often."""

import math
from fractions import Fraction

import numpy as np
import pytest

from protocols.errors import BadInput
from protocols.subsampling import poisson_sample


def test_a_sample_holds_each_customer_with_the_rate_and_is_another_for_another_key():
    one, other = (poisson_sample(200_000, Fraction(1, 20), bytes([key]) * 32) for key in (1, 2))
    for sample in (one, other):
        assert abs(sample.mean() - 0.05) < 5 * math.sqrt(0.05 * 0.95 / 200_000)
    assert abs((one & other).mean() - 0.0025) < 5 * math.sqrt(0.0025 / 200_000)
    assert (poisson_sample(100, Fraction(1, 20), bytes([1]) * 32) == one[:100]).all()
    assert poisson_sample(5, Fraction(1), bytes(32)).all()


def test_the_rate_is_rounded_down_and_never_up():
    assert not poisson_sample(1000, Fraction(1, 2**65), bytes(32)).any()
    assert not np.logical_xor(
        poisson_sample(1000, Fraction(1, 3), bytes(32)),
        poisson_sample(1000, Fraction(1, 3) + Fraction(1, 2**70), bytes(32)),
    ).any()


@pytest.mark.parametrize("rate", [0, Fraction(11, 10)])
def test_a_rate_that_makes_no_sense_samples_nobody(rate):
    with pytest.raises(BadInput):
        poisson_sample(1, Fraction(rate), bytes(32))
