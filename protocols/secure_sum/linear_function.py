"""The random linear function of the linear check: <r, x> exactly, for long vectors, a part at a time."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from protocols.keystream import Keystream
from protocols.ring import Fixed

Q: Final = 2**61 - 1
"""A Mersenne prime: a random linear function misses a difference with probability 1/q."""

_LIMB: Final = 21
"""r is cut into three limbs of 21 bits, x into two halves of 32: 1,024 products fit an int64."""

_BLOCK: Final = 1024


def inner(stream: Keystream, parts: Iterable[Fixed]) -> int:
    """<r, values> over the integers; the values come in ``parts``, one after the other.

    r_k is the low 61 bits of word k of ``stream``, which is q with probability 2**-61.

    >>> stream = Keystream(bytes(32))
    >>> r = [int(word) % 2**61 for word in stream.words(0, 24, 64)]
    >>> x = [3, -(2**63), 2**63 - 1]
    >>> inner(stream, [np.array(x[:1]), np.array(x[1:])]) == sum(a * b for a, b in zip(r, x))
    True
    """
    total = at = 0
    for part in parts:
        for start in range(0, len(part), _BLOCK):
            block = part[start : start + _BLOCK]
            total += _product(stream, at, block)
            at += len(block)
    return total


def _product(stream: Keystream, at: int, block: Fixed) -> int:
    r = (stream.words(8 * at, 8 * len(block), 64) & np.uint64(Q)).astype(np.int64)
    halves = ((block >> 32, 32), (block & 0xFFFFFFFF, 0))
    total = 0
    for shift in range(0, 3 * _LIMB, _LIMB):
        limb = (r >> shift) & (2**_LIMB - 1)
        total += sum(int(np.dot(limb, half)) << (shift + up) for half, up in halves)
    return total
