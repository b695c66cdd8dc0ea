from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from protocols.errors import AltroveError, NoiseRequired, OutOfBounds, RingOverflow
from protocols.limits import FRACTION_BITS
from protocols.messages import AnswerSpec, Block
from protocols.ring import (
    STRIDE,
    check_overflow,
    encode,
    encode_vector,
    error_bound,
    fits,
    lift,
    noise_tail_at,
    scale_bits,
    scale_for,
    to_float,
    word_dtype,
)
from protocols.secure_sum.play import cohort, configure
from tests.protocols.vector_files import is_bad, load


def block(bound, scale, length=1, tail=0):
    return Block(
        question="q",
        parameters=b"",
        length=length,
        bound=bound,
        scale_bits=scale,
        noise_sigma=0,
        noise_tail=tail,
    )


def spec_of(*blocks, ring_bits=32):
    return AnswerSpec(blocks=blocks, vocabulary=bytes(32), model=bytes(32), epoch="2017", ring_bits=ring_bits)


@pytest.mark.parametrize("operation", load("ring")["operations"], ids=lambda o: o["name"])
def test_the_vectors_hold(operation):
    answer = np.array(operation["answer"], dtype=np.int64)
    one = block(operation["bound"], operation["scale_bits"], len(answer))
    if is_bad(operation):
        with pytest.raises(AltroveError) as caught:
            encode(answer, block=one, ring_bits=operation["ring_bits"])
        assert caught.value.code == operation["error"]
    else:
        words = encode(answer, block=one, ring_bits=operation["ring_bits"])
        assert words.tobytes().hex() == operation["words"]


def test_the_scale_is_the_largest_that_cannot_overflow():
    for bound, members, ring_bits, tail in [
        (1, 3, 32, 0),
        (100_000, 5, 32, 0),
        (7, 1000, 32, 99),
        (9, 5, 64, 0),
    ]:
        scale = scale_bits(bound, members, ring_bits, tail)
        assert members * (bound * 2**scale + 1 + tail) < 2 ** (ring_bits - 1)
        larger = members * (bound * 2 ** (scale + 1) + 1 + tail) >= 2 ** (ring_bits - 1)
        assert larger or scale == FRACTION_BITS


def test_a_bound_that_fits_at_no_scale_is_refused():
    assert scale_bits(2**31 // 3 - 2, 3, 32) == 0
    with pytest.raises(RingOverflow):
        scale_bits(2**31 // 3, 3, 32)
    with pytest.raises(RingOverflow):
        scale_bits(1, 3, 32, noise_tail=2**30)


def test_a_configuration_whose_scale_is_too_large_is_refused():
    config = configure(spec_of(block(100_000, 13)), cohort(5, bytes(32)), 4, 3)
    with pytest.raises(RingOverflow):
        check_overflow(config)
    check_overflow(configure(spec_of(block(100_000, 12)), cohort(5, bytes(32)), 4, 3))


@settings(max_examples=200)
@given(st.data())
def test_the_decoded_sum_is_within_the_proved_bound(data):
    members = data.draw(st.integers(1, 20))
    bound = data.draw(st.integers(1, 10**7))
    ring_bits = data.draw(st.sampled_from([32, 64]))
    assume(fits(bound, 0, members, ring_bits))
    one = block(bound, scale_bits(bound, members, ring_bits))
    limit = bound << FRACTION_BITS
    values = data.draw(st.lists(st.integers(-limit, limit), min_size=members, max_size=members))
    words = np.zeros(1, dtype=word_dtype(ring_bits))
    for value in values:
        words += encode(np.array([value], dtype=np.int64), block=one, ring_bits=ring_bits)
    decoded = Fraction(float(to_float(lift(words, ring_bits), one)[0]))
    exact = Fraction(sum(values), 1 << FRACTION_BITS)
    assert abs(decoded - exact) <= Fraction(error_bound(one, members))


def test_the_extreme_sum_does_not_wrap_and_one_scale_more_would():
    members, bound = 5, 100_000
    one = block(bound, 12)
    extreme = np.array([bound << FRACTION_BITS], dtype=np.int64)
    words = sum(encode(extreme, block=one, ring_bits=32) for _ in range(members)).astype("<u4")
    assert to_float(lift(words, 32), one).tolist() == [members * bound]
    wrapped = sum(encode(extreme, block=block(bound, 13), ring_bits=32) for _ in range(members)).astype("<u4")
    assert to_float(lift(wrapped, 32), block(bound, 13)).tolist() != [members * bound]


def test_the_bound_is_attained_by_ties_that_all_round_up():
    one = block(5, 0)
    tie = np.array([3 << 23], dtype=np.int64)
    words = sum(encode(tie, block=one, ring_bits=32) for _ in range(4)).astype("<u4")
    assert to_float(lift(words, 32), one)[0] - 4 * 1.5 == error_bound(one, 4) == 2.0


def test_nothing_is_lost_at_the_full_scale():
    assert error_bound(block(5, FRACTION_BITS), 5) == 0.0


@pytest.mark.parametrize(
    "answer",
    [
        np.zeros(2, dtype=np.float64),
        np.zeros(2, dtype=np.int32),
        np.zeros(3, dtype=np.int64),
        np.zeros((2, 1), dtype=np.int64),
    ],
)
def test_an_answer_of_another_type_or_length_is_refused(answer):
    with pytest.raises(OutOfBounds):
        encode(answer, block=block(5, 0, 2), ring_bits=32)
    with pytest.raises(OutOfBounds):
        encode_vector(answer, spec_of(block(5, 0, 2)))


def test_an_answer_at_the_ends_of_int64_is_refused_before_rounding_wraps():
    huge = block(2**60, 0)
    for value in (2**63 - 1, 2**63 - 2**24 + 1, -(2**63)):
        with pytest.raises(OutOfBounds):
            encode(np.array([value], dtype=np.int64), block=huge, ring_bits=64)
    largest = np.array([2**63 - 2**24], dtype=np.int64)
    assert lift(encode(largest, block=huge, ring_bits=64), 64).tolist() == [2**39 - 1]


def test_a_long_answer_is_encoded_like_its_cells():
    answer = (np.arange(-40_000, 40_000) * 7919) << 9
    words = encode(answer, block=block(10_000, 3, len(answer)), ring_bits=32)
    exact = [round(Fraction(int(value), 1 << 21)) for value in answer]  # Fraction rounds half to even
    assert lift(words, 32).tolist() == exact


def test_each_block_has_its_own_bound_and_scale():
    spec = spec_of(block(1, 4, 2), block(50, 0, 1))
    one = 1 << FRACTION_BITS
    words = encode_vector(np.array([one, -one // 2, 50 * one], dtype=np.int64), spec)
    assert lift(words, 32).tolist() == [16, -8, 50]
    with pytest.raises(OutOfBounds):
        encode_vector(np.array([50 * one, 0, one], dtype=np.int64), spec)


def noisy_block(scale=10):
    return replace(block(50, scale, 3, tail=100), noise_sigma=1 << 16)


def test_noise_is_added_before_rounding_and_not_after():
    """Half a ring unit of noise and half of the answer make one unit; rounded apart they would make none."""
    half = 1 << 13
    words = encode_vector(
        np.full(3, half, dtype=np.int64), spec_of(noisy_block()), lambda *_: np.array([half, -half, 0])
    )
    assert lift(words, 32).tolist() == [1, 0, 0]


def test_a_block_with_noise_is_never_encoded_without_it():
    with pytest.raises(NoiseRequired):
        encode_vector(np.zeros(3, dtype=np.int64), spec_of(noisy_block()))
    with pytest.raises(NoiseRequired):
        encode(np.zeros(3, dtype=np.int64), block=noisy_block(), ring_bits=32)


def test_noise_is_asked_for_by_block_and_cell_and_only_where_there_is_any():
    asked = []

    def noise(number, start, count):
        asked.append((number, start, count))
        return np.zeros(count, dtype=np.int64)

    long = replace(noisy_block(), length=STRIDE + 5)
    encode_vector(np.zeros(2 + STRIDE + 5, dtype=np.int64), spec_of(block(1, 0, 2), long), noise)
    assert asked == [(1, 0, STRIDE), (1, STRIDE, 5)]


def test_the_answer_keeps_its_bound_and_the_noise_its_tail():
    spec, one = spec_of(noisy_block()), 1 << FRACTION_BITS
    with pytest.raises(OutOfBounds):  # noise cannot bring an answer back into its bound
        encode_vector(np.full(3, 51 * one), spec, lambda *_: np.full(3, -one // 100))
    tail = 100 << 14
    assert (
        lift(encode_vector(np.full(3, 50 * one), spec, lambda *_: np.full(3, tail)), 32).max()
        == 50 * 1024 + 100
    )
    with pytest.raises(OutOfBounds):
        encode_vector(np.zeros(3, dtype=np.int64), spec, lambda *_: np.full(3, tail + 1))


@given(st.integers(1, 10**6), st.integers(3, 100), st.integers(0, 2**33), st.sampled_from([32, 64]))
def test_the_scale_with_noise_is_the_largest_at_which_the_sum_with_its_tails_fits(
    bound, members, cut, ring_bits
):
    assume(fits(bound, 0, members, ring_bits, noise_tail_at(cut, 0)))
    scale, tail = scale_for(bound, members, ring_bits, cut)
    assert tail << (FRACTION_BITS - scale) >= cut > (tail - 1) << (FRACTION_BITS - scale)
    assert fits(bound, scale, members, ring_bits, tail)
    assert scale == FRACTION_BITS or not fits(
        bound, scale + 1, members, ring_bits, noise_tail_at(cut, scale + 1)
    )


def test_at_whole_numbers_the_tail_is_rounded_up_to_whole_numbers():
    assert scale_for(2**31 // 3 - 9, 3, 32, (5 << FRACTION_BITS) + 1) == (0, 6)


def test_noise_that_would_leave_int64_is_refused():
    huge = replace(noisy_block(0), bound=2**39 - 1, noise_tail=1)
    with pytest.raises(RingOverflow):
        encode_vector(
            np.zeros(3, dtype=np.int64), spec_of(huge, ring_bits=64), lambda *_: np.zeros(3, dtype=np.int64)
        )


def test_words_of_the_other_ring_are_not_lifted():
    with pytest.raises(OutOfBounds):
        lift(np.zeros(2, dtype="<u8"), 32)


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1))
def test_lifting_inverts_the_reduction(values):
    words = np.array([value % 2**32 for value in values], dtype="<u4")
    assert lift(words, 32).tolist() == values
