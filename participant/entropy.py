"""The one module of the node that reads the operating system's randomness."""

import os

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

from protocols.secure_sum.encapsulation import Encapsulated


def random_bytes(count: int) -> bytes:
    """Return ``count`` bytes from the operating system's generator."""
    return os.urandom(count)


def encapsulate(key: bytes) -> Encapsulated:
    """A fresh secret for a checked ML-KEM-768 key; OpenSSL draws it from its own generator, seeded by the system's."""
    secret, ciphertext = MLKEM768PublicKey.from_public_bytes(key).encapsulate()
    return Encapsulated(ciphertext=ciphertext, secret=secret)
