"""The one module of the coordinator that reads the operating system's randomness."""

import os


def random_bytes(count: int) -> bytes:
    """Return ``count`` bytes from the operating system's generator."""
    return os.urandom(count)
