"""How a company joins: the invitation it was handed, and the request it signs with its new key.

An invitation is one line of text, passed on by a person. It holds the addresses, the authority's
certificate that the company pins, and a secret that works once. All private keys are made at the
company; only public keys and a signing request leave.

>>> line = Invitation(
...     enrol_url="https://127.0.0.1:7001",
...     partner_url="https://127.0.0.1:7002",
...     authority="PEM",
...     secret=bytes(32),
...     name="Ceres Market",
... ).text()
>>> line[:9], Invitation.parse(line).name
('altrove1.', 'Ceres Market')
>>> Invitation.parse(line[:-5])
Traceback (most recent call last):
...
protocols.errors.BadInput: expected a whole invitation; came text that does not parse; copy the line again from the invitation, from `altrove1.` to its end
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field
from typing import ClassVar, Self

from protocols.codec import decode
from protocols.errors import BadInput, MalformedMessage, UnknownSigner
from protocols.identity import (
    IdentityPublic,
    PartnerId,
    Signed,
    check_identity_public,
    open_signed,
    partner_id,
)
from protocols.limits import COURIER_KEY_BYTES, KEY_BYTES, NAME_CHARS

PREFIX = "altrove1."
"""Format 1; a reader refuses any other."""

REQUEST_CHARS = 4_096
"""A PEM signing request with an EC P-256 key takes about 500 characters."""

_FIELDS = ("enrol_url", "partner_url", "ca", "secret", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """One invitation. ``authority`` is the PEM certificate to trust; ``secret`` 32 bytes, single-use."""

    enrol_url: str
    partner_url: str
    authority: str
    secret: bytes = field(repr=False)
    name: str

    def text(self) -> str:
        """The line that is handed to the company."""
        content = dict(
            zip(
                _FIELDS,
                (self.enrol_url, self.partner_url, self.authority, self.secret.hex(), self.name),
                strict=True,
            )
        )
        return PREFIX + base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the line back.

        Raises:
            BadInput: another format, cut off, or altered.
        """
        line = "".join(text.split())
        if not line.startswith(PREFIX):
            raise _not_whole(f"text that does not start with {PREFIX}")
        encoded = line.removeprefix(PREFIX)
        try:
            content = json.loads(
                base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
            )
        except (binascii.Error, ValueError, RecursionError):
            raise _not_whole("text that does not parse") from None
        values = (
            [value for value in map(content.get, _FIELDS) if isinstance(value, str)]
            if isinstance(content, dict)
            else []
        )
        if len(values) != len(_FIELDS):
            raise _not_whole(f"something without {', '.join(_FIELDS)}")
        enrol_url, partner_url, authority, secret, name = values
        try:
            opened = bytes.fromhex(secret)
        except ValueError:
            raise _not_whole("a secret that is not hexadecimal") from None
        if len(opened) != KEY_BYTES:
            raise _not_whole("a secret of another length")
        return cls(
            enrol_url=enrol_url, partner_url=partner_url, authority=authority, secret=opened, name=name
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """What a company sends to join. It is signed with the very identity key that it carries.

    ``secret`` is the invitation's; it travels inside TLS and only its hash is stored.
    ``courier_key`` is the OpenSSH public key of its courier, ``certificate_request`` a PEM CSR.
    """

    TAG: ClassVar[str] = "join-request"
    secret: bytes = field(repr=False)
    name: str
    identity_key: IdentityPublic
    courier_key: bytes
    certificate_request: str

    def __post_init__(self) -> None:
        check_identity_public(self.identity_key)
        _require(len(self.secret) == KEY_BYTES, f"a secret of {KEY_BYTES} bytes", len(self.secret))
        _require(
            0 < len(self.name) <= NAME_CHARS and self.name.isprintable() and self.name == self.name.strip(),
            f"a printable name of 1 to {NAME_CHARS} characters",
            repr(self.name[:NAME_CHARS]),
        )
        _require(
            0 < len(self.courier_key) <= COURIER_KEY_BYTES,
            f"a courier key of up to {COURIER_KEY_BYTES} bytes",
            len(self.courier_key),
        )
        _require(
            0 < len(self.certificate_request) <= REQUEST_CHARS,
            f"a signing request of up to {REQUEST_CHARS} characters",
            len(self.certificate_request),
        )

    @property
    def partner(self) -> PartnerId:
        """The id that the company will have for life."""
        return partner_id(self.identity_key)


def secret_hash(secret: bytes) -> bytes:
    """What the coordinator stores of an invitation's secret: 256 random bits need no salt."""
    return hashlib.sha256(secret).digest()


def open_join(signed: Signed) -> JoinRequest:
    """Verify that ``signed`` was made with the private half of the key inside, and return it.

    Raises:
        UnknownSigner: signed in another name than the key's own.
        BadSignature: the sender does not hold the private key.
        MalformedMessage: not a join request, or a value out of bounds.
        WeakKey: a low-order or non-canonical identity key.
    """
    claimed = decode(JoinRequest, signed.body)
    if signed.signer != claimed.partner:
        raise UnknownSigner(
            expected=f"a request signed by {claimed.partner.hex()}",
            came=signed.signer.hex(),
            do="sign it yourself",
        )
    return open_signed(signed, JoinRequest, {claimed.partner: claimed.identity_key})


def _require(holds: bool, expected: str, came: object) -> None:
    if not holds:
        raise MalformedMessage(expected=expected, came=str(came), do="refuse the request")


def _not_whole(came: str) -> BadInput:
    return BadInput(
        expected="a whole invitation",
        came=came,
        do="copy the line again from the invitation, from `altrove1.` to its end",
    )
