"""Appending to the audit log: the same heads as from all leaves, without reading them all each time."""

import pytest
from sqlalchemy import create_engine

from coordinator.audit.log import AuditWriter
from coordinator.store import audit_log
from coordinator.store.audit_log import AuditLog
from coordinator.store.metadata import metadata
from protocols.audit import TreeHead
from protocols.codec import decode
from protocols.identity import IdentityKey
from protocols.merkle import Frontier
from protocols.service.clock import ManualClock
from protocols.service.unit_of_work import reading, transaction

KEY = IdentityKey(bytes([7]) * 32)


@pytest.fixture
def db():
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    return engine


def writer():
    return AuditWriter(consortium=bytes(16), key=KEY, clock=ManualClock(1_800_000_000))


def append(db, by, count=1):
    with transaction(db) as connection:
        for _ in range(count):
            by.append(connection, "round", b"body")


def end_is_true(db):
    with reading(db) as connection:
        log = AuditLog(connection)
        whole = Frontier.of(log.leaves())
        said = decode(TreeHead, log.last_head().body)
    assert (said.size, said.root) == (whole.size, whole.root)


def test_heads_are_those_of_all_leaves_also_of_a_second_writer_and_after_a_rollback(db):
    one, other = writer(), writer()
    append(db, one, 5)
    append(db, other, 3)
    append(db, one, 2)
    end_is_true(db)
    with db.connect() as connection:
        one.append(connection, "round", b"never")
        connection.rollback()
    append(db, one)
    end_is_true(db)


def test_a_writer_reads_the_whole_log_once(db, monkeypatch):
    append(db, writer(), 9)
    read = []
    stock = audit_log.AuditLog.leaves
    monkeypatch.setattr(AuditLog, "leaves", lambda log, size=None: read.append(1) or stock(log, size))
    by = writer()
    for _ in range(5):
        append(db, by)
    assert len(read) == 1
    end_is_true(db)
