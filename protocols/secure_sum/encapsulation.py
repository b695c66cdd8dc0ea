"""ML-KEM-768 (FIPS 203), the post-quantum half of suite 2: keys from seeds, checked keys, opened secrets.

Encapsulating draws randomness inside the library, which takes none from outside. So it is an argument here,
like everything else that is drawn: an :data:`Encapsulate`, which ``participant.entropy`` provides.

>>> key = decapsulation_key(bytes(range(64)))
>>> public = encapsulation_key(key)
>>> len(public), check_encapsulation_key(public) == public
(1184, True)
>>> check_encapsulation_key(bytes([255]) * 1184)
Traceback (most recent call last):
...
protocols.errors.WeakKey: expected an ML-KEM-768 encapsulation key; came other bytes; refuse the member
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

from protocols.errors import SuiteUnavailable, WeakKey
from protocols.limits import KEM_CIPHERTEXT_BYTES, KEM_SEED_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Encapsulated:
    """A ciphertext to one encapsulation key, and the 32-byte secret that it carries."""

    ciphertext: bytes
    secret: bytes = field(repr=False)


Encapsulate = Callable[[bytes], Encapsulated]
"""Draws a fresh secret for an encapsulation key that was checked."""


def check_available() -> None:
    """Suite 2 needs ML-KEM of the library's backend, OpenSSL 3.5 or later.

    Raises:
        SuiteUnavailable: it has none.
    """
    decapsulation_key(bytes(KEM_SEED_BYTES))


def decapsulation_key(seed: bytes) -> MLKEM768PrivateKey:
    """ML-KEM.KeyGen_internal (algorithm 16) of the 64-byte seed d || z.

    Raises:
        SuiteUnavailable: the backend has no ML-KEM.
    """
    try:
        return MLKEM768PrivateKey.from_seed_bytes(seed)
    except UnsupportedAlgorithm:
        raise SuiteUnavailable(
            expected="ML-KEM-768 in the OpenSSL of the cryptography package",
            came="one without it",
            do="install the wheel of cryptography 50 or later, or stay with suite 1",
        ) from None


def encapsulation_key(key: MLKEM768PrivateKey) -> bytes:
    """The 1,184 public bytes of ``key``."""
    return key.public_key().public_bytes_raw()


def check_encapsulation_key(key: bytes) -> bytes:
    """Return ``key`` if it passes the type and modulus checks of FIPS 203, section 7.2.

    Raises:
        WeakKey: it does not.
    """
    try:
        MLKEM768PublicKey.from_public_bytes(key)
    except ValueError:
        raise WeakKey(
            expected="an ML-KEM-768 encapsulation key", came="other bytes", do="refuse the member"
        ) from None
    return key


def decapsulate(key: MLKEM768PrivateKey, ciphertext: bytes) -> Encapsulated:
    """The secret in ``ciphertext`` of 1,088 bytes; of a forged one, an unrelated secret (implicit rejection)."""
    if len(ciphertext) != KEM_CIPHERTEXT_BYTES:
        raise ValueError(f"a ciphertext has {KEM_CIPHERTEXT_BYTES} bytes")
    return Encapsulated(ciphertext=ciphertext, secret=key.decapsulate(ciphertext))
