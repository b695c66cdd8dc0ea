"""Shamir's secret sharing over the prime field of 2**256 - 189 ("How to share a secret", 1979).

One field element carries one 32-byte secret. A share's abscissa is its holder's position in the
configuration, counted from 1, and never comes from a message. Fewer than ``threshold`` shares say
nothing about the secret; which shares are wrong is not decided here but by their commitments.

>>> shares = split(42, 2, (1, 2, 3), bytes(range(48)))
>>> combine({1: shares[1], 3: shares[3]}) == combine({2: shares[2], 3: shares[3]}) == 42
True
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from protocols.errors import BadShare

PRIME: Final = 2**256 - 189
"""The largest prime below 2**256."""

SHARE_BYTES: Final = 32

FIELD_RAND_BYTES: Final = 48
"""Random bytes behind one field element: reduced mod PRIME they are uniform up to 2**-128, so that
no value has to be redrawn."""


def field_element(rand: bytes) -> int:
    """A uniform element of the field from ``FIELD_RAND_BYTES`` random bytes."""
    if len(rand) != FIELD_RAND_BYTES:
        raise ValueError(f"a field element is drawn from {FIELD_RAND_BYTES} bytes")
    return int.from_bytes(rand, "big") % PRIME


def split(secret: int, threshold: int, positions: Sequence[int], rand: bytes) -> dict[int, int]:
    """A share for every abscissa in ``positions``; any ``threshold`` of them give ``secret`` back.

    ``rand`` holds ``threshold - 1`` coefficients of ``FIELD_RAND_BYTES`` each.

    Raises:
        ValueError: a secret outside the field, abscissas that are not distinct and positive, a
            threshold that they cannot meet, or another amount of randomness.
    """
    if not 0 <= secret < PRIME:
        raise ValueError("the secret is not an element of the field")
    if not 1 <= threshold <= len(positions):
        raise ValueError("the threshold must be between one and the number of shares")
    _check_abscissas(positions)
    if len(rand) != (threshold - 1) * FIELD_RAND_BYTES:
        raise ValueError("one random coefficient for each degree of the polynomial")
    coefficients = [
        field_element(rand[start : start + FIELD_RAND_BYTES])
        for start in range(0, len(rand), FIELD_RAND_BYTES)
    ]
    return {x: _evaluate(coefficients, x, secret) for x in positions}


def weights(positions: Collection[int]) -> dict[int, int]:
    """Lagrange weights at zero: the secret is the weighted sum of the shares at ``positions``.

    They depend on the positions alone: one computation serves every secret that the same holders open.
    """
    _check_abscissas(positions)
    product: dict[int, int] = {}
    for x in positions:
        above, below = 1, 1
        for other in positions:
            if other != x:
                above = above * other % PRIME
                below = below * (other - x) % PRIME
        product[x] = above * pow(below, -1, PRIME) % PRIME
    return product


def combine(shares: Mapping[int, int], lagrange: Mapping[int, int] | None = None) -> int:
    """The secret behind ``shares`` (abscissa to share); ``lagrange`` may hold their weights ready-made.

    With fewer shares than the threshold, or a wrong one, the result is an unrelated element: the
    caller compares it with its commitment.
    """
    at_zero = weights(shares) if lagrange is None else lagrange
    return sum(share * at_zero[x] for x, share in shares.items()) % PRIME


def to_bytes(element: int) -> bytes:
    """A field element as 32 bytes, big-endian."""
    return element.to_bytes(SHARE_BYTES, "big")


def from_bytes(data: bytes) -> int:
    """The field element that ``data`` canonically encodes.

    Raises:
        BadShare: not 32 bytes, or not below the prime.
    """
    element = int.from_bytes(data, "big")
    if len(data) != SHARE_BYTES or element >= PRIME:
        raise BadShare(expected="a canonical field element", came="other bytes", do="refuse the share")
    return element


def _evaluate(coefficients: Sequence[int], x: int, secret: int) -> int:
    """Horner's rule, highest degree first."""
    value = 0
    for coefficient in reversed(coefficients):
        value = (value + coefficient) * x % PRIME
    return (value + secret) % PRIME


def _check_abscissas(positions: Collection[int]) -> None:
    if len(set(positions)) != len(positions) or not all(0 < x < PRIME for x in positions):
        raise ValueError("abscissas are distinct and positive")
