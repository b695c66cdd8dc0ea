"""Real numbers become ring words by clipping, scaling and rounding half to even, and by nothing else."""

import numpy as np
import pytest

from protocols.errors import OutOfBounds
from protocols.messages import Block
from protocols.quantisation import quantise
from protocols.ring import lift


def block(bound: int = 8, scale_bits: int = 20, length: int = 40_000) -> Block:
    return Block(
        question="delta",
        parameters=b"",
        length=length,
        bound=bound,
        scale_bits=scale_bits,
        noise_sigma=0,
        noise_tail=0,
    )


@pytest.mark.parametrize("ring_bits", [32, 64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_number_is_clipped_scaled_and_rounded_half_to_even(ring_bits: int, dtype: type) -> None:
    values = (12 * np.random.default_rng(1).normal(size=40_000)).astype(dtype)
    values[:4] = np.array([0.5, 1.5, -0.5, 2.5]) / 2**20
    came = lift(quantise(values, block=block(), ring_bits=ring_bits), ring_bits)
    exact = [round(min(max(float(value), -8.0), 8.0) * 2**20) for value in values]
    assert came.tolist() == exact
    assert came[:4].tolist() == [0, 2, 0, 2]


def test_parts_of_a_vector_give_the_words_of_the_whole() -> None:
    values = np.random.default_rng(2).normal(size=40_000).astype(np.float32)
    whole = quantise(values, block=block(), ring_bits=32)
    parts = [quantise(values[at : at + 9_999], block=block(), ring_bits=32) for at in range(0, 40_000, 9_999)]
    assert np.array_equal(np.concatenate(parts), whole)
    room = np.full(9_999, 7, dtype="<u4")
    assert np.array_equal(quantise(values[-5:], block=block(), ring_bits=32, out=room), whole[-5:])
    assert np.array_equal(room[:5], whole[-5:])
    assert (room[5:] == 7).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_refused_wherever_it_stands(bad: float) -> None:
    values = np.zeros(40_000, dtype=np.float32)
    values[-1] = bad
    with pytest.raises(OutOfBounds, match="finite"):
        quantise(values, block=block(), ring_bits=32)


def test_finite_numbers_whose_squares_are_not_are_clipped_like_others() -> None:
    values = np.array([3e38, -3e38, 1.0], dtype=np.float32)
    with np.errstate(over="raise"):
        came = lift(quantise(values, block=block(length=3), ring_bits=32), 32)
    assert came.tolist() == [8 << 20, -8 << 20, 1 << 20]


def test_a_bound_that_does_not_fit_a_word_is_refused() -> None:
    with pytest.raises(OutOfBounds, match="32 bits"):
        quantise(np.zeros(3), block=block(bound=128, scale_bits=24, length=3), ring_bits=32)


def test_float32_is_clipped_to_a_bound_that_lies_between_two_float32() -> None:
    values = np.array([3e7, -3e7, 1.0], dtype=np.float32)
    odd = block(bound=2**24 + 1, scale_bits=0, length=3)
    assert lift(quantise(values, block=odd, ring_bits=32), 32).tolist() == [2**24 + 1, -(2**24) - 1, 1]
