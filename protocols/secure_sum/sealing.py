"""One member's shares for one other member: sealed (RFC 8439), committed, and opened again.

``sealed`` = commitment of the self share | commitment of the key share | ChaCha20-Poly1305 of both
shares. The owner signs it all, and the recipient accepts only what matches the commitments; so when
a combined secret is wrong, comparing opened shares with the signed commitments tells who lied, the
opener or the owner. A share is uniform in a field of 256 bits: its hash gives nothing away. In suite 2 more
bytes follow (:mod:`protocols.secure_sum.hybrid`), signed with the rest.
"""

from dataclasses import dataclass, field
from hmac import compare_digest
from typing import ClassVar, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from protocols.codec import enc, tagged_hash
from protocols.errors import BadShare
from protocols.identity import PartnerId
from protocols.limits import HASH_BYTES
from protocols.messages import SealedShare
from protocols.secret_sharing import SHARE_BYTES, from_bytes

NONCE: Final = bytes(12)
"""Zero: a sealing key belongs to one direction of one pair in one attempt and seals one message."""

SEALED_BYTES: Final = 2 * HASH_BYTES + 2 * SHARE_BYTES + 16
"""Two commitments, two shares and the authentication tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldShares:
    """The shares of both secrets of ``owner`` that one member holds; 32 bytes each."""

    TAG: ClassVar[str] = "held-shares"
    owner: PartnerId
    self_share: bytes = field(repr=False)
    key_share: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitments:
    """Hashes of the two shares that an owner dealt to one recipient."""

    self_share: bytes
    key_share: bytes


def commit_self(config: bytes, recipient: PartnerId, owner: PartnerId, share: bytes) -> bytes:
    """The commitment to the share of ``owner``'s b that ``recipient`` holds."""
    return tagged_hash("self-share", config, owner, recipient, share)


def commit_key(config: bytes, recipient: PartnerId, owner: PartnerId, share: bytes) -> bytes:
    """The commitment to the share of ``owner``'s mask secret that ``recipient`` holds."""
    return tagged_hash("key-share", config, owner, recipient, share)


def _commit(config: bytes, recipient: PartnerId, shares: HeldShares) -> Commitments:
    return Commitments(
        self_share=commit_self(config, recipient, shares.owner, shares.self_share),
        key_share=commit_key(config, recipient, shares.owner, shares.key_share),
    )


def seal(
    key: bytes,
    shares: HeldShares,
    *,
    config: bytes,
    transcript: bytes,
    recipient: PartnerId,
    beside: bytes = b"",
) -> SealedShare:
    """Seal ``shares`` under ``key`` for ``recipient`` alone; ``beside`` follows in the clear."""
    hashes = _commit(config, recipient, shares)
    data = _associated(config, transcript, shares.owner, recipient)
    text = ChaCha20Poly1305(key).encrypt(NONCE, shares.self_share + shares.key_share, data)
    return SealedShare(
        config=config,
        transcript=transcript,
        sender=shares.owner,
        recipient=recipient,
        sealed=hashes.self_share + hashes.key_share + text + beside,
    )


def commitments(message: SealedShare, beside_bytes: int = 0) -> Commitments:
    """The commitments that the owner signed, of a bundle with so many bytes beside it.

    Raises:
        BadShare: the sealed bytes have another length.
    """
    if len(message.sealed) != SEALED_BYTES + beside_bytes:
        raise _bad(message.sender, f"{SEALED_BYTES + beside_bytes} sealed bytes", f"{len(message.sealed)}")
    return Commitments(
        self_share=message.sealed[:HASH_BYTES], key_share=message.sealed[HASH_BYTES : 2 * HASH_BYTES]
    )


def beside(message: SealedShare, beside_bytes: int) -> bytes:
    """The ``beside_bytes`` bytes in the clear that follow the sealed shares.

    Raises:
        BadShare: the sealed bytes have another length.
    """
    commitments(message, beside_bytes)
    return message.sealed[SEALED_BYTES:]


def unseal(key: bytes, message: SealedShare, beside_bytes: int = 0) -> HeldShares:
    """Open ``message`` with ``key`` and check it against its commitments; it has so many bytes beside it.

    Raises:
        BadShare: it does not open, is not canonical, or does not match what its owner committed to.
    """
    signed = commitments(message, beside_bytes)
    data = _associated(message.config, message.transcript, message.sender, message.recipient)
    try:
        text = ChaCha20Poly1305(key).decrypt(NONCE, message.sealed[2 * HASH_BYTES : SEALED_BYTES], data)
    except InvalidTag:
        raise _bad(message.sender, "a bundle that opens", "one that does not") from None
    shares = HeldShares(owner=message.sender, self_share=text[:SHARE_BYTES], key_share=text[SHARE_BYTES:])
    try:
        from_bytes(shares.self_share)
        from_bytes(shares.key_share)
    except BadShare as error:
        raise _bad(message.sender, error.expected, error.came) from None
    held = _commit(message.config, message.recipient, shares)
    if not compare_digest(held.self_share + held.key_share, signed.self_share + signed.key_share):
        raise _bad(message.sender, "shares that match their commitments", "other shares")
    return shares


def _associated(config: bytes, transcript: bytes, sender: PartnerId, recipient: PartnerId) -> bytes:
    return enc(SealedShare.TAG, config, transcript, sender, recipient)


def _bad(owner: PartnerId, expected: str, came: str) -> BadShare:
    return BadShare(
        expected=f"{expected} from {owner.hex()}", came=came, do="abort the attempt and name its sender"
    )
