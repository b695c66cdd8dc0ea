"""Taste rows: what each customer bought in a window, as sparse rows over the shared concepts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBatch:
    """Customers and what they bought, in compressed sparse rows (CSR).

    Row u holds concepts ``indices[indptr[u]:indptr[u+1]]``, ascending, each bought in ``counts``
    distinct lines. Rows are in order of customer key and may be empty: a customer who counts but
    bought nothing in the window is a row of its own, so that two windows line up row by row.
    """

    customer_keys: Ints
    indptr: Ints
    indices: Ints
    counts: Ints

    def __len__(self) -> int:
        return len(self.customer_keys)

    def dense(self, n_concepts: int) -> NDArray[np.float32]:
        """Binary rows, shape (customers, n_concepts): 1 where bought at least once."""
        rows = np.zeros((len(self), n_concepts), np.float32)
        rows[np.repeat(np.arange(len(self)), np.diff(self.indptr)), self.indices] = 1
        return rows


def stream(
    connection: duckdb.DuckDBPyConnection,
    events: str,
    *,
    customers: Ints,
    items: Ints,
    concepts: Ints,
    since: int,
    until: int,
    batch: int,
) -> Iterator[RowBatch]:
    """Yield the rows of ``customers`` (sorted keys) for purchases with ``since <= t < until``.

    ``items[i]`` is mapped to ``concepts[i]``; items that are not listed stay local. Aggregation and
    sorting happen in DuckDB, which spills to disk; at most ``batch`` customers are held here.
    """
    connection.register("counted", pa.table({"customer_key": customers}))
    connection.register("mapped", pa.table({"item_key": items, "concept": concepts}))
    window = connection.sql(
        f"""SELECT customer_key, concept, count(*)::BIGINT AS lines
        FROM {events} JOIN counted USING (customer_key) JOIN mapped USING (item_key)
        WHERE seconds >= ? AND seconds < ? GROUP BY customer_key, concept ORDER BY customer_key, concept""",
        params=[since, until],
    )
    reader = window.to_arrow_reader(65_536)
    pending = _Pending()
    for start in range(0, len(customers), batch):
        keys = customers[start : start + batch]
        while not pending.reaches(int(keys[-1])):
            try:
                table = reader.read_next_batch()
            except StopIteration:
                break
            pending.add([column.to_numpy() for column in table.columns])
        yield _cut(pending, keys)


class _Pending:
    """Triples (customer, concept, lines) read but not yet cut into a batch."""

    def __init__(self) -> None:
        self.columns: list[Ints] = [np.zeros(0, np.int64)] * 3

    def reaches(self, key: int) -> bool:
        """Whether every triple of customers up to ``key`` must be here already."""
        return len(self.columns[0]) > 0 and int(self.columns[0][-1]) > key

    def add(self, columns: Sequence[Ints]) -> None:
        self.columns = [np.concatenate(pair) for pair in zip(self.columns, columns, strict=True)]

    def take(self, upto: int) -> list[Ints]:
        cut = int(np.searchsorted(self.columns[0], upto, side="right"))
        taken = [column[:cut] for column in self.columns]
        self.columns = [column[cut:] for column in self.columns]
        return taken


def _cut(pending: _Pending, keys: Ints) -> RowBatch:
    owners, indices, counts = pending.take(int(keys[-1]))
    indptr = np.concatenate([np.searchsorted(owners, keys, side="left"), [len(owners)]]).astype(np.int64)
    return RowBatch(customer_keys=keys, indptr=indptr, indices=indices, counts=counts)
