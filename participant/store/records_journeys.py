"""What each customer did in a window: its purchases of every concept, the stores it came to, what was shown then."""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from participant.store.records_shelf import Shelf

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JourneyBatch:
    """Some customers. Entries of one kind are columns of equal length, and ``*_owner`` is the row of their customer.

    Attributes:
        customer_keys: (customers,), ascending; whoever bought nothing in the window is left out.
        trips: (customers,), days on which anything was bought (UTC).
        elsewhere: (customers,), whether it came to a store whose shelves are not known.
        owner, concept: one entry for every concept that a customer bought.
        days, lines, reduced: on how many days, in how many lines, in how many of these at a reduced price.
        first, last: its first and last purchase, unix seconds.
        dearest: the most paid for a unit, NaN where no price is known.
        came_owner, came_store: stores of the shelf that a customer came to.
        saw_owner, saw_spell: spells of the shelf during which it came to their store.
    """

    customer_keys: Ints
    trips: Ints
    elsewhere: NDArray[np.bool_]
    owner: Ints
    concept: Ints
    days: Ints
    lines: Ints
    reduced: Ints
    first: Ints
    last: Ints
    dearest: Floats
    came_owner: Ints
    came_store: Ints
    saw_owner: Ints
    saw_spell: Ints

    def __len__(self) -> int:
        return len(self.customer_keys)


def stream_journeys(
    connection: duckdb.DuckDBPyConnection,
    events: str,
    shelf: Shelf,
    *,
    customers: Ints,
    items: Ints,
    concepts: Ints,
    since: int,
    until: int,
    batch: int,
) -> Iterator[JourneyBatch]:
    """Yield ``customers`` (sorted keys) in batches, for purchases with ``since <= t < until``.

    ``events`` is `Events.journeys_relation`. Files are sorted by customer, so a batch reads its own part of them.
    """
    connection.register("mapped", pa.table({"item_key": items, "concept": concepts}))
    connection.register(
        "stores",
        pa.table({"store": pa.array(shelf.stores, pa.string()), "place": np.arange(len(shelf.stores))}),
    )
    spells = {"place": shelf.spell_store, "since": shelf.spell_since, "until": shelf.spell_until}
    connection.register("spells", pa.table({"spell": np.arange(len(shelf.spell_store)), **spells}))
    for start in range(0, len(customers), batch):
        keys = customers[start : start + batch]
        connection.register("counted", pa.table({"customer_key": keys}))
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE bought AS
            SELECT customer_key, item_key, seconds, store, reduced, paid / units AS unit_price FROM {events}
            WHERE customer_key BETWEEN ? AND ? AND seconds >= ? AND seconds < ?
            AND customer_key IN (SELECT customer_key FROM counted)""",
            [int(keys[0]), int(keys[-1]), since, until],
        )
        yield _batch(connection)


def _batch(connection: duckdb.DuckDBPyConnection) -> JourneyBatch:
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE visits AS
        SELECT DISTINCT customer_key, b.store, place, seconds FROM bought b LEFT JOIN stores s ON s.store = b.store"""
    )
    people = connection.execute(
        f"""SELECT customer_key, count(DISTINCT seconds // {DAY_S}) AS trips, bool_or(place IS NULL) AS elsewhere
        FROM visits GROUP BY customer_key ORDER BY customer_key"""
    ).fetchnumpy()
    kinds = connection.execute(
        f"""SELECT customer_key, concept, count(DISTINCT seconds // {DAY_S}) AS days, count(*) AS lines,
               count(*) FILTER (reduced) AS reduced, min(seconds) AS first, max(seconds) AS last, max(unit_price) AS dearest
        FROM bought JOIN mapped USING (item_key) GROUP BY customer_key, concept ORDER BY customer_key, concept"""
    ).fetchnumpy()
    came = connection.execute(
        "SELECT DISTINCT customer_key, place FROM visits WHERE place IS NOT NULL ORDER BY ALL"
    ).fetchnumpy()
    saw = connection.execute(
        """SELECT DISTINCT customer_key, spell FROM visits v JOIN spells s
        ON s.place = v.place AND v.seconds >= s.since AND v.seconds < s.until ORDER BY ALL"""
    ).fetchnumpy()
    keys = _ints(people["customer_key"])

    def owner(of: dict[str, NDArray[np.generic]]) -> Ints:
        return np.searchsorted(keys, _ints(of["customer_key"])).astype(np.int64)

    return JourneyBatch(
        customer_keys=keys,
        trips=_ints(people["trips"]),
        elsewhere=np.asarray(people["elsewhere"], np.bool_),
        owner=owner(kinds),
        concept=_ints(kinds["concept"]),
        days=_ints(kinds["days"]),
        lines=_ints(kinds["lines"]),
        reduced=_ints(kinds["reduced"]),
        first=_ints(kinds["first"]),
        last=_ints(kinds["last"]),
        dearest=np.ma.filled(np.ma.asarray(kinds["dearest"], np.float64), np.nan),
        came_owner=owner(came),
        came_store=_ints(came["place"]),
        saw_owner=owner(saw),
        saw_spell=_ints(saw["spell"]),
    )


def _ints(column: object) -> Ints:
    return np.asarray(column, np.int64)
