"""Where the stored events are, and DuckDB connections that read them in bounded memory."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import duckdb
from sqlalchemy import Connection, Engine, select

from participant.store.record_tables import imports
from participant.store.records_lock import reading_events
from protocols.service.unit_of_work import reading

MEMORY_LIMIT = "512MB"
"""DuckDB spills to the node's own folder beyond this."""

NO_EVENTS = (
    "(SELECT 0::BIGINT AS customer_key, 0::BIGINT AS item_key, ''::VARCHAR AS basket, "
    "0::BIGINT AS seconds, 0::DOUBLE AS units WHERE false)"
)

NO_JOURNEYS = (
    "SELECT 0::BIGINT AS customer_key, 0::BIGINT AS item_key, 0::BIGINT AS seconds, 0::DOUBLE AS units, "
    "NULL::VARCHAR AS store, NULL::DOUBLE AS paid, NULL::BOOLEAN AS reduced WHERE false"
)


class Events:
    """The visible event files of the node at ``home``."""

    def __init__(self, home: Path, engine: Engine) -> None:
        self._data = home / "data"
        self._engine = engine
        self._warm = threading.local()

    def relation(self) -> str:
        """SQL of a relation with customer_key, item_key, basket, seconds and units of every event."""
        with reading(self._engine) as connection:
            return self.relation_in(connection)

    def relation_in(self, connection: Connection) -> str:
        """:meth:`relation`, in a transaction that is open already."""
        files = self._files(connection)
        return f"read_parquet([{files}])" if files else NO_EVENTS

    def journeys_relation(self) -> str:
        """:meth:`relation` with store, paid and reduced: NULL in files of imports that did not read them."""
        with reading(self._engine) as connection:
            files = self._files(connection)
        if not files:
            return f"({NO_JOURNEYS})"
        return (
            f"({NO_JOURNEYS} UNION ALL BY NAME SELECT * FROM read_parquet([{files}], union_by_name = true))"
        )

    def _files(self, connection: Connection) -> str:
        query = select(imports.c.folder).where(imports.c.folder.is_not(None)).order_by(imports.c.folder)
        folders = [str(row.folder) for row in connection.execute(query)]
        paths = (str(self._data / "events" / folder / "events.parquet") for folder in folders)
        return ", ".join("'" + path.replace("'", "''") + "'" for path in paths)

    @contextmanager
    def scanning(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A fresh connection for a pass over many events; it spills to disk beyond its limit.

        Ask for :meth:`relation` inside: its files stay there until the end.
        """
        with self.held(), duckdb.connect() as connection:
            self._configure(connection, threads=2)
            yield connection

    def held(self) -> AbstractContextManager[None]:
        """Keep event files from being removed."""
        return reading_events(self._data)

    def lookup(self) -> duckdb.DuckDBPyConnection:
        """This thread's own warm connection, for one customer's events."""
        connection: duckdb.DuckDBPyConnection | None = getattr(self._warm, "connection", None)
        if connection is None:
            connection = duckdb.connect()
            self._configure(connection, threads=1)
            self._warm.connection = connection
        return connection

    def _configure(self, connection: duckdb.DuckDBPyConnection, *, threads: int) -> None:
        spill = str(self._data / "spill").replace("'", "''")
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        connection.execute(f"SET temp_directory = '{spill}'")
        connection.execute(f"SET threads = {threads}")
        connection.execute("SET parquet_metadata_cache = true")
        connection.execute("SET autoinstall_known_extensions = false")
