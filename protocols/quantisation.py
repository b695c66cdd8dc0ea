"""From real numbers to ring words: clip to the block's bound, scale, round half to even.

For answers that are floating point from the start (a model's change, a clipped gradient). An answer
that is made of integers goes through :func:`protocols.ring.encode`, which refuses what is out of
bounds; here clipping is the point, and only what is not a number is refused. Clipping to a number of the
same type and scaling by a power of two are exact, so rounding once is the only change: float32 values
give in float32 the very words that they give in float64, in half the memory.

>>> from protocols.ring import lift
>>> block = Block(
...     question="delta", parameters=b"", length=4, bound=2, scale_bits=1, noise_sigma=0, noise_tail=0
... )
>>> lift(quantise(np.array([0.25, 0.75, -9.0, 1.3], dtype=np.float32), block=block, ring_bits=32), 32)
array([ 0,  2, -4,  3])
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from protocols.errors import OutOfBounds
from protocols.messages import Block
from protocols.ring import Words, fits, word_dtype

Reals = npt.NDArray[np.floating]
"""An answer in its own units, any floating point."""

_STRIDE: Final = 2**15
"""Numbers are converted 128 or 256 KiB at a time: every pass stays in a core's cache."""

_SIGNED: Final[dict[int, np.dtype[np.signedinteger]]] = {32: np.dtype("<i4"), 64: np.dtype("<i8")}


def quantise(values: Reals, *, block: Block, ring_bits: int, out: Words | None = None) -> Words:
    """One block's ring words, shape ``(len(values),)``: ``rint(clip(value, -C, C) * 2**scale_bits)``.

    ``values`` may be any part of the block: a vector can be converted chunk by chunk, each into the same
    ``out`` (fresh memory costs more than the arithmetic).

    Raises:
        OutOfBounds: a number that is not finite, or a bound that does not fit a word at this scale.
    """
    if not fits(block.bound, block.scale_bits, 1, ring_bits, block.noise_tail):
        raise _refused(f"a bound that fits {ring_bits} bits at 2**{block.scale_bits}", str(block.bound))
    words = np.empty(len(values), dtype=word_dtype(ring_bits)) if out is None else out[: len(values)]
    signed = words.view(_SIGNED[ring_bits])
    bound, scale = float(block.bound), 2.0**block.scale_bits
    scratch = np.empty(min(_STRIDE, len(values)), dtype=_working(values, block))
    for start in range(0, len(values), _STRIDE):
        part = values[start : start + _STRIDE]
        if not _finite(part):
            raise _refused("finite numbers", "one that is not")
        real = scratch[: len(part)]
        np.clip(part, -bound, bound, out=real, dtype=real.dtype)
        np.multiply(real, scale, out=real)
        signed[start : start + _STRIDE] = np.rint(real, out=real)
    return words


def _working(values: Reals, block: Block) -> type[np.floating]:
    """float32 for float32 values, unless their bound lies between two of them."""
    exact = values.dtype == np.float32 and float(np.float32(block.bound)) == block.bound
    return np.float32 if exact else np.float64


def _finite(values: Reals) -> bool:
    """One pass where all is well; squares that overflow ask for a second look."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.dot(values, values)) or np.isfinite(values).all())


def _refused(expected: str, came: str) -> OutOfBounds:
    return OutOfBounds(expected=expected, came=came, do="correct the answer; nothing was encoded")
