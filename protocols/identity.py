"""Who says so: Ed25519 identity keys and signed messages (RFC 8032).

A partner's id is fixed for life; its identity key is pinned in the roster. A :class:`Signed` value
carries the canonical bytes of one message, and opening it is the only way to that message.

>>> from protocols.messages import Confirmation
>>> key = IdentityKey(bytes(32))
>>> signed = key.sign(PartnerId(bytes(16)), Confirmation.example())
>>> open_signed(signed, Confirmation, {PartnerId(bytes(16)): key.public}) == Confirmation.example()
True
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import ClassVar, Final, NewType, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocols.codec import Message, decode, encode, tagged_hash
from protocols.errors import BadProof, BadSignature, UnknownSigner, WeakKey
from protocols.limits import ID_BYTES, KEY_BYTES
from protocols.together import text_and_tails, text_behind, text_of_one

PartnerId = NewType("PartnerId", bytes)
"""16 bytes, fixed for life: see :func:`partner_id`."""

IdentityPublic = NewType("IdentityPublic", bytes)
"""An Ed25519 public key, 32 bytes."""

Roll = Mapping[PartnerId, IdentityPublic]
"""Whose signature counts: partner ids and the identity keys that the roster pins."""

COORDINATOR: PartnerId = PartnerId(bytes(ID_BYTES))
"""The coordinator's place in a :data:`Roll`; no partner has this id."""

SIGNATURE_BYTES: Final = 64
"""Ed25519. A longer signature is one for many messages, with its tail (:mod:`protocols.together`)."""

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The canonical bytes of a message and one partner's signature over them, or over many with them."""

    TAG: ClassVar[str] = "signed"
    signer: PartnerId
    body: bytes
    signature: bytes


class IdentityKey:
    """An Ed25519 private key made from 32 bytes of the caller's randomness."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != KEY_BYTES:
            raise ValueError(f"an identity key is made from {KEY_BYTES} bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = IdentityPublic(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def __repr__(self) -> str:
        return f"IdentityKey(public={self.public.hex()})"

    def sign(self, signer: PartnerId, message: Message) -> Signed:
        """Sign ``message`` in the name of ``signer``."""
        body = encode(message)
        return Signed(signer=signer, body=body, signature=self._key.sign(text_of_one(signer, body)))

    def sign_many(self, signer: PartnerId, messages: Sequence[Message]) -> tuple[Signed, ...]:
        """Sign ``messages`` at once; each is as good by itself as if :meth:`sign` had signed it."""
        bodies = [encode(message) for message in messages]
        text, tails = text_and_tails(signer, bodies)
        signature = self._key.sign(text)
        return tuple(
            Signed(signer=signer, body=body, signature=signature + tail)
            for body, tail in zip(bodies, tails, strict=True)
        )

    def sign_request(self, signature_base: bytes) -> bytes:
        """Sign the signature base of an HTTP request (RFC 9421, section 2.5).

        A base starts with the quote of its first component, a message's input with the zero byte
        of a length: neither signature can ever pass for the other.
        """
        if not signature_base.startswith(b'"'):
            raise ValueError("an RFC 9421 signature base starts with a quoted component name")
        return self._key.sign(signature_base)


def partner_id(first_key: IdentityPublic) -> PartnerId:
    """The id of a partner: 16 bytes of the hash of its first identity key."""
    return PartnerId(tagged_hash("partner-id", first_key)[:ID_BYTES])


def check_identity_public(key: bytes) -> IdentityPublic:
    """Return ``key`` if it is a canonical Ed25519 public key outside the small subgroup.

    Raises:
        WeakKey: wrong length, not canonical, no point of the curve, or of low order.
    """
    y = int.from_bytes(key, "little") & ((1 << 255) - 1)
    if len(key) != KEY_BYTES or y >= _P or y in _LOW_ORDER_Y or not _on_curve(y):
        raise WeakKey(expected="a canonical Ed25519 key", came=key.hex()[:64], do="make a new identity key")
    return IdentityPublic(key)


def open_signed(signed: Signed, kind: type[M], roll: Roll) -> M:
    """Verify ``signed`` under the key that ``roll`` pins for its signer and decode the message.

    Raises:
        UnknownSigner: the signer is not in ``roll``.
        BadSignature: the signature does not verify.
        MalformedMessage, UnknownVersion: the body is not a canonical ``kind``.
    """
    tail = signed.signature[SIGNATURE_BYTES:]
    try:
        text = (text_behind if tail else _alone)(signed.signer, signed.body, tail)
    except BadProof:
        raise _does_not_verify(signed.signer) from None
    _verify(signed.signer, signed.signature[:SIGNATURE_BYTES], text, roll)
    return decode(kind, signed.body)


def open_together(items: Sequence[Signed], kind: type[M], roll: Roll) -> tuple[M, ...]:
    """:func:`open_signed` of each, with one verification where ``items`` were signed at once in this order.

    Every signature is then compared to the last byte with the one that signing would have given.

    Raises:
        UnknownSigner, BadSignature, MalformedMessage, UnknownVersion: as :func:`open_signed`.
    """
    if not items:
        return ()
    signer, signature = items[0].signer, items[0].signature[:SIGNATURE_BYTES]
    text, tails = text_and_tails(signer, [item.body for item in items])
    if not all(
        item.signer == signer and compare_digest(item.signature, signature + tail)
        for item, tail in zip(items, tails, strict=True)
    ):
        return tuple(open_signed(item, kind, roll) for item in items)
    _verify(signer, signature, text, roll)
    return tuple(decode(kind, item.body) for item in items)


def _verify(signer: PartnerId, signature: bytes, text: bytes, roll: Roll) -> None:
    public = roll.get(signer)
    if public is None:
        raise UnknownSigner(
            expected="a signer in the roster", came=signer.hex(), do="refresh the roster or refuse"
        )
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except InvalidSignature:
        raise _does_not_verify(signer) from None


def _alone(signer: PartnerId, body: bytes, _tail: bytes) -> bytes:
    return text_of_one(signer, body)


def _does_not_verify(signer: PartnerId) -> BadSignature:
    return BadSignature(
        expected=f"a signature by {signer.hex()}", came="one that does not verify", do="refuse it"
    )


def _on_curve(y: int) -> bool:
    """Whether x^2 = (y^2 - 1) / (d y^2 + 1) has a root (RFC 8032, section 5.1.3)."""
    quotient = (y * y - 1) * pow(_D * y * y + 1, -1, _P)
    return pow(quotient, (_P - 1) // 2, _P) == 1


_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_LOW_ORDER_Y = frozenset(
    {
        0,
        1,
        _P - 1,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    }
)
"""y coordinates of the eight points of small order (the curve's torsion subgroup)."""
