"""What suite 2 adds: ML-KEM-768 beside X25519 under every key of a pair, whoever drops out.

A member has two 32-byte secrets, c_i that opens bundles and s_i that is shared by Shamir. In suite 2 each
is expanded by HKDF into an X25519 key *and* an ML-KEM seed. Not the other way round: who computes the
scalar of a public X25519 key must not get at the seed, and whoever puts s_i together must get at both.

* **Seal.** i encapsulates to c_j of every j; the secret goes into the key that seals the bundle. c_j is never
  opened. Were that secret within reach of s_i or s_j, whoever breaks X25519 later and sees i or j drop out
  would read shares of both secrets of everybody out of recorded bundles.
* **Pair secret.** r_ij = HKDF(s_i) of the earlier member i, for the later member j, who gets it in a
  *capsule*: encrypted (ML-KEM to s_j, then ChaCha20-Poly1305) beside the bundle, with a commitment to it. It
  is mixed into the mask k_ij. If i drops out, its combined s_i gives r_ij again; if j does, its s_j opens the
  capsule. That is why r_ij is not simply the encapsulated secret: an encapsulation cannot be repeated from a
  seed through the library, and nothing else that i sent would bring the secret back.
* **Blame.** The commitment is signed with the bundle. j refuses a capsule that does not match it; when i or j
  drops out, a capsule that does not open, or holds anything but the r_ij of s_i, names i.

Secrets are combined by HKDF over their concatenation, ML-KEM's first (each has 32 bytes), as NIST SP 800-56C
rev. 2 and SP 800-227 allow it for hybrids; ciphertexts are in the info, public keys under the transcript that
salts it, as TLS binds both in its transcript (draft-ietf-tls-hybrid-design).
"""

from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from protocols.codec import enc, tagged_hash
from protocols.errors import BadShare, WeakKey
from protocols.identity import PartnerId
from protocols.limits import HASH_BYTES, KEM_CIPHERTEXT_BYTES, KEM_SEED_BYTES, KEY_BYTES
from protocols.messages import CLASSICAL, HYBRID, PUBLIC_BYTES
from protocols.secure_sum.agreement import check_exchange_key, derive, exchange_key
from protocols.secure_sum.encapsulation import (
    Encapsulate,
    Encapsulated,
    check_encapsulation_key,
    decapsulate,
    decapsulation_key,
    encapsulation_key,
)

NONCE: Final = bytes(12)
"""Zero: the key of a capsule holds a fresh encapsulated secret and encrypts once."""

CAPSULE_BYTES: Final = KEM_CIPHERTEXT_BYTES + HASH_BYTES + KEY_BYTES + 16
"""A ciphertext, a commitment, and the encrypted secret with its authentication tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateKey:
    """The private half of an advertised key: X25519, and in suite 2 ML-KEM-768 beside it."""

    x25519: X25519PrivateKey
    mlkem: MLKEM768PrivateKey | None

    @property
    def public(self) -> bytes:
        """What is advertised."""
        beside = b"" if self.mlkem is None else encapsulation_key(self.mlkem)
        return self.x25519.public_key().public_bytes_raw() + beside

    def decapsulate(self, ciphertext: bytes) -> Encapsulated:
        """The secret that was encapsulated to this key of suite 2."""
        if self.mlkem is None:
            raise ValueError("a key of suite 1 opens no ciphertext")
        return decapsulate(self.mlkem, ciphertext)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two members in the order of the configuration, in one attempt: to what a capsule is bound."""

    config: bytes
    transcript: bytes
    low: PartnerId
    high: PartnerId


def private_key(suite: int, secret: bytes, config: bytes) -> PrivateKey:
    """The key made of a member's 32-byte secret c_i or s_i, for the configuration of this hash.

    Raises:
        SuiteUnavailable: suite 2 without ML-KEM in the library.
    """
    if suite == CLASSICAL:
        return PrivateKey(x25519=exchange_key(secret), mlkem=None)
    wide = derive(secret, config, b"hybrid-keys", length_bytes=KEM_SEED_BYTES + KEY_BYTES)
    return PrivateKey(
        x25519=exchange_key(wide[KEM_SEED_BYTES:]), mlkem=decapsulation_key(wide[:KEM_SEED_BYTES])
    )


def split_public(key: bytes) -> tuple[bytes, bytes]:
    """The X25519 part of an advertised key and its encapsulation key, empty in suite 1."""
    return key[:KEY_BYTES], key[KEY_BYTES:]


def check_public_key(key: bytes, suite: int) -> bytes:
    """Return ``key`` if it is a sound key of ``suite``.

    Raises:
        WeakKey: of another suite, not canonical, of small order, or no encapsulation key.
    """
    if len(key) != PUBLIC_BYTES[suite]:
        raise WeakKey(
            expected=f"a key of suite {suite} with {PUBLIC_BYTES[suite]} bytes",
            came=f"{len(key)} bytes",
            do="refuse the member",
        )
    exchange, encapsulation = split_public(key)
    check_exchange_key(exchange)
    if suite == HYBRID:
        check_encapsulation_key(encapsulation)
    return key


def beside_bytes(suite: int, *, later: bool) -> int:
    """Bytes beside a sealed bundle; ``later``: its recipient comes after its sender in the configuration."""
    if suite == CLASSICAL:
        return 0
    return KEM_CIPHERTEXT_BYTES + (CAPSULE_BYTES if later else 0)


def pair_secret(secret: bytes, pair: Pair) -> bytes:
    """r_ij, from s_i of the earlier member."""
    return derive(secret, pair.transcript, b"pair", pair.config, pair.low, pair.high)


def close(secret: bytes, recipient: bytes, pair: Pair, encapsulate: Encapsulate) -> bytes:
    """The capsule with the pair's ``secret`` for the advertised mask key ``recipient`` of the later member."""
    kem = encapsulate(split_public(recipient)[1])
    text = ChaCha20Poly1305(_capsule_key(kem, pair)).encrypt(NONCE, secret, _associated(pair))
    return kem.ciphertext + _commitment(secret, pair) + text


def unclose(capsule: bytes, key: PrivateKey, pair: Pair) -> bytes:
    """The pair's secret, opened with s_j of the later member.

    Raises:
        BadShare: it does not open, or is not what the earlier member committed to.
    """
    kem = key.decapsulate(capsule[:KEM_CIPHERTEXT_BYTES])
    text = capsule[KEM_CIPHERTEXT_BYTES + HASH_BYTES :]
    try:
        secret = ChaCha20Poly1305(_capsule_key(kem, pair)).decrypt(NONCE, text, _associated(pair))
    except InvalidTag:
        raise _bad(pair, "a capsule that opens", "one that does not") from None
    return check_committed(secret, capsule, pair)


def check_committed(secret: bytes, capsule: bytes, pair: Pair) -> bytes:
    """Return ``secret`` if it is the one that the earlier member committed to.

    Raises:
        BadShare: it is not.
    """
    signed = capsule[KEM_CIPHERTEXT_BYTES : KEM_CIPHERTEXT_BYTES + HASH_BYTES]
    if len(secret) != KEY_BYTES or not compare_digest(_commitment(secret, pair), signed):
        raise _bad(pair, "a secret that matches its commitment", "another")
    return secret


def _capsule_key(kem: Encapsulated, pair: Pair) -> bytes:
    return derive(kem.secret, pair.transcript, b"capsule", pair.config, pair.low, pair.high, kem.ciphertext)


def _commitment(secret: bytes, pair: Pair) -> bytes:
    """Its hash hides a uniform secret of 256 bits."""
    return tagged_hash("pair-secret", pair.config, pair.low, pair.high, secret)


def _associated(pair: Pair) -> bytes:
    return enc("capsule", pair.config, pair.transcript, pair.low, pair.high)


def _bad(pair: Pair, expected: str, came: str) -> BadShare:
    return BadShare(
        expected=f"{expected} from {pair.low.hex()}",
        came=came,
        do="abort the attempt and name its sender",
    )
