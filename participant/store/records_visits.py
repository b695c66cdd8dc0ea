"""Visits: which customer bought which concept when, and in which surroundings.

A visit is a customer at one second; a concept counts once in it, however many lines it had.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from participant.store.calendar import Calendar
from participant.store.surroundings import Surroundings
from protocols.questions.moments import DAY_S, FACETS

Ints = NDArray[np.int64]
COLUMNS = ("customer_key", "seconds", "concept", "place")
READ_ROWS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitBatch:
    """Customers and their purchases in order of time, in compressed rows.

    Customer u has the entries ``indptr[u] : indptr[u + 1]`` of ``seconds`` (unix), ``concepts`` and
    ``bands``, shape (len(FACETS), entries), with UNKNOWN where nothing is known. Customers without a purchase
    in the window are rows too.
    """

    customer_keys: Ints
    indptr: Ints
    seconds: Ints
    concepts: Ints
    bands: Ints

    def __len__(self) -> int:
        return len(self.customer_keys)


def stream_visits(
    connection: duckdb.DuckDBPyConnection,
    events: str,
    *,
    calendar: Calendar,
    surroundings: Surroundings,
    customers: Ints,
    items: Ints,
    concepts: Ints,
    since: int,
    until: int,
    batch: int,
) -> Iterator[VisitBatch]:
    """Yield the visits of ``customers`` (sorted keys) with ``since <= t < until``, ``batch`` customers at a time.

    ``events`` is a relation with stores; ``items[i]`` is mapped to ``concepts[i]``.
    """
    places = np.arange(1, len(surroundings.stores) + 1)
    connection.register("counted", pa.table({"customer_key": customers}))
    connection.register("mapped", pa.table({"item_key": items, "concept": concepts}))
    names = pa.array(surroundings.stores, pa.string())
    connection.register("places", pa.table({"store": names, "place": pa.array(places, pa.int64())}))
    found = connection.sql(
        f"""SELECT DISTINCT customer_key, seconds, concept, coalesce(place, 0)::BIGINT AS place
        FROM {events} JOIN counted USING (customer_key) JOIN mapped USING (item_key) LEFT JOIN places USING (store)
        WHERE seconds >= ? AND seconds < ? ORDER BY customer_key, seconds, concept, place""",
        params=[since, until],
    )
    reader = found.to_arrow_reader(READ_ROWS)
    held = np.zeros((len(COLUMNS), 0), np.int64)
    ended = False
    for start in range(0, len(customers), batch):
        keys = customers[start : start + batch]
        parts = [held]
        while not ended and (parts[-1].shape[1] == 0 or parts[-1][0, -1] <= keys[-1]):
            try:
                table = reader.read_next_batch()
            except StopIteration:
                ended = True
            else:
                parts.append(np.stack([column.to_numpy() for column in table.columns]).astype(np.int64))
        held = np.concatenate(parts, axis=1)
        cut = int(np.searchsorted(held[0], keys[-1], side="right"))
        yield _batch(keys, held[:, :cut], calendar, surroundings)
        held = held[:, cut:]


def _batch(keys: Ints, rows: Ints, calendar: Calendar, surroundings: Surroundings) -> VisitBatch:
    owners, seconds, concepts, places = rows
    indptr = np.concatenate([np.searchsorted(owners, keys, side="left"), [len(owners)]]).astype(np.int64)
    return VisitBatch(
        customer_keys=keys,
        indptr=indptr,
        seconds=seconds,
        concepts=concepts,
        bands=bands_of(seconds, places, calendar, surroundings),
    )


def bands_of(seconds: Ints, places: Ints, calendar: Calendar, surroundings: Surroundings) -> Ints:
    """The band of each moment in every facet, shape (len(FACETS), moments)."""
    local = calendar.local(seconds)
    known = {**calendar.bands(local), **surroundings.bands(local // DAY_S, places)}
    return np.stack([known[facet] for facet in FACETS])
