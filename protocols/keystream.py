"""Secret randomness from a key: AES-256 in counter mode (NIST SP 800-38A), initial counter zero.

A stream is addressed by byte offset, so any part of it can be made without what is before it. Masks have
their own way of using the same cipher (:mod:`protocols.masks`).

>>> stream = Keystream(bytes(32))
>>> bytes(stream.read(0, 16)).hex()  # AES-256 of the zero block under the zero key
'dc95c078a2408989ad48a21492842087'
>>> bytes(stream.read(5, 40)) == bytes(stream.read(0, 45))[5:]
True
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from protocols.limits import KEY_BYTES
from protocols.ring import Words, word_dtype

BLOCK_BYTES: Final = 16
STRIDE_BYTES: Final = 2**18
"""A stream is written in strides of 256 KiB: it and the zeros stay in a core's cache."""

_ZEROS: Final = bytes(STRIDE_BYTES)


class Keystream:
    """The AES-256-CTR stream of one 32-byte key."""

    __slots__ = ("_algorithm",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a keystream has a key of {KEY_BYTES} bytes")
        self._algorithm = algorithms.AES256(key)

    def __repr__(self) -> str:
        return "Keystream(key hidden)"

    def read(self, offset_bytes: int, count_bytes: int) -> npt.NDArray[np.uint8]:
        """``count_bytes`` of the stream from ``offset_bytes`` on, shape ``(count_bytes,)``."""
        skip = offset_bytes % BLOCK_BYTES
        stream = np.empty(skip + count_bytes, dtype=np.uint8)
        self.fill(offset_bytes - skip, stream)
        return stream[skip:]

    def words(self, offset_bytes: int, count_bytes: int, ring_bits: int) -> Words:
        """The same as little-endian ring words: one word every ``ring_bits / 8`` bytes."""
        return self.read(offset_bytes, count_bytes).view(word_dtype(ring_bits))

    def fill(self, offset_bytes: int, out: npt.NDArray[np.uint8]) -> None:
        """Write the stream from ``offset_bytes`` (a multiple of 16) on over all of ``out``."""
        running = self.enter(offset_bytes)
        for start in range(0, len(out), STRIDE_BYTES):
            part = out[start : start + STRIDE_BYTES]
            running.update_into(_ZEROS[: len(part)], part.data)

    def enter(self, offset_bytes: int) -> CipherContext:
        """A cipher that stands at ``offset_bytes`` (a multiple of 16) of the stream; it encrypts zeros to it."""
        if offset_bytes < 0 or offset_bytes % BLOCK_BYTES:
            raise ValueError("a stream is entered at a multiple of 16 bytes")
        counter = (offset_bytes // BLOCK_BYTES).to_bytes(BLOCK_BYTES, "big")
        return Cipher(self._algorithm, modes.CTR(counter)).encryptor()
