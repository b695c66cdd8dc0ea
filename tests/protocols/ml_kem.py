"""ML-KEM.Encaps_internal of FIPS 203 for ML-KEM-768, written from the standard: the library draws its own coins.

With it a whole attempt of suite 2 can be pinned to the byte, and what the library makes of keys and ciphertexts
is compared with something that is not the library. Slow, not constant-time, for tests only.
"""

import hashlib
from collections.abc import Iterator

Q, N, K = 3329, 256, 3
DU, DV = 10, 4
Poly = list[int]


def encapsulate(key: bytes, m: bytes) -> tuple[bytes, bytes]:
    """Algorithm 17: the secret and the ciphertext for encapsulation key ``key`` and 32 bytes of coins ``m``."""
    both = hashlib.sha3_512(m + hashlib.sha3_256(key).digest()).digest()
    return both[:32], _encrypt(key, m, both[32:])


def _encrypt(key: bytes, m: bytes, coins: bytes) -> bytes:
    """Algorithm 14, K-PKE.Encrypt."""
    t = [_decode(key[384 * i : 384 * (i + 1)], 12) for i in range(K)]
    rho = key[384 * K :]
    y, e1 = ([_noise(coins, n) for n in range(first, first + K)] for first in (0, K))
    e2 = _noise(coins, 2 * K)
    y_hat = [_ntt(each) for each in y]
    u = []
    for i in range(K):
        column = [_product(_uniform(rho + bytes([i, j])), y_hat[j]) for j in range(K)]  # A transposed
        u.append(_sum(_inverse(_sum(*column)), e1[i]))
    message = [_decompress(bit, 1) for bit in _decode(m, 1)]
    v = _sum(_inverse(_sum(*(_product(t[j], y_hat[j]) for j in range(K)))), e2, message)
    parts = [_encode([_compress(x, DU) for x in each], DU) for each in u]
    return b"".join(parts) + _encode([_compress(x, DV) for x in v], DV)


def _uniform(seed: bytes) -> Poly:
    """Algorithm 7, SampleNTT, of rho with the two indices."""
    stream = hashlib.shake_128(seed).digest(1344)
    found: Poly = []
    for a, b, c in zip(*(stream[i::3] for i in range(3)), strict=True):
        found += [d for d in (a + 256 * (b % 16), b // 16 + 16 * c) if d < Q]
    if len(found) < N:
        raise AssertionError("once in 2**100 seeds the stream has to be longer")
    return found[:N]


def _noise(coins: bytes, number: int) -> Poly:
    """Algorithm 8, SamplePolyCBD with eta = 2, of the stream with this ``number``."""
    bits = _decode(hashlib.shake_256(coins + bytes([number])).digest(128), 1, 4 * N)
    fours = zip(*(iter(bits),) * 4, strict=True)
    return [(a + b - c - d) % Q for a, b, c, d in fours]


def _zetas() -> Iterator[tuple[int, int, int]]:
    """(length, start, zeta) of algorithm 9, in order; zeta is 17 to the bit-reversed count."""
    count, length = 1, 128
    while length >= 2:
        for start in range(0, N, 2 * length):
            yield length, start, pow(17, int(f"{count:07b}"[::-1], 2), Q)
            count += 1
        length //= 2


ZETAS = tuple(_zetas())
GAMMAS = tuple(pow(17, 2 * int(f"{i:07b}"[::-1], 2) + 1, Q) for i in range(N // 2))


def _ntt(poly: Poly) -> Poly:
    """Algorithm 9."""
    f = list(poly)
    for length, start, zeta in ZETAS:
        for j in range(start, start + length):
            t = zeta * f[j + length] % Q
            f[j], f[j + length] = (f[j] + t) % Q, (f[j] - t) % Q
    return f


def _inverse(poly: Poly) -> Poly:
    """Algorithm 10: the butterflies of algorithm 9 undone, last one first."""
    f = list(poly)
    for length, start, zeta in reversed(ZETAS):
        undo = pow(zeta, -1, Q)
        for j in range(start, start + length):
            t = f[j]
            f[j] = (t + f[j + length]) % Q
            f[j + length] = (t - f[j + length]) * undo % Q
    return [x * 3303 % Q for x in f]  # 3303 = 1/128


def _product(f: Poly, g: Poly) -> Poly:
    """Algorithm 11, MultiplyNTTs: 128 products modulo X**2 - gamma."""
    h: Poly = []
    for i, gamma in enumerate(GAMMAS):
        a, b, c, d = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
        h += [(a * c + b * d * gamma) % Q, (a * d + b * c) % Q]
    return h


def _sum(*polys: Poly) -> Poly:
    return [sum(column) % Q for column in zip(*polys, strict=True)]


def _compress(x: int, d: int) -> int:
    return ((x << d) + Q // 2) // Q % (1 << d)


def _decompress(y: int, d: int) -> int:
    return (Q * y + (1 << (d - 1))) >> d


def _encode(values: Poly, d: int) -> bytes:
    """Algorithm 5: ``d`` bits of every value, little-endian."""
    return sum(value << (d * i) for i, value in enumerate(values)).to_bytes(32 * d, "little")


def _decode(data: bytes, d: int, count: int = N) -> Poly:
    """Algorithm 6."""
    whole = int.from_bytes(data, "little")
    return [whole >> (d * i) & ((1 << d) - 1) for i in range(count)]
