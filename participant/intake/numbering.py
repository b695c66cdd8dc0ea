"""Small integer keys for customers and items, and the rows that are not stored yet.

Keys of earlier imports are kept; newcomers get the next free ones in order of their external id,
so that the same import on an empty node always gives the same keys.

A catalogue is stored whole, sold here or not: were an item described only once somebody buys it, one customer's
purchase would decide whether those of all the others have a concept.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from participant.intake.sources import literal
from participant.intake.staging import EVENTS
from participant.store.records_writing import CustomerRow, ItemRow, RecordsWriter

BATCH: Final = 10_000
Row = tuple[Any, ...]
"""A row as DuckDB gives it."""


def assign(work: duckdb.DuckDBPyConnection, writer: RecordsWriter, data: Path) -> None:
    """Create ``accepted`` (rows with keys) and ``fresh`` (those of them not stored before)."""
    _load_known_customers(work, writer)
    load_known_items(work, writer)
    _number(work, _read_in("customer"), "known_customers", "customer_keys")
    number_items(work)
    work.execute(
        """CREATE TABLE accepted AS
        SELECT c.key AS customer_key, i.key AS item_key, j.item, coalesce(j.basket, '') AS basket,
               j.seconds, j.units, j.store, j.paid, j.reduced
        FROM judged j JOIN customer_keys c ON c.id = j.customer JOIN item_keys i ON i.id = j.item
        WHERE j.reason IS NULL AND NOT j.excluded"""
    )
    stored = [data / EVENTS / folder / "events.parquet" for folder in sorted(writer.visible_folders())]
    if not stored:
        work.execute("CREATE VIEW fresh AS SELECT * FROM accepted")
        return
    names = ", ".join(literal(str(path)) for path in stored)
    work.execute(
        f"""CREATE TABLE fresh AS SELECT a.* FROM accepted a
        ANTI JOIN read_parquet([{names}]) s USING (customer_key, item_key, basket, seconds)"""
    )


def load_known_items(work: duckdb.DuckDBPyConnection, writer: RecordsWriter) -> None:
    """Create ``known_items``."""
    work.execute("CREATE TABLE known_items (key BIGINT, id VARCHAR)")
    for items in writer.known_items(BATCH):
        _append(work, "known_items", items)


def number_items(work: duckdb.DuckDBPyConnection) -> None:
    """Create ``item_keys``: a key for every item of the acceptable rows of ``judged``."""
    _number(work, f"{_read_in('item')} UNION SELECT item FROM catalogue", "known_items", "item_keys")


def new_customers(work: duckdb.DuckDBPyConnection) -> Iterator[list[CustomerRow]]:
    """Customers never seen before, with the time of their first purchase, in batches."""
    for rows in _batches(
        work,
        """SELECT k.key, k.id, min(a.seconds) FROM customer_keys k JOIN accepted a ON a.customer_key = k.key
        WHERE k.id NOT IN (SELECT id FROM known_customers) GROUP BY ALL ORDER BY k.key""",
    ):
        yield [CustomerRow(key=int(r[0]), external_id=str(r[1]), first_seen=int(r[2])) for r in rows]


def seen_earlier(work: duckdb.DuckDBPyConnection) -> Iterator[list[CustomerRow]]:
    """Known customers whose first purchase turns out to be earlier than stored, in batches."""
    for rows in _batches(
        work,
        """SELECT k.key, k.id, min(a.seconds) FROM known_customers k JOIN accepted a ON a.customer_key = k.key
        GROUP BY k.key, k.id, k.first_seen HAVING min(a.seconds) < k.first_seen ORDER BY k.key""",
    ):
        yield [CustomerRow(key=int(r[0]), external_id=str(r[1]), first_seen=int(r[2])) for r in rows]


def changed_items(work: duckdb.DuckDBPyConnection) -> Iterator[list[ItemRow]]:
    """Items never seen before, and known ones that the catalogue describes now, in batches."""
    for rows in _batches(
        work,
        """SELECT k.key, k.id, c.name, c.brand, c.category, c.concept,
                  k.id NOT IN (SELECT id FROM known_items) AS is_new
        FROM item_keys k LEFT JOIN catalogue c ON c.item = k.id
        WHERE is_new OR c.item IS NOT NULL ORDER BY k.key""",
    ):
        yield [
            ItemRow(
                key=int(r[0]),
                external_id=str(r[1]),
                name=str(r[2] or r[1]),
                brand=str(r[3] or ""),
                category=str(r[4] or ""),
                concept_name=None if r[5] is None else str(r[5]),
                is_new=bool(r[6]),
            )
            for r in rows
        ]


def _load_known_customers(work: duckdb.DuckDBPyConnection, writer: RecordsWriter) -> None:
    work.execute("CREATE TABLE known_customers (key BIGINT, id VARCHAR, first_seen BIGINT)")
    for customers in writer.known_customers(BATCH):
        _append(work, "known_customers", customers)


def _append(work: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[int | str, ...]]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    work.register("incoming", pa.table(columns, names=[f"c{i}" for i in range(len(columns))]))
    work.execute(f"INSERT INTO {table} SELECT * FROM incoming")
    work.unregister("incoming")


def _read_in(field: str) -> str:
    return f"SELECT DISTINCT {field} AS id FROM judged WHERE reason IS NULL AND NOT excluded"


def _number(work: duckdb.DuckDBPyConnection, ids: str, known: str, target: str) -> None:
    work.execute(
        f"""CREATE TABLE {target} AS
        WITH ids AS ({ids})
        SELECT k.key, k.id FROM {known} k JOIN ids USING (id)
        UNION ALL
        SELECT (SELECT coalesce(max(key), -1) FROM {known}) + row_number() OVER (ORDER BY id), id
        FROM ids WHERE id NOT IN (SELECT id FROM {known})"""
    )


def _batches(work: duckdb.DuckDBPyConnection, query: str) -> Iterator[list[Row]]:
    cursor = work.cursor().execute(query)
    while rows := cursor.fetchmany(BATCH):
        yield rows
