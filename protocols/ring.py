"""Fixed-point answers as integers modulo 2**32 or 2**64, and back, with a proved error bound.

An answer is an ``int64`` array of fixed-point numbers with ``FRACTION_BITS`` fractional bits. A block
carries ``round(value * 2**scale_bits)`` in the ring. The scale is the largest power of two for which
the sum of ``members`` bounded answers cannot wrap around, so the lifted sum is the exact sum of what
the members encoded. This module decides scales, rounding and lifting; it knows nothing of masks.

>>> scale_bits(100_000, 5, 32)
12
>>> block = Block(
...     question="taste", parameters=b"", length=3, bound=8, scale_bits=0, noise_sigma=0, noise_tail=0
... )
>>> half = 1 << (FRACTION_BITS - 1)
>>> lift(encode(np.array([half, 3 * half, -half]), block=block, ring_bits=32), 32)  # ties go to even
array([0, 2, 0])
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from protocols.errors import NoiseRequired, OutOfBounds, RingOverflow
from protocols.limits import FRACTION_BITS
from protocols.messages import AnswerSpec, Block, RoundConfig

Words = npt.NDArray[np.unsignedinteger]
"""Ring elements: little-endian unsigned words of 4 or 8 bytes."""

Fixed = npt.NDArray[np.int64]
"""Signed integers: fixed-point answers, or lifted sums in ring units."""

Noise = Callable[[int, int, int], Fixed]
"""Gives the noise of ``(block number, first cell, count)`` in units of ``2**-FRACTION_BITS``, int64."""

_WORDS: Final[dict[int, np.dtype[np.unsignedinteger]]] = {32: np.dtype("<u4"), 64: np.dtype("<u8")}
_SIGNED: Final[dict[int, np.dtype[np.signedinteger]]] = {32: np.dtype("<i4"), 64: np.dtype("<i8")}

_LARGEST: Final = 2**63 - 2**FRACTION_BITS
"""No fixed-point answer goes beyond this, whatever its bound: adding noise to it and rounding must not leave int64."""

STRIDE: Final = 2**15
"""Answers are encoded 256 KiB at a time, so that every pass over them stays in a core's cache."""


def word_dtype(ring_bits: int) -> np.dtype[np.unsignedinteger]:
    """The explicit little-endian word of a ring of 32 or 64 bits."""
    return _WORDS[ring_bits]


def fits(bound: int, scale: int, members: int, ring_bits: int, noise_tail: int = 0) -> bool:
    """Whether ``members`` answers of at most ``bound``, at ``2**scale``, can never wrap around.

    One company's cell is at most ``bound * 2**scale`` (rounding is monotone and the bound is an
    integer), one more for any later noise's rounding, plus the noise's truncation ``noise_tail``.
    """
    return members * ((bound << scale) + 1 + noise_tail) < 1 << (ring_bits - 1)


def scale_bits(bound: int, members: int, ring_bits: int, noise_tail: int = 0) -> int:
    """The largest ``s <= FRACTION_BITS`` with ``members * (bound * 2**s + 1 + noise_tail) < 2**(ring_bits-1)``.

    Raises:
        RingOverflow: not even whole numbers (s = 0) fit.
    """
    for scale in range(FRACTION_BITS, -1, -1):
        if fits(bound, scale, members, ring_bits, noise_tail):
            return scale
    raise RingOverflow(
        expected=f"{members} answers within {bound} to fit a ring of {ring_bits} bits",
        came=f"a sum of up to {members * (bound + 1 + noise_tail)}",
        do="lower the public caps or ask in the ring of 64 bits",
    )


def scale_for(bound: int, members: int, ring_bits: int, cut: int) -> tuple[int, int]:
    """The scale of a block, and its noise's tail at that scale (in ring units).

    ``cut`` bounds the noise in units of ``2**-FRACTION_BITS``. It is added before the answer is rounded,
    so a ring word grows by at most ``ceil(cut / 2**(FRACTION_BITS - s))``.

    Raises:
        RingOverflow: not even whole numbers (s = 0) fit.
    """
    for scale in range(FRACTION_BITS, 0, -1):
        tail = noise_tail_at(cut, scale)
        if fits(bound, scale, members, ring_bits, tail):
            return scale, tail
    tail = noise_tail_at(cut, 0)
    return scale_bits(bound, members, ring_bits, tail), tail


def noise_tail_at(cut: int, scale: int) -> int:
    """``cut`` in ring units, rounded up.

    >>> noise_tail_at(2**24 + 1, 12)
    4097
    """
    return -(-cut >> (FRACTION_BITS - scale))


def check_overflow(config: RoundConfig) -> None:
    """The overflow obligation of a whole configuration: no block's sum can wrap around.

    Raises:
        RingOverflow: a block's scale is too large for the cohort.
    """
    n = len(config.cohort)
    for block in config.answer.blocks:
        if not fits(block.bound, block.scale_bits, n, config.answer.ring_bits, block.noise_tail):
            raise RingOverflow(
                expected=f"a scale at which {n} answers to {block.question!r} fit the ring",
                came=f"2**{block.scale_bits}",
                do="refuse the round: the coordinator must lower the scale",
            )


def encode(answer: Fixed, *, block: Block, ring_bits: int) -> Words:
    """One block of an answer without noise as ring words, shape ``(block.length,)``.

    ``answer`` holds fixed-point numbers with ``FRACTION_BITS`` fractional bits. They are rounded half
    to even to ``block.scale_bits`` by integer arithmetic: bit-equal on every machine.

    Raises:
        OutOfBounds: not ``int64``, another length, or a cell beyond ``block.bound``.
        RingOverflow: the block's own bound does not fit a word at its scale.
    """
    words = np.empty(len(answer), dtype=word_dtype(ring_bits))
    return _filled(words, _strides(answer, block, ring_bits, None))


def encode_vector(answer: Fixed, spec: AnswerSpec, noise: Noise | None = None) -> Words:
    """All blocks of an answer, one after the other, shape ``(spec.elements,)``.

    Raises:
        OutOfBounds: as :func:`encode`.
    """
    return _filled(
        np.empty(spec.elements, dtype=word_dtype(spec.ring_bits)), encode_parts(answer, spec, noise)
    )


def encode_parts(answer: Fixed, spec: AnswerSpec, noise: Noise | None = None) -> Iterator[Words]:
    """The same words in parts of at most 256 KiB, for whoever does not want to hold them all.

    The noise is added to the bounded answer *before* that is rounded to the ring's scale: rounding is
    then a post-processing, and costs no privacy.

    Raises:
        OutOfBounds: as :func:`encode`, while it is read.
        NoiseRequired: a block has noise and ``noise`` is None.
    """
    if answer.shape != (spec.elements,):
        raise _wrong_shape(f"{spec.elements} cells", answer)
    start = 0
    for number, block in enumerate(spec.blocks):
        own = partial(noise, number) if noise is not None and block.noise_sigma else None
        yield from _strides(answer[start : start + block.length], block, spec.ring_bits, own)
        start += block.length


def _filled(words: Words, parts: Iterable[Words]) -> Words:
    start = 0
    for part in parts:
        words[start : start + len(part)] = part
        start += len(part)
    return words


def _strides(
    answer: Fixed, block: Block, ring_bits: int, noise: Callable[[int, int], Fixed] | None
) -> Iterator[Words]:
    _check_shape(answer, block)
    if not fits(block.bound, block.scale_bits, 1, ring_bits, block.noise_tail):
        raise RingOverflow(
            expected=f"a bound that fits {ring_bits} bits at 2**{block.scale_bits}",
            came=f"{block.bound}",
            do="lower the scale",
        )
    if block.noise_sigma and noise is None:
        raise NoiseRequired(expected=f"noise for {block.question!r}", came="none", do="report this as a bug")
    shift = FRACTION_BITS - block.scale_bits
    if (block.bound << FRACTION_BITS) + (block.noise_tail << shift) > _LARGEST and block.noise_sigma:
        raise RingOverflow(
            expected="an answer with its noise that fits int64", came=f"{block.bound}", do="lower the caps"
        )
    for start in range(0, len(answer), STRIDE):
        part = answer[start : start + STRIDE]
        _check_range(part, block.bound << FRACTION_BITS, block)
        if noise is not None:
            added = noise(start, len(part))
            _check_range(added, block.noise_tail << shift, block)
            part = part + added
        yield _round_half_even(part, shift).astype(_SIGNED[ring_bits]).view(word_dtype(ring_bits))


def _check_range(part: Fixed, limit: int, block: Block) -> None:
    limit = min(limit, _LARGEST)
    if int(part.max()) > limit or int(part.min()) < -limit:
        raise OutOfBounds(
            expected=f"cells of {block.question!r} within {block.bound}",
            came="a cell beyond it",
            do="lower the caps of the question's parameters, or correct the answer",
        )


def lift(words: Words, ring_bits: int) -> Fixed:
    """The signed representative in [-2**(ring_bits-1), 2**(ring_bits-1)) of each word."""
    if words.dtype != word_dtype(ring_bits):
        raise _wrong_shape(f"words of {ring_bits} bits", words)
    return words.view(_SIGNED[ring_bits]).astype(np.int64)


def to_float(total: Fixed, block: Block) -> npt.NDArray[np.float64]:
    """A block's lifted sum in units of the answer: ``total / 2**scale_bits``."""
    return np.ldexp(total.astype(np.float64), -block.scale_bits)


def error_bound(block: Block, members: int) -> float:
    """Bound on ``|to_float(sum of encoded answers) - exact sum|`` per cell, in units of the answer.

    Proof. By :func:`fits` the ring sum does not wrap, so lifting it gives the exact integer sum of
    the encoded cells. Each encoded cell differs from ``value * 2**scale_bits`` by at most one half
    (rounding to nearest), and by nothing if ``scale_bits == FRACTION_BITS``; ``members`` of them by
    at most ``members / 2``, that is ``members * 2**-(scale_bits + 1)`` in units of the answer.
    Dividing by a power of two is exact; converting an integer of at most 53 bits to float64 is
    exact too, and beyond that costs half a unit in the last place of a sum of at most
    ``members * bound``.
    """
    rounding = 0.0 if block.scale_bits == FRACTION_BITS else members * 2.0 ** -(block.scale_bits + 1)
    largest = members * (block.bound << block.scale_bits)
    conversion = 0.0 if largest <= 1 << 53 else members * block.bound * 2.0**-53
    return rounding + conversion


def _round_half_even(answer: Fixed, shift: int) -> Fixed:
    """``answer / 2**shift``: adding just under a half rounds ties down, one more if that is odd.

    ``answer`` lies within ``_LARGEST``, so that the addition does not wrap.
    """
    if shift == 0:
        return answer
    rounded = answer >> shift
    rounded &= 1
    rounded += (1 << (shift - 1)) - 1
    rounded += answer
    rounded >>= shift
    return rounded


def _check_shape(answer: Fixed, block: Block) -> None:
    if answer.dtype != np.int64 or answer.shape != (block.length,):
        raise _wrong_shape(f"{block.length} int64 cells of {block.question!r}", answer)


def _wrong_shape(expected: str, came: npt.NDArray[Any]) -> OutOfBounds:
    return OutOfBounds(
        expected=expected, came=f"{came.dtype} of shape {came.shape}", do="correct the answer's layout"
    )
