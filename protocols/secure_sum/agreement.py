"""Key agreement of the secure sum: X25519 (RFC 7748) and HKDF-SHA256 (RFC 5869).

Each member has two fresh key pairs an attempt: c_i opens sealed shares, s_i makes pairwise masks.
Every derived key has the transcript hash as its salt and, in its info, a tag, the configuration hash
and the members it belongs to, so that no key serves two attempts, two pairs or two purposes. In suite 2 a key of
a pair is derived from two secrets, ML-KEM's before X25519's (:mod:`protocols.secure_sum.hybrid`).

>>> secret = bytes(range(32))
>>> public = exchange_key(secret).public_key().public_bytes_raw()
>>> check_exchange_key(public) == public
True
>>> check_exchange_key(bytes(32))
Traceback (most recent call last):
...
protocols.errors.WeakKey: expected a canonical X25519 key of full order; came a weak one; refuse the member
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocols.codec import prefixed, tagged_hash
from protocols.errors import WeakKey
from protocols.identity import PartnerId
from protocols.limits import KEY_BYTES
from protocols.secure_sum.encapsulation import Encapsulated

_TAG: Final = b"altrove/secure-sum/v1/"
_FIELD: Final = 2**255 - 19

LOW_ORDER: Final = frozenset(
    {
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        _FIELD - 1,
    }
)
"""u coordinates of small order on the curve or its twist: 0 (order 1, 2), 1 and -1 (order 4), and
the two of order 8. Larger encodings of the same points are not canonical and refused as such."""


Secret = bytes | X25519PrivateKey
"""32 secret bytes, or the key made of them by :func:`exchange_key`."""


def exchange_key(secret: bytes) -> X25519PrivateKey:
    """The private key of a 32-byte secret. Making it costs as much as an agreement: make it once for all peers."""
    return X25519PrivateKey.from_private_bytes(secret)


def check_exchange_key(key: bytes) -> bytes:
    """Return ``key`` if it is the canonical encoding of a point of large order.

    Raises:
        WeakKey: wrong length, 2**255 - 19 or more (the unused top bit included), or low order.
    """
    u = int.from_bytes(key, "little")
    if len(key) != KEY_BYTES or u >= _FIELD or u in LOW_ORDER:
        raise WeakKey(
            expected="a canonical X25519 key of full order", came="a weak one", do="refuse the member"
        )
    return key


def seal_key(
    secret: Secret,
    peer: bytes,
    *,
    transcript: bytes,
    config: bytes,
    sender: PartnerId,
    recipient: PartnerId,
    kem: Encapsulated | None = None,
) -> bytes:
    """The key that seals the shares of ``sender`` for ``recipient``: one per direction, used once.

    ``kem`` is what ``sender`` encapsulated to ``recipient`` for this bundle, in suite 2.
    """
    agreed = _agree(secret, peer)
    if kem is None:
        return derive(agreed, transcript, b"seal", config, sender, recipient)
    return derive(kem.secret + agreed, transcript, b"hybrid-seal", config, sender, recipient, kem.ciphertext)


def mask_key(
    secret: Secret,
    peer: bytes,
    *,
    transcript: bytes,
    config: bytes,
    low: PartnerId,
    high: PartnerId,
    pair: bytes = b"",
) -> bytes:
    """k_ij: the seed of the mask that ``low`` (earlier in the cohort) adds and ``high`` subtracts.

    ``pair`` is the secret of the pair in suite 2, 32 bytes.
    """
    purpose = b"hybrid-mask" if pair else b"mask"
    return derive(pair + _agree(secret, peer), transcript, purpose, config, low, high)


def pair_seeds(
    secret: Secret,
    peer: bytes,
    *,
    transcript: bytes,
    config: bytes,
    low: PartnerId,
    high: PartnerId,
    pair: bytes = b"",
) -> tuple[bytes, bytes]:
    """k_ij as :func:`mask_key`, and the seed of what hides the linear answers of the two: one agreement."""
    agreed = pair + _agree(secret, peer)
    purposes = (b"hybrid-mask", b"hybrid-check") if pair else (b"mask", b"check")
    mask, check = (derive(agreed, transcript, purpose, config, low, high) for purpose in purposes)
    return mask, check


def self_key(secret: bytes, *, transcript: bytes, config: bytes, member: PartnerId) -> bytes:
    """The seed of the member's own mask, from b_i."""
    return derive(secret, transcript, b"self", config, member)


def self_commitment(config: bytes, member: PartnerId, secret: bytes) -> bytes:
    """H(b_i), bound to the configuration and the member; b_i is uniform, so its hash hides it."""
    return tagged_hash("self-commitment", config, member, secret)


def _agree(secret: Secret, peer: bytes) -> bytes:
    own = exchange_key(secret) if isinstance(secret, bytes) else secret
    try:
        public = X25519PublicKey.from_public_bytes(check_exchange_key(peer))
        return own.exchange(public)
    except ValueError:
        raise WeakKey(
            expected="a shared secret other than zero", came="zero", do="refuse the member"
        ) from None


def derive(
    material: bytes, salt: bytes, purpose: bytes, *context: bytes, length_bytes: int = KEY_BYTES
) -> bytes:
    """HKDF-SHA256 of ``material``; the info is our tag with ``purpose``, then ``context``, each with its length."""
    info = prefixed(_TAG + purpose, *context)
    return HKDF(algorithm=SHA256(), length=length_bytes, salt=salt, info=info).derive(material)
