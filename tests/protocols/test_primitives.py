"""The libraries that we lean on give what the standards print, and refuse what we need refused."""

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocols.errors import WeakKey
from protocols.identity import IdentityKey
from protocols.secure_sum.agreement import check_exchange_key, exchange_key
from tests.protocols.vector_files import is_bad, load


def operations(name):
    return [pytest.param(each, id=each["name"]) for each in load(name)["operations"]]


def data(operation, *names):
    return tuple(bytes.fromhex(operation[name]) for name in names)


@pytest.mark.parametrize("operation", operations("x25519"))
def test_x25519_agrees_with_rfc_7748_and_weak_keys_are_refused(operation):
    secret, public = data(operation, "secret", "public")
    if is_bad(operation):
        with pytest.raises(WeakKey):
            check_exchange_key(public)
    elif operation["op"] == "public":
        assert exchange_key(secret).public_key().public_bytes_raw() == public
    else:
        shared = X25519PrivateKey.from_private_bytes(secret).exchange(
            X25519PublicKey.from_public_bytes(check_exchange_key(public))
        )
        assert shared.hex() == operation["shared"]


@pytest.mark.parametrize("operation", operations("hkdf"))
def test_hkdf_agrees_with_rfc_5869(operation):
    material, salt, info = data(operation, "ikm", "salt", "info")
    if is_bad(operation):
        with pytest.raises(ValueError, match="larger than"):
            HKDF(SHA256(), operation["length"], salt, info)
    else:
        assert HKDF(SHA256(), operation["length"], salt, info).derive(material).hex() == operation["okm"]


@pytest.mark.parametrize("operation", operations("ed25519"))
def test_ed25519_agrees_with_rfc_8032(operation):
    public, message, signature = data(operation, "public", "message", "signature")
    key = Ed25519PublicKey.from_public_bytes(public)
    if is_bad(operation):
        with pytest.raises(InvalidSignature):
            key.verify(signature, message)
    else:
        key.verify(signature, message)
        assert IdentityKey(*data(operation, "seed")).public == public


@pytest.mark.parametrize("operation", operations("chacha20_poly1305"))
def test_chacha20_poly1305_agrees_with_rfc_8439(operation):
    key, nonce, associated, text, sealed = data(operation, "key", "nonce", "data", "plaintext", "ciphertext")
    if is_bad(operation):
        with pytest.raises(InvalidTag):
            ChaCha20Poly1305(key).decrypt(nonce, sealed, associated)
    else:
        assert ChaCha20Poly1305(key).encrypt(nonce, text, associated) == sealed
        assert ChaCha20Poly1305(key).decrypt(nonce, sealed, associated) == text
