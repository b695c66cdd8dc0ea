"""Changes of bytes that are likely to matter: lengths and counts, cuts, repeats, splices, words of the formats.

>>> from random import Random
>>> mutated(Random(1), [b"abcdefgh"]) == mutated(Random(1), [b"abcdefgh"])
True
"""

from collections.abc import Sequence
from random import Random

INTERESTING = (
    0,
    1,
    2,
    3,
    16,
    31,
    32,
    33,
    0x7F,
    0x80,
    0xFF,
    2**16,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
    2**63,
)
WORDS = (
    *(
        b"Infinity",
        b"-Infinity",
        b"NaN",
        b"1e999",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'""',
        b"\\ud800",
        b"\xff\xfe",
    ),
    *(b"?1", b":AAAA:", b";expires=0", b"\r\n", b"\0", b"=", b"==", b"-1", b"9" * 5000, b"[" * 100_000),
    *(b"sha-256=::", b'("@method")', b'"', b"\\", b"altrove/v2/"),
)
MOST_BYTES = 2**18


def mutated(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """One of ``seeds`` with one to four changes."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        rng.choice(CHANGES)(rng, data, seeds)
    return bytes(data[:MOST_BYTES])


def _flip(rng: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del seeds
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _number(rng: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    """Overwrite a big-endian number, or move it by one."""
    del seeds
    width = rng.choice((1, 4, 8))
    if len(data) >= width:
        at = rng.randrange(len(data) - width + 1)
        old = int.from_bytes(data[at : at + width])
        new = rng.choice((old + 1, old - 1, rng.choice(INTERESTING)))
        data[at : at + width] = (new % 256**width).to_bytes(width)


def _cut(rng: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del seeds
    at = rng.randrange(len(data) + 1)
    del data[at : rng.choice((at + 1, at + rng.randrange(1, 40), len(data)))]


def _repeat(rng: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del seeds
    at = rng.randrange(len(data) + 1)
    data[at:at] = data[at : at + rng.choice((1, 4, 32, 200))] * rng.choice((1, 1, 2, 8))


def _word(rng: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del seeds
    at = rng.randrange(len(data) + 1)
    data[at : at + rng.choice((0, 0, 1, 4))] = rng.choice(WORDS)


def _noise(rng: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del seeds
    at = rng.randrange(len(data) + 1)
    count = rng.choice((1, 2, 8, 32))
    data[at : at + rng.choice((0, count))] = rng.randbytes(count)


def _same(rng: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    """As many bytes as before, from elsewhere in the same input or from nowhere."""
    del seeds
    count = rng.choice((1, 8, 16, 32))
    if len(data) >= count:
        at, other = (rng.randrange(len(data) - count + 1) for _ in range(2))
        data[at : at + count] = rng.choice((data[other : other + count], rng.randbytes(count), bytes(count)))


def _splice(rng: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = rng.choice(seeds)
    data[rng.randrange(len(data) + 1) :] = other[rng.randrange(len(other) + 1) :]


CHANGES = (_flip, _flip, _same, _same, _number, _number, _cut, _repeat, _word, _noise, _splice)
