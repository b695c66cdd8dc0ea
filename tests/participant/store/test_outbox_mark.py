"""The mark outside the backups never falls behind what a node has committed, whoever reads meanwhile."""

import threading

import pytest
from sqlalchemy import event, insert

from participant.store.exchange_tables import outbox
from participant.store.outbox_mark import Mark, OutboxMark
from participant.store.schema import open_database
from protocols.service.unit_of_work import reading, transaction


@pytest.fixture
def db(tmp_path):
    return open_database(f"sqlite:///{tmp_path / 'node.db'}")


@pytest.fixture
def mark(db, tmp_path):
    followed = OutboxMark(db, tmp_path / "door.mark")
    followed.follow()
    return followed


def add(connection, number):
    texts = dict.fromkeys(("file", "questions", "shape", "recipients", "sentence", "privacy"), "")
    row = {"input_hash": b"", "body": b"", "sha256": b"", "size_bytes": 0, "committed_at": 1, **texts}
    connection.execute(insert(outbox).values(round=number, attempt=1, kind="share-keys", **row))


def test_who_reads_between_the_pending_and_the_commit_does_not_unmark_it(db, mark):
    def somebody_reads(_connection):
        with reading(db) as other:
            other.exec_driver_sql("SELECT 1")

    event.listen(db, "commit", somebody_reads)
    with transaction(db) as connection:
        add(connection, 1)
    event.remove(db, "commit", somebody_reads)
    assert mark.read() == Mark(committed=1, pending=1)


def test_what_was_rolled_back_stays_pending_until_the_next_payload(db, mark):
    def crash(_connection):
        raise ConnectionAbortedError

    event.listen(db, "commit", crash)
    with pytest.raises(ConnectionAbortedError), transaction(db) as connection:
        add(connection, 1)
    event.remove(db, "commit", crash)
    assert mark.read() == Mark(committed=0, pending=1)
    with transaction(db) as connection:
        add(connection, 1)
    assert mark.read() == Mark(committed=1, pending=1)


def test_many_threads_leave_one_whole_mark(db, mark):
    failures = []

    def read_on():
        try:
            for _ in range(50):
                with reading(db) as connection:
                    connection.exec_driver_sql("SELECT 1")
        except OSError as failure:
            failures.append(failure)

    readers = [threading.Thread(target=read_on) for _ in range(4)]
    for each in readers:
        each.start()
    for number in range(1, 21):
        with transaction(db) as connection:
            add(connection, number)
    for each in readers:
        each.join()
    assert failures == []
    assert mark.read() == Mark(committed=20, pending=20)
