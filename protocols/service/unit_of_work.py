"""One request or job is one transaction, on SQLite and PostgreSQL alike.

Open a database with :func:`engine`; write inside :func:`transaction`, read inside :func:`reading`.
Leaving the block commits, an exception rolls back; nobody else calls commit. Writers are serial on
both databases (``BEGIN IMMEDIATE``; an advisory lock on PostgreSQL), so that "look, then write" in
one transaction needs no further lock.

>>> from sqlalchemy import text
>>> db = engine("sqlite://")
>>> with transaction(db) as connection:
...     _ = connection.execute(text("CREATE TABLE greeting (word TEXT)"))
...     _ = connection.execute(text("INSERT INTO greeting VALUES ('ciao')"))
>>> with reading(db) as connection:
...     connection.execute(text("SELECT word FROM greeting")).scalar_one()
'ciao'
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import StaticPool

from protocols.errors import BadInput
from protocols.service.errors import StorageFull, StorageUnavailable

BUSY_TIMEOUT_S = 20
"""How long a writer waits for another before it gives up: longer than any honest transaction."""

WRITER_LOCK = 0x616C74726F7665
"""Advisory lock number on PostgreSQL ("altrove" in ASCII): one writer at a time, as on SQLite."""

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}",
)

_READ_ONLY = "altrove_read_only"


def engine(url: str) -> Engine:
    """Open the database at ``url`` (``sqlite:///path``, ``sqlite://`` or ``postgresql+psycopg://...``).

    ``sqlite://`` lives in memory on one connection: for doctests and single-threaded tests only.

    Raises:
        BadInput: not a database URL, or a kind that is not supported.
        StorageUnavailable: the folder of a SQLite file does not exist.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadInput(
            expected="a database URL such as sqlite:////var/lib/altrove/node.db",
            came="text that is not a URL",
            do="correct the setting `database`",
        ) from None
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite(parsed)
        case "postgresql":
            return _postgresql(parsed)
        case other:
            raise BadInput(expected="sqlite or postgresql", came=other, do="correct the setting `database`")


@contextmanager
def transaction(db: Engine) -> Iterator[Connection]:
    """A writing transaction: committed when the block ends, rolled back when it raises.

    Raises:
        StorageFull: the disk is full; nothing of the block was kept.
        StorageUnavailable: the database cannot be opened, or another writer held it too long.
    """
    with _storage_errors(db), db.connect() as connection, connection.begin():
        if db.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": WRITER_LOCK})
        yield connection


@contextmanager
def reading(db: Engine) -> Iterator[Connection]:
    """A consistent snapshot to read from, which waits for no writer; whatever it writes is dropped.

    Raises:
        StorageUnavailable: the database cannot be opened.
    """
    options: dict[str, Any] = {_READ_ONLY: True}
    if db.dialect.name == "postgresql":
        options |= {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
    with (
        _storage_errors(db),
        db.connect().execution_options(**options) as connection,
        connection.begin() as begun,
    ):
        yield connection
        begun.rollback()


def _sqlite(url: URL) -> Engine:
    in_memory = url.database in (None, "", ":memory:")
    if not in_memory and not Path(str(url.database)).parent.is_dir():
        raise StorageUnavailable(
            expected="an existing folder for the database",
            came=str(Path(str(url.database)).parent),
            do="create the folder or correct the setting `database`",
        )
    # One connection for all threads keeps a database in memory alive; files get a pool.
    db = (
        create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
        if in_memory
        else (create_engine(url))
    )

    @event.listens_for(db, "connect")
    def _configure(dbapi_connection: Any, _record: object) -> None:
        dbapi_connection.isolation_level = None  # the driver must not begin on its own: see _begin
        cursor = dbapi_connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(db, "begin")
    def _begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get(_READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return db


def _postgresql(url: URL) -> Engine:
    db = create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)

    @event.listens_for(db, "connect")
    def _configure(dbapi_connection: Any, _record: object) -> None:
        with dbapi_connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = on")
        dbapi_connection.commit()

    return db


@contextmanager
def _storage_errors(db: Engine) -> Iterator[None]:
    """Turn the driver's words for "full" and "unavailable" into ours; let everything else pass."""
    try:
        yield
    except OperationalError as error:
        if _is_full(error):
            raise StorageFull(
                expected="room on the disk of the database",
                came="a full disk; the transaction was rolled back",
                do="free space, then repeat; nothing half-written remains",
            ) from error
        if _is_unavailable(error):
            raise StorageUnavailable(
                expected=f"a database at {db.url.render_as_string(hide_password=True)}",
                came=str(error.orig).splitlines()[0],
                do="check that the server runs, that the file is readable, and that no other daemon uses it",
            ) from error
        raise


def _is_full(error: DBAPIError) -> bool:
    cause = error.orig
    return (
        "database or disk is full" in str(cause)
        or getattr(cause, "sqlstate", None) == "53100"
        or getattr(cause, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
    )


def _is_unavailable(error: DBAPIError) -> bool:
    said = str(error.orig)
    sqlite = ("database is locked", "unable to open database file", "readonly database", "disk I/O error")
    return (
        any(words in said for words in sqlite)
        or error.connection_invalidated
        or (
            type(error.orig).__module__.startswith("psycopg")
            and getattr(error.orig, "sqlstate", None) is None
        )
    )
