"""Gaussian noise rounded to integers, from a secret AES-256-CTR stream: exact to 2**-127 a cell.

The ideal is round(N(0, variance)), cut off at a bound. Because rounding acts on the sum of an integer
answer and its noise, a release with this noise is a post-processing of the Gaussian mechanism, and the
exact accounting of Gaussians (`protocols.privacy`) holds. Floating point is nowhere near a sample: tables
of 144-bit probabilities are inverted with as many secret bits as it takes to decide.

A table for a deviation of 40 million would be too long, so a wide Gaussian is climbed to in steps. Let Y
be N(0, S^2) and X discrete Gaussian, P(X = x) = exp(-x^2 / 2v) / sum. Then K X + Y is N(0, S'^2) with
S'^2 = S^2 + K^2 v, up to a factor 1 +- 2 e in density, e = 2.0001 exp(-2 pi^2 tau^2), tau = sqrt(v) S / S'.

Proof. x^2 / 2v + (y - K x)^2 / 2 S^2 = y^2 / 2 S'^2 + (x - c y)^2 / 2 tau^2 with c = K v / S'^2, so the
density at y is that of N(0, S'^2) times sum_x exp(-(x - c y)^2 / 2 tau^2) over (tau / sqrt(v)) sum_x
exp(-x^2 / 2v). By Poisson's summation a sum of exp(-(x - a)^2 / 2 t^2) over the integers is
sqrt(2 pi) t (1 +- 2 sum_{k >= 1} exp(-2 pi^2 t^2 k^2)) whatever a is, and tau <= sqrt(v). (This is the
convolution of Micciancio and Walter, CRYPTO 2017, with the finest part continuous.) K X is an integer, so
round(K X + Y) = K X + round(Y): the finest part is a table of the rounded Gaussian with deviation 16.

Error of a cell, in total variation, with at most 8 tables of at most 2**13 entries: what the tables cut off
(2**-144 each: 14 deviations) and round down (2**13 * 2**-144 each), and 2 e < 2**-135 a step (tau >= 2.2):
together < 2**-127, and < 2**-100 over the longest vector (2**27 cells). The cut-off at ``cut`` is not in
this figure; `protocols.privacy` charges both.

Not constant time: how long a sample takes depends a little on the noise, as in any table in Python.

>>> noise = Gaussian(variance=1000**2, cut=10_000).draw(Keystream(bytes(32)), 0, 4)
>>> noise.dtype, [len(Gaussian(variance=s * s, cut=14 * s).steps) for s in (1000, 2**24, 2**40)]
(dtype('int64'), [1, 4, 6])
"""

from bisect import bisect_right
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from math import isqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput
from protocols.keystream import Keystream

Ints = npt.NDArray[np.int64]

STRIDE: Final = 2**15
"""Cells sampled at a time, so that every pass over them stays in a core's cache."""

SIGMA_MIN: Final = 2**8
SIGMA_MAX: Final = 2**44
"""From here to there every step has tau >= 2.2, and ten deviations fit an answer's int64."""

FINEST_SIGMA: Final = 16
"""Deviation of the rounded Gaussian at the bottom."""

GROWTH_MAX: Final = 100
"""No step makes the deviation larger by more: a table then has at most 2**13 entries."""

_TABLE_SIGMAS: Final = 14
"""A table's reach: exp(-14**2 / 2) is 2**-141, and beyond it are 2**-144."""

_TABLE_BITS: Final = 144
_DIGITS: Final = 80
"""Decimal digits while tables are made: 2**-265, far below what they keep."""

_GUIDE_BITS: Final = 16
_UNDECIDED: Final = -(2**15)
_MORE: Final = 2**60
"""Where in a stream the further bits of undecided cells begin."""
_MORE_BYTES: Final = (_TABLE_BITS - _GUIDE_BITS) // 8


class Table:
    """An integer distribution, sampled by inverting its distribution function.

    The first 16 bits of a 144-bit uniform number decide most cells; the others are looked up with 64
    bits, and with all 144 where those are equal to a threshold's.
    """

    __slots__ = ("_exact", "_guide", "_low", "_thresholds")

    def __init__(self, low: int, thresholds: list[int]) -> None:
        """``thresholds[i]``: 2**144 times the probability of at most ``low + i``, rounded down."""
        self._low = low
        self._exact = thresholds
        self._thresholds = np.array([t >> (_TABLE_BITS - 64) for t in thresholds], dtype=np.uint64)
        shift, guides = _TABLE_BITS - _GUIDE_BITS, np.arange(1 << _GUIDE_BITS)
        lowest = np.searchsorted([-(-t >> shift) for t in thresholds], guides, side="right")
        highest = np.searchsorted([t >> shift for t in thresholds], guides, side="right")
        self._guide = np.where(lowest == highest, lowest + low, _UNDECIDED).astype(np.int16)

    def look_up(self, guide_bits: npt.NDArray[np.uint16], stream: Keystream, offset: int) -> tuple[Ints, int]:
        """One value a cell; with the offset of the first byte of ``stream`` that was not used."""
        values = self._guide.take(guide_bits).astype(np.int64)
        undecided = np.flatnonzero(values == _UNDECIDED)
        more = stream.read(offset, _MORE_BYTES * len(undecided)).view(">u8").reshape(-1, 2)
        values[undecided] = self._decide(guide_bits[undecided], more)
        return values, offset + more.nbytes

    def _decide(self, guide_bits: npt.NDArray[np.uint16], more: npt.NDArray[np.uint64]) -> Ints:
        leading = guide_bits.astype(np.uint64) << np.uint64(48) | more[:, 0] >> np.uint64(16)
        below = np.searchsorted(self._thresholds, leading, side="right")
        for tie in np.flatnonzero(np.searchsorted(self._thresholds, leading, side="left") != below):
            number = int(guide_bits[tie]) << 128 | int(more[tie, 0]) << 64 | int(more[tie, 1])
            below[tie] = bisect_right(self._exact, number)
        return below + self._low


class Gaussian:
    """round(N(0, variance)), cut off at ``cut``: a position-addressable source of noise.

    Attributes:
        steps: factor K and variance v of each discrete Gaussian, finest first.
    """

    __slots__ = ("_cut", "_tables", "steps")

    def __init__(self, *, variance: int, cut: int) -> None:
        """Make the tables (some hundredths of a second).

        Raises:
            BadInput: a deviation outside [SIGMA_MIN, SIGMA_MAX].
        """
        if not SIGMA_MIN**2 <= variance <= 2 * SIGMA_MAX**2:
            raise BadInput(
                expected="noise of variance 2**16 to 2**89 in units of 2**-48",
                came=str(variance),
                do="ask with another multiplier or other caps",
            )
        self._cut = cut
        self.steps = climb(variance)
        self._tables = [finest(), *(discrete(v) for _, v in self.steps)]

    def draw(self, stream: Keystream, start: int, count: int) -> Ints:
        """Cells ``start`` (a multiple of STRIDE) to ``start + count`` of the noise that ``stream`` gives.

        The same cells come out however the range is divided.
        """
        if start % STRIDE:
            raise ValueError(f"noise is entered at a multiple of {STRIDE}")
        noise = np.empty(count, dtype=np.int64)
        for first in range(0, count, STRIDE):
            self._fill(noise[first : first + STRIDE], stream, (start + first) // STRIDE)
        return noise

    def _fill(self, out: Ints, stream: Keystream, stride: int) -> None:
        offset = stride * len(self._tables) * STRIDE * 2
        more = _MORE + stride * len(self._tables) * STRIDE * _MORE_BYTES
        factors = (1, *(factor for factor, _ in self.steps))
        out[:] = 0
        for place, (table, factor) in enumerate(zip(self._tables, factors, strict=True)):
            guide_bits = stream.read(offset + place * STRIDE * 2, 2 * len(out)).view("<u2")
            values, more = table.look_up(guide_bits, stream, more)
            values *= factor
            out += values
        np.clip(out, -self._cut, self._cut, out=out)


def climb(variance: int) -> tuple[tuple[int, Fraction], ...]:
    """Factors K and variances v with 16**2 + sum K**2 v = ``variance`` exactly, in steps of equal growth.

    >>> climb(1600**2)
    ((7, Fraction(2559744, 49)),)
    """
    levels = 1
    while FINEST_SIGMA**2 * GROWTH_MAX ** (2 * levels) < variance:
        levels += 1
    steps = []
    square = FINEST_SIGMA**2
    with localcontext(Context(prec=_DIGITS)):
        growth = ((Decimal(variance) / square).ln() / levels).exp()
        heights = [int(square * growth**level) for level in range(1, levels)]
    for height in (*heights, variance):
        factor = isqrt(square * 16 // 81)  # S / 2.25
        steps.append((factor, Fraction(height - square, factor * factor)))
        square = height
    return tuple(steps)


@lru_cache(maxsize=32)
def discrete(variance: Fraction) -> Table:
    """The discrete Gaussian on the integers, P(x) proportional to exp(-x**2 / (2 variance))."""
    reach = _TABLE_SIGMAS * (isqrt(int(variance)) + 1)
    with localcontext(Context(prec=_DIGITS)):
        step = (Decimal(-variance.denominator) / (2 * variance.numerator)).exp()
        square, weight, half = step * step, Decimal(1), [Decimal(1)]
        for _ in range(reach):
            weight *= step  # exp(-(x + 1)^2 / 2v) / exp(-x^2 / 2v) is exp(-1 / 2v) to the power 2x + 1
            step *= square
            half.append(weight)
        sums = list(accumulate([*reversed(half[1:]), *half]))
        thresholds = [_scaled(part / sums[-1]) for part in sums[:-1]]
    return Table(-reach, thresholds)


@lru_cache(maxsize=1)
def finest() -> Table:
    """The Gaussian of deviation 16, rounded to integers."""
    reach = _TABLE_SIGMAS * FINEST_SIGMA
    with localcontext(Context(prec=_DIGITS)):
        upper = [normal((Decimal(j) + Decimal("0.5")) / FINEST_SIGMA) for j in range(reach)]
        thresholds = [_scaled(1 - p) for p in reversed(upper)] + [_scaled(p) for p in upper]
    return Table(-reach, thresholds)


def normal(x: Decimal) -> Decimal:
    """The standard normal distribution function for x >= 0, by its series of positive terms.

    Phi(x) = 1/2 + phi(x) (x + x^3 / 3 + x^5 / (3 * 5) + ...): nothing cancels.

    >>> str(normal(Decimal(1)))[:22]
    '0.84134474606854294858'
    """
    with localcontext(Context(prec=_DIGITS)) as context:
        term, total, n = x, Decimal(0), 1
        while total + term != total:
            total += term
            n += 2
            term = term * x * x / n
        density = (-x * x / 2).exp() / (2 * pi(context)).sqrt()
        return Decimal("0.5") + density * total


def pi(context: Context) -> Decimal:
    """Pi to the context's precision: Machin's 16 atan(1/5) - 4 atan(1/239).

    >>> str(pi(Context(prec=20)))
    '3.1415926535897932385'
    """
    ten = 10 ** (context.prec + 10)

    def inverse_tangent(q: int) -> int:
        power, total, n = ten // q, 0, 1
        while power:
            total += power // n if n % 4 == 1 else -(power // n)
            power //= q * q
            n += 2
        return total

    return context.divide(Decimal(16 * inverse_tangent(5) - 4 * inverse_tangent(239)), Decimal(ten))


def _scaled(probability: Decimal) -> int:
    return int(probability * (1 << _TABLE_BITS))
