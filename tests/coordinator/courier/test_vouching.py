"""A release key's signature lies beside the bundle before any courier can fetch it."""

import json
import sqlite3

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.courier import CourierUnreachable, vouching
from protocols.bundle import BundleSignature

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
FAB = b"a bundle"
SIGNATURE = BundleSignature.make(KEY, FAB, now=1_700_000_000)


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "flower.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE fab (fab_hash TEXT PRIMARY KEY, content BLOB, verifications TEXT)")
        db.execute("INSERT INTO fab VALUES (?, ?, ?)", (SIGNATURE.sha256.hex(), FAB, '{"valid_license": ""}'))
    db.close()
    return path


def beside(path):
    db = sqlite3.connect(path)
    ((said,),) = db.execute("SELECT verifications FROM fab")
    db.close()
    return json.loads(said)


def test_the_signature_is_laid_beside_the_bundle(database):
    vouching.attach(database, FAB, SIGNATURE)
    assert beside(database) == SIGNATURE.verifications()


def test_without_a_signature_nothing_is_claimed(database):
    vouching.attach(database, FAB, None)
    assert beside(database) == {"valid_license": ""}


def test_a_bundle_that_superlink_does_not_hold_is_said(database, tmp_path):
    with pytest.raises(CourierUnreachable, match="no such bundle"):
        vouching.attach(database, FAB + b"!", SIGNATURE)
    with pytest.raises(CourierUnreachable, match="no such table"):
        vouching.attach(tmp_path / "other.db", FAB, SIGNATURE)


def test_only_a_signature_over_this_bundle_is_taken(tmp_path):
    path = tmp_path / "bundle.signature"
    assert vouching.signature_of(FAB, None) is None
    assert vouching.signature_of(FAB, path) is None
    path.write_text(SIGNATURE.json())
    assert vouching.signature_of(FAB, path) == SIGNATURE
    assert vouching.signature_of(FAB + b"!", path) is None
