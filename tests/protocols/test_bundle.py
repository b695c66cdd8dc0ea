"""A release key's signature is over one bundle, by one key, and is what Flower verifies."""

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from protocols.bundle import BundleSignature, ReleaseKey
from protocols.errors import BadInput, BadSignature, MalformedMessage

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([i]) * 32) for i in range(2))
FAB = b"a bundle"
SIGNATURE = BundleSignature.make(KEY, FAB, now=1_700_000_000)


def test_a_signature_is_over_one_bundle_by_one_key():
    ReleaseKey.of(KEY).verify(SIGNATURE, FAB)


@pytest.mark.parametrize(
    ("key", "signature", "fab"),
    [
        (OTHER, SIGNATURE, FAB),
        (KEY, SIGNATURE, FAB + b"!"),
        (KEY, replace(SIGNATURE, signed_at=1_700_000_001), FAB),
        (KEY, replace(SIGNATURE, signature=bytes(64)), FAB),
        (KEY, replace(SIGNATURE, fingerprint=ReleaseKey.of(OTHER).fingerprint), FAB),
        (KEY, replace(SIGNATURE, sha256=bytes(32)), FAB),
        (KEY, BundleSignature.make(OTHER, FAB, now=1_700_000_000), FAB),
        (
            KEY,
            replace(
                BundleSignature.make(OTHER, FAB, now=1_700_000_000),
                fingerprint=ReleaseKey.of(KEY).fingerprint,
            ),
            FAB,
        ),
    ],
)
def test_anything_else_is_refused(key, signature, fab):
    with pytest.raises(BadSignature):
        ReleaseKey.of(key).verify(signature, fab)


def test_a_signature_survives_its_file():
    assert BundleSignature.parse(SIGNATURE.json()) == SIGNATURE


@pytest.mark.parametrize(
    "change",
    [
        {"bundle": "xy"},
        {"signature": "AAAA"},
        {"signed_at": -1},
        {"signed_at": 2**63},
        {"signed_at": "soon"},
        {"signed_at": float("inf")},
        {"signature": None},
    ],
)
def test_a_changed_file_is_refused(change):
    with pytest.raises(MalformedMessage, match="bundle sign"):
        BundleSignature.parse(json.dumps(json.loads(SIGNATURE.json()) | change))
    with pytest.raises(MalformedMessage):
        BundleSignature.parse(b"\xff")


def test_flower_takes_the_signature_of_a_trusted_key_and_no_other():
    from flwr.supercore.fab import Fab
    from flwr.supernode.start_client_internal import _verify_fab

    fab = Fab("", FAB, SIGNATURE.verifications())
    assert _verify_fab(fab, {ReleaseKey.of(KEY).fingerprint: ReleaseKey.of(KEY).line})
    assert not _verify_fab(fab, {ReleaseKey.of(OTHER).fingerprint: ReleaseKey.of(OTHER).line})
    assert not _verify_fab(
        Fab("", FAB + b"!", SIGNATURE.verifications()),
        {ReleaseKey.of(KEY).fingerprint: ReleaseKey.of(KEY).line},
    )


def test_a_key_of_another_kind_is_refused():
    line = generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    for text in (line.decode(), "ssh-ed25519 AAAA", "", "# nothing"):
        with pytest.raises(BadInput, match="ssh-keygen"):
            ReleaseKey.parse(text)


def test_who_gives_the_private_key_is_told_to_name_the_public_half():
    private = KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    with pytest.raises(BadInput, match="a private key") as refused:
        ReleaseKey.parse(private)
    assert "FILE.pub" in refused.value.do
    assert "b3Bl" not in str(refused.value)


def test_a_signature_file_that_nests_without_end_is_refused_by_name():
    with pytest.raises(MalformedMessage):
        BundleSignature.parse("[" * 100_000)
