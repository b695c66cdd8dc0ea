import numpy as np
import pytest

from protocols import masks
from protocols.keystream import BLOCK_BYTES, Keystream
from protocols.limits import CHUNK_BYTES
from protocols.masks import STRIDE_BYTES, apply_masks
from tests.protocols.vector_files import is_bad, load

KEY = bytes(range(32))


def by_counter_mode(key, chunk, count, bits=32):
    """The same words by the other way: the stream of SP 800-38A at the counters that belong to the chunk."""
    width = bits // 8
    return Keystream(key).words(BLOCK_BYTES * (2**32 * chunk + 2), count * width, bits)


def mask(key, chunk, count):
    out = np.zeros(count, dtype="<u4")
    apply_masks(out, chunk, [key], [], out=out)
    return out


@pytest.mark.parametrize("operation", load("aes_gcm")["operations"], ids=lambda o: o["name"])
def test_a_mask_is_the_ciphertext_of_zeros_that_the_gcm_specification_gives(operation):
    key = bytes.fromhex(operation["key"])
    if is_bad(operation):
        with pytest.raises(ValueError, match="32 bytes"):
            mask(key, int(operation["nonce"], 16), 4)
        return
    plain = bytes.fromhex(operation["plaintext"])
    stream = mask(key, int(operation["nonce"], 16), len(plain) // 4).tobytes()
    assert bytes(a ^ b for a, b in zip(plain, stream, strict=True)).hex() == operation["ciphertext"]


@pytest.mark.parametrize("chunk", [0, 1, 255, 256, 399])
def test_a_chunk_of_a_mask_is_counter_mode_at_counters_of_its_own(chunk):
    assert np.array_equal(mask(KEY, chunk, CHUNK_BYTES // 4), by_counter_mode(KEY, chunk, CHUNK_BYTES // 4))


@pytest.mark.parametrize("dtype", ["<u4", "<u8"])
@pytest.mark.parametrize("strides", [0.25, 1, 2.5])
@pytest.mark.parametrize("at_once", [2, 256])
def test_masks_are_added_and_subtracted_modulo_the_ring_in_groups_and_strides(
    dtype, strides, at_once, monkeypatch
):
    monkeypatch.setattr(masks, "AT_ONCE", at_once)
    width = np.dtype(dtype).itemsize
    count = int(STRIDE_BYTES * strides) // width
    keys = [bytes([i]) * 32 for i in range(5)]
    words = np.arange(count, dtype=dtype)
    out = np.empty_like(words)
    apply_masks(words, 7, plus=keys[:3], minus=keys[3:], out=out)
    made = [by_counter_mode(key, 7, count, width * 8) for key in keys]
    assert np.array_equal(
        out, np.arange(count, dtype=dtype) + made[0] + made[1] + made[2] - made[3] - made[4]
    )
    assert np.array_equal(words, np.arange(count))
    apply_masks(words, 7, plus=keys[:3], minus=keys[3:], out=words)
    assert np.array_equal(words, out)


def test_adding_and_subtracting_the_same_mask_leaves_nothing():
    total = np.arange(1000, dtype="<u4")
    apply_masks(total, 0, plus=[KEY], minus=[], out=total)
    assert np.count_nonzero(total == np.arange(1000)) < 3
    apply_masks(total, 0, plus=[], minus=[KEY], out=total)
    assert np.array_equal(total, np.arange(1000))


def test_without_masks_the_words_come_out_as_they_are():
    words, out = np.arange(10, dtype="<u4"), np.zeros(10, dtype="<u4")
    apply_masks(words, 0, [], [], out=out)
    assert np.array_equal(out, words)


def test_masks_are_spread_over_the_whole_ring():
    counts = np.bincount(mask(KEY, 0, 2**16) >> 28, minlength=16)
    assert counts.min() > 2**12 * 0.9
    assert counts.max() < 2**12 * 1.1


@pytest.mark.parametrize(("chunk", "words", "out"), [(-1, 4, 4), (0, CHUNK_BYTES // 4 + 1, None), (0, 4, 5)])
def test_more_than_a_chunk_and_a_number_below_zero_are_refused(chunk, words, out):
    given, into = np.zeros(words, dtype="<u4"), np.zeros(words if out is None else out, dtype="<u4")
    with pytest.raises(ValueError, match="at most"):
        apply_masks(given, chunk, [KEY], [], out=into)
