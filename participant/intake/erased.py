"""Purchases of erased customers, as an old export still holds them: they are not read in again.

Customers are compared by a keyed hash, since their ids are gone. What one bought after the erasure is a new
customer's and counts.
"""

from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
from sqlalchemy import Engine

from participant.store.erasures import ErasedIds, Erasures

ERASED: Final = "erased"
"""The reason of such a row. It is counted, and written down nowhere."""

BATCH: Final = 10_000


def find(work: duckdb.DuckDBPyConnection, home: Path, engine: Engine) -> None:
    """Create ``erased``: the erased customers in ``raw``, with the last second that does not count.

    Raises:
        BadInput: customers were erased and the key by which they are known is gone.
    """
    work.execute("CREATE TABLE erased (customer VARCHAR, until BIGINT)")
    until, ids = Erasures(engine).until(), ErasedIds(home)
    if not until:
        return
    cursor = work.cursor().execute("SELECT DISTINCT customer FROM raw WHERE customer IS NOT NULL")
    while rows := cursor.fetchmany(BATCH):
        known = [(str(row[0]), until.get(ids.keyed(str(row[0])))) for row in rows]
        found = [(customer, last) for customer, last in known if last is not None]
        if found:
            columns = [list(column) for column in zip(*found, strict=True)]
            work.register("incoming", pa.table(columns, names=["customer", "until"]))
            work.execute("INSERT INTO erased SELECT * FROM incoming")
            work.unregister("incoming")
