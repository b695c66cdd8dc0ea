"""The sampler against its distribution: the tables exactly, the samples by their moments, and every rare branch."""

from fractions import Fraction
from hashlib import sha256
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from scipy import stats

from protocols import noise
from protocols.errors import BadInput
from protocols.keystream import Keystream
from protocols.noise import (
    FINEST_SIGMA,
    SIGMA_MAX,
    SIGMA_MIN,
    STRIDE,
    Gaussian,
    Table,
    climb,
    discrete,
    finest,
)

ONE = 1 << 144
PINNED = [-23_140_277, 25_010_875, 53_151_681, 74_637_654, 5_708_231]
SIGMAS = [256, 257, 300, 1599, 1600, 1601, 4095, 65_536, 2**24, 41_000_000, 2**35 - 1, 2**44]


TAU2_MIN = Fraction(484, 100)
"""2.2 squared, what the error that the module states is made of."""


def tau2(steps):
    """The square of tau of every step: what the error of a step depends on."""
    found = []
    square = Fraction(FINEST_SIGMA**2)
    for factor, v in steps:
        height = square + factor * factor * v
        found.append(v * square / height)
        square = height
    return found


def probabilities(table):
    """The integer weights of a table, and the values they belong to."""
    cut = [0, *table._exact, ONE]
    return [high - low for low, high in pairwise(cut)], range(table._low, table._low + len(cut) - 1)


def deviations(table, exact):
    """Total variation between a table and the exact weights (mpmath, unnormalised) of its values and beyond."""
    weights, values = probabilities(table)
    ideal = [exact(x) for x in range(values[0] - 60, values[-1] + 61)]
    whole = mpmath.fsum(ideal)
    held = [mpmath.mpf(0)] * 60 + [mpmath.mpf(w) / ONE for w in weights] + [mpmath.mpf(0)] * 60
    return mpmath.fsum(abs(have - want / whole) for have, want in zip(held, ideal, strict=True)) / 2


def test_the_finest_table_is_the_rounded_gaussian_to_130_bits():
    with mpmath.workdps(80):
        half = mpmath.mpf(1) / 2

        def exact(j):  # from the far tail inwards, so that nothing cancels
            low, high = (abs(j) - half) / FINEST_SIGMA, (abs(j) + half) / FINEST_SIGMA
            return (mpmath.erfc(low / mpmath.sqrt(2)) - mpmath.erfc(high / mpmath.sqrt(2))) / 2

        assert deviations(finest(), exact) < mpmath.mpf(2) ** -130


@pytest.mark.parametrize("variance", [Fraction(25), Fraction(2559744, 49), Fraction(2**60 + 1, 2**49)])
def test_a_discrete_table_is_the_discrete_gaussian_to_130_bits(variance):
    with mpmath.workdps(80):
        twice = mpmath.mpf(2 * variance.numerator) / variance.denominator
        assert (
            deviations(discrete(variance), lambda x: mpmath.exp(-mpmath.mpf(x * x) / twice))
            < mpmath.mpf(2) ** -130
        )


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("doubled", [1, 2])
def test_the_steps_add_up_to_the_variance_and_each_smooths_the_one_below(sigma, doubled):
    variance = doubled * sigma * sigma
    steps = climb(variance)
    assert FINEST_SIGMA**2 + sum(factor * factor * v for factor, v in steps) == variance
    assert min(tau2(steps)) >= TAU2_MIN
    assert len(steps) <= 7
    assert all(2 * 14 * float(v) ** 0.5 < 2**13 for _, v in steps)
    with mpmath.workdps(50):  # the error that the module states, for all steps together
        assert 7 * 2 * 2.0001 * mpmath.exp(-2 * mpmath.pi**2 * mpmath.mpf(4.84)) < mpmath.mpf(2) ** -132


def test_the_density_of_one_step_is_the_wide_gaussian_to_120_bits_and_a_rough_step_is_not():
    def worst(factor, square):
        height, twice = square + factor * factor * 1600, mpmath.mpf(3200)
        weights = [(x, mpmath.exp(-x * x / twice)) for x in range(-600, 601)]
        whole = mpmath.fsum(weight for _, weight in weights) * mpmath.sqrt(2 * mpmath.pi * square)

        def ratio(y):  # the density of the step over that of the wide Gaussian
            parts = (weight * mpmath.exp(-((y - factor * x) ** 2) / (2 * square)) for x, weight in weights)
            wide = mpmath.exp(-y * y / (2 * height)) / mpmath.sqrt(2 * mpmath.pi * height)
            return mpmath.fsum(parts) / whole / wide

        return max(abs(ratio(mpmath.mpf(y)) - 1) for y in (0, 3.5))

    with mpmath.workdps(60):
        assert worst(7, 256) < mpmath.mpf(2) ** -132
        assert worst(40, 256) > mpmath.mpf(2) ** -10


@pytest.mark.parametrize("sigma", [300, 5000, 41_000_000])
def test_samples_have_the_moments_and_the_law_of_a_gaussian(sigma):
    cells = 2**18
    drawn = Gaussian(variance=sigma**2, cut=10 * sigma).draw(Keystream(bytes(range(32))), 0, cells) / sigma
    assert abs(drawn.mean()) < 5 / cells**0.5
    assert abs(drawn.var() - 1 - 1 / 12 / sigma**2) < 5 * (2 / cells) ** 0.5
    assert abs((drawn**3).mean()) < 5 * (15 / cells) ** 0.5
    assert abs((drawn**4).mean() - 3) < 5 * (96 / cells) ** 0.5
    assert abs((drawn[1:] * drawn[:-1]).mean()) < 5 / cells**0.5
    assert stats.kstest(drawn, "norm").pvalue > 1e-4


def test_every_integer_of_a_narrow_gaussian_comes_as_often_as_it_should():
    sigma, cells = 256, 2**19
    drawn = Gaussian(variance=sigma**2, cut=10 * sigma).draw(Keystream(b"chi square".ljust(32)), 0, cells)
    edges = np.arange(-4 * sigma, 4 * sigma + 1)
    inner = np.diff(stats.norm.cdf((edges - 0.5) / sigma))
    expected = np.array(
        [stats.norm.cdf((edges[0] - 0.5) / sigma), *inner, stats.norm.sf((edges[-1] - 0.5) / sigma)]
    )
    seen = np.bincount(np.clip(drawn - edges[0] + 1, 0, len(edges)), minlength=len(expected))
    assert stats.chisquare(seen, expected * cells).pvalue > 1e-4
    assert (
        stats.chisquare(seen, np.roll(expected, 12) * cells).pvalue < 1e-9
    )  # a twentieth of sigma off is seen


def test_the_same_key_gives_the_same_noise_however_it_is_divided_and_another_key_another():
    source, stream = Gaussian(variance=2**48, cut=2**28), Keystream(bytes(32))
    whole = source.draw(stream, 0, 2 * STRIDE + 77)
    assert (source.draw(stream, 0, 5) == whole[:5]).all()
    assert (source.draw(stream, STRIDE, STRIDE) == whole[STRIDE : 2 * STRIDE]).all()
    assert (source.draw(stream, 2 * STRIDE, 77) == whole[2 * STRIDE :]).all()
    assert (source.draw(Keystream(b"\x01" * 32), 0, STRIDE) != whole[:STRIDE]).mean() > 0.999
    assert (whole[:STRIDE] != whole[STRIDE : 2 * STRIDE]).mean() > 0.999


def test_the_noise_of_one_key_is_pinned():
    drawn = Gaussian(variance=41_088_000**2, cut=2**30).draw(Keystream(bytes(32)), 0, STRIDE + 200)
    assert drawn[:5].tolist() == PINNED
    assert (
        sha256(drawn.astype("<i8").tobytes()).hexdigest()
        == "da847cda8926c00799536e763ef374f6836c176f905a2ffec1f6c71635c151f3"
    )  # over a stride, undecided cells too


def test_noise_is_cut_off_at_the_cut():
    drawn = Gaussian(variance=1000**2, cut=500).draw(Keystream(bytes(32)), 0, 1000)
    assert drawn.max() == 500
    assert drawn.min() == -500
    assert (np.abs(drawn) == 500).mean() == pytest.approx(2 * stats.norm.sf(0.4995), abs=0.05)


def spelled(number):
    """A 144-bit number as the guide bits and the further words of one cell."""
    further = np.array([[number >> 64 & 2**64 - 1, number & 2**64 - 1]], dtype=np.uint64)
    return np.array([number >> 128], dtype=np.uint16), further


def inverted(table, number):
    """The value at which the distribution function first exceeds ``number``."""
    return table._low + sum(threshold <= number for threshold in table._exact)


@pytest.mark.parametrize("table", [finest(), discrete(Fraction(2559744, 49))], ids=["finest", "discrete"])
def test_every_bit_of_a_threshold_decides_down_to_the_last(table):
    """A draw at a threshold, one above and one below: those that chance would never meet."""
    for threshold in table._exact[:: len(table._exact) // 20]:
        for number in (threshold - 1, threshold, threshold + 1):
            if 0 <= number < ONE:
                assert table._decide(*spelled(number)).tolist() == [inverted(table, number)]


@pytest.mark.parametrize("number", [0, ONE - 1])
def test_the_ends_of_the_uniform_number_are_the_ends_of_the_table(number):
    table = finest()
    assert abs(int(table._decide(*spelled(number))[0])) >= 220


def test_what_the_guide_decides_is_what_all_bits_decide():
    table = discrete(Fraction(2559744, 49))
    for guide in range(0, 2**16, 997):
        quick = int(table._guide[guide])
        first, last = inverted(table, guide << 128), inverted(table, ((guide + 1) << 128) - 1)
        assert quick == (first if first == last else noise._UNDECIDED)


def test_an_undecided_cell_takes_its_further_bits_from_its_own_place():
    """Of a table with one even threshold in the middle of every guide cell, all cells are undecided."""
    table = Table(0, [(2 * i + 1) << 127 for i in range(2**15)])
    guide = np.full(1000, 5, dtype=np.uint16)
    values, end = table.look_up(guide, Keystream(bytes(32)), 64)
    bits = Keystream(bytes(32)).read(64, 16_000)[::16] >> 7  # the first further bit of each cell
    assert (values == 5 + bits).all()
    assert end == 64 + 16_000


@pytest.mark.parametrize("variance", [SIGMA_MIN**2 - 1, 2 * SIGMA_MAX**2 + 1, 0, -1])
def test_noise_too_narrow_or_too_wide_is_refused(variance):
    with pytest.raises(BadInput):
        Gaussian(variance=variance, cut=10)


def test_noise_is_entered_at_a_stride():
    with pytest.raises(ValueError, match="multiple"):
        Gaussian(variance=2**30, cut=2**19).draw(Keystream(bytes(32)), 7, 7)
