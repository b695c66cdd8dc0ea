"""Masks: one AES-256 counter stream a key, a chunk of the vector at a time.

Chunk k of a mask is what AES-256-GCM (NIST SP 800-38D) under the key and the nonce k makes of zeros, its tag
left out: AES-256 in counter mode from the counter 2**32 * k + 2 on, which any other implementation may
compute in that mode. The detour is for speed alone: OpenSSL runs GCM on 512-bit registers, and counter mode
by itself at half that rate. No chunk needs the ones before it, and the counters of two chunks never meet: a
chunk has 2**16 blocks. A key must be used for one vector only: two vectors under one key are a two-time pad.

>>> words = np.zeros(4, dtype="<u4")
>>> apply_masks(words, 0, plus=[bytes(32)], minus=[], out=words)
>>> words.tobytes().hex()  # test case 14 of the GCM specification
'cea7403d4d606b6e074ec5d3baf39d18'
>>> apply_masks(words, 0, plus=[], minus=[bytes(32)], out=words)
>>> words.tolist()
[0, 0, 0, 0]
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import AEADEncryptionContext, Cipher, algorithms, modes

from protocols.limits import CHUNK_BYTES, KEY_BYTES
from protocols.ring import Words

STRIDE_BYTES: Final = 2**18
"""Masks are added in strides of 256 KiB: accumulator, mask and zeros stay in a core's cache while one mask
after the other passes over them. What it gives: `tests/benchmarks/results/crypto.md`."""

AT_ONCE: Final = 256
"""Ciphers that are set up together, 1.5 kB each: the sum of a thousand members has ninety thousand masks."""

_NONCE_BYTES: Final = 12
_ZEROS: Final = bytes(STRIDE_BYTES)


def apply_masks(
    words: Words, chunk: int, plus: Iterable[bytes], minus: Iterable[bytes], *, out: Words
) -> None:
    """Write ``words`` plus the masks of the keys ``plus`` less those of ``minus`` to ``out``.

    ``words`` is chunk number ``chunk`` of a vector, at most ``CHUNK_BYTES``; ``out`` has its shape and may be
    ``words`` itself.
    """
    if chunk < 0 or words.nbytes > CHUNK_BYTES or out.nbytes != words.nbytes:
        raise ValueError(f"a chunk of at most {CHUNK_BYTES} bytes is masked into as many")
    moves = [*((np.add, key) for key in plus), *((np.subtract, key) for key in minus)]
    if not moves:
        out[...] = words
    scratch = np.empty(min(STRIDE_BYTES, out.nbytes), dtype=np.uint8)
    width = out.dtype.itemsize
    for first in range(0, len(moves), AT_ONCE):
        running = [(move, _stream(key, chunk)) for move, key in moves[first : first + AT_ONCE]]
        for start in range(0, out.nbytes, STRIDE_BYTES):
            here = slice(start // width, (start + STRIDE_BYTES) // width)
            before, part = words[here], out[here]
            stream = scratch[: part.nbytes]
            mask, zeros = stream.view(out.dtype), _ZEROS[: part.nbytes]
            for move, cipher in running:
                cipher.update_into(zeros, stream.data)
                move(before, mask, out=part)
                before = part
        words = out


def _stream(key: bytes, chunk: int) -> AEADEncryptionContext:
    """A cipher that encrypts zeros to one chunk of a mask."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a mask has a key of {KEY_BYTES} bytes")
    return Cipher(algorithms.AES256(key), modes.GCM(chunk.to_bytes(_NONCE_BYTES, "big"))).encryptor()
