"""Who may say what runs in the couriers: release keys, and their signature over one app bundle.

A release key is an Ed25519 key in OpenSSH form that is kept off the coordinator's machine. It signs the
SHA-256 of a bundle together with the time, in the form that Flower's SuperNode verifies (flwr 1.41,
``create_message_to_sign``): a bundle that no trusted key has signed is not run. A signature has no end:
whoever has an older signed bundle can have it run again.

>>> key = ReleaseKey.parse(
...     "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me"
... )
>>> key.fingerprint
'SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA'
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key

from protocols.errors import BadInput, BadSignature, MalformedMessage
from protocols.limits import NUMBER_MAX

SIGNATURE_BYTES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseKey:
    """The public half: ``line`` is its OpenSSH form without a comment."""

    line: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a ``.pub`` file's line.

        Raises:
            BadInput: not an Ed25519 public key.
        """
        return cls(line=_line(_public(text)))

    @classmethod
    def of(cls, key: Ed25519PrivateKey) -> Self:
        """The public half of ``key``."""
        return cls(line=_line(key.public_key()))

    @property
    def fingerprint(self) -> str:
        """As ``ssh-keygen -l`` prints it (RFC 4253 blob, SHA-256, base64 without padding)."""
        blob = base64.b64decode(self.line.split()[1])
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")

    def verify(self, signature: "BundleSignature", fab: bytes) -> None:
        """Check that this key signed exactly the bundle ``fab``.

        Raises:
            BadSignature: another bundle, another key, or a changed signature.
        """
        came = hashlib.sha256(fab).digest()
        try:
            if signature.fingerprint != self.fingerprint or signature.sha256 != came:
                raise InvalidSignature
            _public(self.line).verify(signature.signature, _message(came, signature.signed_at))
        except InvalidSignature:
            raise BadSignature(
                expected=f"a signature of {self.fingerprint} over the bundle {came.hex()}",
                came=f"one of {signature.fingerprint} over {signature.sha256.hex()}",
                do="have this release's bundle signed with the consortium's release key",
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSignature:
    """A release key's word on the bundle with this SHA-256; ``signed_at`` is unix seconds."""

    sha256: bytes
    fingerprint: str
    signed_at: int
    signature: bytes

    @classmethod
    def make(cls, key: Ed25519PrivateKey, fab: bytes, *, now: int) -> Self:
        """Sign the bundle ``fab``."""
        sha256 = hashlib.sha256(fab).digest()
        return cls(
            sha256=sha256,
            fingerprint=ReleaseKey.of(key).fingerprint,
            signed_at=now,
            signature=key.sign(_message(sha256, now)),
        )

    def json(self) -> str:
        """The signature as a small file."""
        content = {
            "bundle": self.sha256.hex(),
            "key": self.fingerprint,
            "signed_at": self.signed_at,
            "signature": _encode(self.signature),
        }
        return json.dumps(content, indent=2) + "\n"

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read :meth:`json`.

        Raises:
            MalformedMessage: not such a file.
        """
        try:
            content = json.loads(text)
            made = cls(
                sha256=bytes.fromhex(content["bundle"]),
                fingerprint=str(content["key"]),
                signed_at=int(content["signed_at"]),
                signature=base64.urlsafe_b64decode(content["signature"] + "=="),
            )
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError, binascii.Error):
            made = None  # JSON may say Infinity, and nest without end
        if made is None or len(made.signature) != SIGNATURE_BYTES or not 0 <= made.signed_at <= NUMBER_MAX:
            raise MalformedMessage(
                expected="a bundle signature as `altrove-coordinator bundle sign` writes it",
                came="something else",
                do="sign again",
            )
        return made

    def verifications(self) -> dict[str, str]:
        """What a SuperNode looks for beside the bundle (flwr 1.41, ``_verify_fab``).

        Flower calls the presence of any verification a licence; the word is its own.
        """
        said = {"signed_at": self.signed_at, "signature": _encode(self.signature)}
        return {self.fingerprint: json.dumps(said), "valid_license": "Valid"}


def _message(sha256: bytes, signed_at: int) -> bytes:
    return signed_at.to_bytes(8, "big") + sha256


def _encode(signature: bytes) -> str:
    return base64.urlsafe_b64encode(signature).decode().rstrip("=")


def _line(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")


def _public(text: str) -> Ed25519PublicKey:
    try:
        key = load_ssh_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise BadInput(
            expected="an Ed25519 public key in OpenSSH form (ssh-ed25519 AAAA...)",
            came="a private key" if "PRIVATE KEY" in text else repr(text[:40]),
            do="name the public half, FILE.pub; if there is no key yet: `ssh-keygen -t ed25519 -f release`, not "
            "on the coordinator's machine",
        )
    return key
