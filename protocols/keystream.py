"""Masks: AES-256 in counter mode (NIST SP 800-38A), initial counter zero, one stream a key.

A stream is addressed by byte offset, so any chunk of it can be made without the ones before it.
A key must be used for one vector only: two vectors under one key are a two-time pad.

>>> stream = Keystream(bytes(32))
>>> bytes(stream.read(0, 16)).hex()  # AES-256 of the zero block under the zero key
'dc95c078a2408989ad48a21492842087'
>>> bytes(stream.read(5, 40)) == bytes(stream.read(0, 45))[5:]
True
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from protocols.limits import KEY_BYTES
from protocols.ring import Words, word_dtype

BLOCK_BYTES: Final = 16
STRIDE_BYTES: Final = 2**18
"""Streams are added in strides of 256 KiB: accumulator, keystream and zeros stay in a core's cache
while every stream passes over them (1.5e9 words a second against 1.4e9 at 1 MiB)."""

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


def apply_streams(total: Words, offset_bytes: int, plus: Iterable[bytes], minus: Iterable[bytes]) -> None:
    """Add the streams of the keys ``plus`` to ``total`` in place and subtract those of ``minus``.

    ``total`` is the part of a masked vector that starts ``offset_bytes`` (a multiple of 16) into it.
    """
    _apply(total, total, offset_bytes, plus, minus)


def with_streams(words: Words, offset_bytes: int, plus: Iterable[bytes], minus: Iterable[bytes]) -> Words:
    """The same, with ``words`` left as they are: the result is new."""
    total = np.empty_like(words)
    _apply(words, total, offset_bytes, plus, minus)
    return total


def _apply(
    words: Words, total: Words, offset_bytes: int, plus: Iterable[bytes], minus: Iterable[bytes]
) -> None:
    """Write ``words`` with all streams to ``total``, which may be ``words`` itself.

    Every stream passes over one stride before the next stride is touched; each cipher is set up once.
    """
    adding = [Keystream(key).enter(offset_bytes) for key in plus]
    taking = [Keystream(key).enter(offset_bytes) for key in minus]
    scratch = np.empty(min(STRIDE_BYTES, total.nbytes), dtype=np.uint8)
    width = total.dtype.itemsize
    for start in range(0, total.nbytes, STRIDE_BYTES):
        here = slice(start // width, (start + STRIDE_BYTES) // width)
        before, part = words[here], total[here]
        stream = scratch[: part.nbytes]
        mask, zeros = stream.view(total.dtype), _ZEROS[: part.nbytes]
        if not adding and not taking:
            part[...] = before
        for running in adding:
            running.update_into(zeros, stream.data)
            np.add(before, mask, out=part)
            before = part
        for running in taking:
            running.update_into(zeros, stream.data)
            np.subtract(before, mask, out=part)
            before = part
