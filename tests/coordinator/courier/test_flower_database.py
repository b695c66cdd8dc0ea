"""SuperLink's database: a signature beside the bundle, and room given back."""

import json
import sqlite3

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.courier import CourierUnreachable, flower_database
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
    flower_database.attach(database, FAB, SIGNATURE)
    assert beside(database) == SIGNATURE.verifications()


def test_without_a_signature_nothing_is_claimed(database):
    flower_database.attach(database, FAB, None)
    assert beside(database) == {"valid_license": ""}


def test_a_bundle_that_superlink_does_not_hold_is_said(database, tmp_path):
    with pytest.raises(CourierUnreachable, match="no such bundle"):
        flower_database.attach(database, FAB + b"!", SIGNATURE)
    with pytest.raises(CourierUnreachable, match="no such table"):
        flower_database.attach(tmp_path / "other.db", FAB, SIGNATURE)


def test_what_deleted_rows_took_is_given_back(tmp_path):
    path = tmp_path / "flower.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE objects (content BLOB)")
    db.executemany("INSERT INTO objects VALUES (?)", [(bytes(2**20),)] * 8)
    db.execute("DELETE FROM objects")
    db.commit()
    db.close()
    assert path.stat().st_size > 2**23
    flower_database.compact(path)
    assert path.stat().st_size < 2**16
    assert not path.with_name("flower.db-wal").exists()


def test_a_database_that_is_not_there_or_none_at_all_stops_nothing(tmp_path):
    flower_database.compact(tmp_path / "flower.db")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "flower.db").write_text("this is no database")
    flower_database.compact(tmp_path / "flower.db")
