import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.keystream import STRIDE_BYTES, Keystream, apply_streams, with_streams
from tests.protocols.vector_files import is_bad, load

KEY = bytes(range(32))


@pytest.mark.parametrize("operation", load("aes_ctr")["operations"], ids=lambda o: o["name"])
def test_the_stream_at_a_counter_is_the_one_of_sp_800_38a(operation):
    key, plain = bytes.fromhex(operation["key"]), bytes.fromhex(operation["plaintext"])
    if is_bad(operation):
        with pytest.raises(ValueError, match="32 bytes"):
            Keystream(key)
        return
    stream = Keystream(key).read(16 * int(operation["counter"], 16), 16)
    assert bytes(a ^ b for a, b in zip(plain, stream, strict=True)).hex() == operation["ciphertext"]


@given(st.integers(0, 3 * STRIDE_BYTES), st.integers(0, 3000))
def test_any_part_of_the_stream_equals_the_same_part_of_the_whole(offset, count):
    assert np.array_equal(Keystream(KEY).read(offset, count), WHOLE[offset : offset + count])


def test_words_are_little_endian():
    stream = Keystream(KEY)
    raw = stream.read(32, 8).tobytes()
    assert stream.words(32, 8, 32).tolist() == [
        int.from_bytes(raw[:4], "little"),
        int.from_bytes(raw[4:], "little"),
    ]
    assert stream.words(32, 8, 64).tolist() == [int.from_bytes(raw, "little")]


@pytest.mark.parametrize("dtype", ["<u4", "<u8"])
@pytest.mark.parametrize("strides", [0.25, 1, 2.5])
def test_streams_are_added_and_subtracted_modulo_the_ring_stride_by_stride(dtype, strides):
    width = np.dtype(dtype).itemsize
    count = int(STRIDE_BYTES * strides) // width
    keys = [bytes([i]) * 32 for i in range(5)]
    total = np.arange(count, dtype=dtype)
    apply_streams(total, 160, plus=keys[:3], minus=keys[3:])
    masks = [Keystream(key).words(160, count * width, width * 8) for key in keys]
    expected = np.arange(count, dtype=dtype) + masks[0] + masks[1] + masks[2] - masks[3] - masks[4]
    assert np.array_equal(total, expected)


@pytest.mark.parametrize("keys", [0, 1, 3])
def test_streams_on_a_copy_leave_the_words_as_they_are(keys):
    words = np.arange(STRIDE_BYTES // 2, dtype="<u4")
    words.flags.writeable = False
    plus, minus = [bytes([i]) * 32 for i in range(keys)], [KEY][:keys]
    total = words.copy()
    apply_streams(total, 160, plus, minus)
    assert np.array_equal(with_streams(words, 160, plus, minus), total)
    assert np.array_equal(words, np.arange(len(words)))


def test_adding_and_subtracting_the_same_stream_leaves_nothing():
    total = np.arange(1000, dtype="<u4")
    apply_streams(total, 0, plus=[KEY], minus=[])
    assert np.count_nonzero(total == np.arange(1000)) < 3
    apply_streams(total, 0, plus=[], minus=[KEY])
    assert np.array_equal(total, np.arange(1000))


def test_masks_are_spread_over_the_whole_ring():
    words = Keystream(KEY).words(0, 4 * 2**16, 32)
    counts = np.bincount(words >> 28, minlength=16)
    assert counts.min() > 2**12 * 0.9
    assert counts.max() < 2**12 * 1.1


@pytest.mark.parametrize("offset", [-16, 8])
def test_a_stream_is_entered_at_whole_blocks_only(offset):
    with pytest.raises(ValueError, match="multiple of 16"):
        Keystream(KEY).fill(offset, np.empty(16, dtype=np.uint8))


def test_a_key_is_never_shown():
    assert repr(Keystream(KEY)) == "Keystream(key hidden)"


WHOLE = Keystream(KEY).read(0, 3 * STRIDE_BYTES + 3000)
