import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.keystream import STRIDE_BYTES, Keystream
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


@pytest.mark.parametrize("offset", [-16, 8])
def test_a_stream_is_entered_at_whole_blocks_only(offset):
    with pytest.raises(ValueError, match="multiple of 16"):
        Keystream(KEY).fill(offset, np.empty(16, dtype=np.uint8))


def test_a_key_is_never_shown():
    assert repr(Keystream(KEY)) == "Keystream(key hidden)"


WHOLE = Keystream(KEY).read(0, 3 * STRIDE_BYTES + 3000)
