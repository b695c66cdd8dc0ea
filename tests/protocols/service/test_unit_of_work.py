import contextlib
import threading

import pytest
from sqlalchemy import Column, Engine, Executable, Integer, MetaData, Table, Text, insert, select, text
from sqlalchemy.exc import IntegrityError, InternalError

from protocols.errors import BadInput
from protocols.service.errors import StorageFull, StorageUnavailable
from protocols.service.unit_of_work import engine, reading, transaction

metadata = MetaData()
words = Table("words", metadata, Column("id", Integer, primary_key=True), Column("word", Text, unique=True))


@pytest.fixture
def db(database: Engine) -> Engine:
    with transaction(database) as connection:
        metadata.create_all(connection)
    return database


class Mishap(Exception):
    pass


def fail_after(db: Engine, *statements: Executable) -> None:
    with transaction(db) as connection:
        for statement in statements:
            connection.execute(statement)
        raise Mishap


def stored(db: Engine) -> list[str]:
    with reading(db) as connection:
        return list(connection.execute(select(words.c.word).order_by(words.c.id)).scalars())


def test_leaving_the_block_commits(db):
    with transaction(db) as connection:
        connection.execute(insert(words).values(word="ciao"))
    assert stored(db) == ["ciao"]


def test_an_exception_rolls_everything_back(db):
    with pytest.raises(Mishap):
        fail_after(db, insert(words).values(word="ciao"))
    assert stored(db) == []


def test_a_table_created_in_a_failed_transaction_does_not_exist(db):
    with pytest.raises(Mishap):
        fail_after(db, text("CREATE TABLE half (x INTEGER)"))
    with transaction(db) as connection:
        connection.execute(text("CREATE TABLE half (x INTEGER)"))


def test_a_unique_key_is_enforced_and_is_not_renamed(db):
    with transaction(db) as connection:
        connection.execute(insert(words).values(word="ciao"))
    with pytest.raises(IntegrityError), transaction(db) as connection:
        connection.execute(insert(words).values(word="ciao"))


def test_whatever_a_reader_writes_is_dropped_or_refused(db):
    with contextlib.suppress(InternalError), reading(db) as connection:  # PostgreSQL refuses outright
        connection.execute(insert(words).values(word="sneaked in"))
    assert stored(db) == []


def test_a_reader_sees_one_snapshot_while_a_writer_commits(db):
    with reading(db) as connection:
        before = connection.execute(select(words.c.word)).scalars().all()
        with transaction(db) as writer:
            writer.execute(insert(words).values(word="later"))
        assert connection.execute(select(words.c.word)).scalars().all() == before
    assert stored(db) == ["later"]


def test_writers_are_serial_so_that_look_then_write_loses_no_update(db):
    with transaction(db) as connection:
        connection.execute(insert(words).values(id=1, word="0"))

    def increment() -> None:
        for _ in range(10):
            with transaction(db) as connection:
                seen = int(connection.execute(select(words.c.word)).scalar_one())
                connection.execute(words.update().values(word=str(seen + 1)))

    threads = [threading.Thread(target=increment) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored(db) == ["40"]


def test_sqlite_runs_with_the_settings_that_the_protocol_relies_on(tmp_path):
    db = engine(f"sqlite:///{tmp_path / 'x.db'}")
    with reading(db) as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}


@pytest.mark.postgres
def test_postgresql_commits_synchronously(postgres_url):
    with reading(engine(postgres_url)) as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"


def test_a_full_disk_is_named_and_nothing_half_written_remains(tmp_path):
    db = engine(f"sqlite:///{tmp_path / 'x.db'}")
    with transaction(db) as connection:
        metadata.create_all(connection)
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    quota = text(f"PRAGMA max_page_count={pages + 2}")  # SQLite's own way to run full
    many = insert(words).values([{"word": f"{n:01000}"} for n in range(100)])
    with pytest.raises(StorageFull, match="free space"):
        fail_after(db, quota, many)
    assert stored(db) == []


def test_a_server_that_is_down_is_named_without_its_password(tmp_path):
    with (
        pytest.raises(StorageUnavailable) as caught,
        reading(engine(f"postgresql+psycopg://me:hunter2@/x?host={tmp_path}")),
    ):
        pass
    assert "hunter2" not in str(caught.value)
    assert "check that the server runs" in str(caught.value)


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", ""])
def test_another_kind_of_database_is_refused(url):
    with pytest.raises(BadInput, match="setting `database`"):
        engine(url)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(StorageUnavailable, match="create the folder"):
        engine(f"sqlite:///{tmp_path / 'none' / 'x.db'}")
