"""`audit verify` finds every kind of tampering with database, spool and releases."""

import pytest
from sqlalchemy import text

from coordinator.audit.verification import verify
from protocols.service.unit_of_work import transaction
from tests.simulation.rig import founded


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A home folder with one released round."""
    home = tmp_path_factory.mktemp("finished") / "home"
    rig = founded(home)
    rig.play(rig.ask())
    yield rig
    rig.close()


def problems(rig):
    services = rig.services
    checks = verify(services.db, services.consortium, services.spool, services.payloads)
    return {check.what: check.problem.split(":")[0] for check in checks if check.problem}


def test_an_untouched_round_recomputes(finished):
    services = finished.services
    checks = verify(services.db, services.consortium, services.spool, services.payloads)
    assert problems(finished) == {}
    assert {check.what: check.checked for check in checks}["messages and phases"] == 25
    assert {check.what: check.checked for check in checks}["sums recomputed from masked vectors"] == 1


TAMPERING = {
    "an entry of the log is altered": (
        "UPDATE audit_entries SET at = at + 1 WHERE sequence = 1",
        "audit log and signed heads",
    ),
    "the last entry is cut off": (
        "DELETE FROM audit_entries WHERE sequence = (SELECT max(sequence) FROM audit_entries)",
        "everything is in the log",
    ),
    "a message is put in another's name": (
        "UPDATE messages SET partner = zeroblob(16) WHERE rowid = (SELECT min(rowid) FROM messages)",
        "messages and phases",
    ),
    "a set of members is altered": (
        "UPDATE attempts SET u2 = CAST(substr(u2, 17) AS BLOB)",
        "messages and phases",
    ),
    "an approval is dropped": ("DELETE FROM roster_approvals WHERE rowid = 1", "roster chain"),
    # The row ends in an Ed25519 signature, whose last byte is at most 0x10 (RFC 8032, 5.1.6: S < L).
    "a manifest is altered": (
        "UPDATE releases SET manifest = CAST(substr(manifest, 1, length(manifest) - 1) || x'FF' AS BLOB)",
        "releases and payloads",
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_with_the_database_is_found(finished, what):
    statement, part = TAMPERING[what]
    services = finished.services
    backup = finished.settings.home / "coordinator.db"
    with services.db.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql(f"VACUUM INTO '{backup}.copy'")
    try:
        with transaction(services.db) as connection:
            connection.execute(text("PRAGMA defer_foreign_keys=ON"))
            connection.execute(text(statement))
        found = problems(finished)
    finally:
        services.db.dispose()
        for suffix in ("-wal", "-shm"):
            backup.with_name(backup.name + suffix).unlink(missing_ok=True)
        backup.with_name(backup.name + ".copy").replace(backup)
    assert part in found
    assert problems(finished) == {}


def test_a_damaged_vector_and_a_damaged_payload_are_found(finished):
    home = finished.services.home
    vector, payload = next(home.spool.rglob("*.masked")), next(home.releases.iterdir())
    for path, part in ((vector, "sums recomputed from masked vectors"), (payload, "releases and payloads")):
        good = path.read_bytes()
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        assert part in problems(finished)
        path.write_bytes(good)
    assert problems(finished) == {}


def test_a_vector_that_was_dropped_after_its_days_is_no_failure(finished):
    vector = next(finished.services.home.spool.rglob("*.masked"))
    kept = vector.read_bytes()
    vector.unlink()
    assert problems(finished) == {}
    vector.write_bytes(kept)
