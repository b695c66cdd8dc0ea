"""How customers explore: counts of each customer's purchases, made in one pass by DuckDB, a row per customer.

A *kind* is a concept; a purchase is a kind bought on a day. What a customer does in the last :data:`RECENT_DAYS`
is compared with everything before, so that nobody counts as curious for having begun to buy here.
"""

from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
RECENT_DAYS: Final = 91
DAY_S: Final = 86_400
ADOPTERS: Final = 20
"""A kind with fewer buyers says nothing about who is early."""

COUNTS: Final = ("kinds", "tail", "visits", "recent_visits", "purchases", "fresh", "bold", "timed")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Habits:
    """One entry per customer, in order of key.

    ``visits`` are days, ``kinds`` what was bought so far, ``tail`` those of them outside the shop's obvious list.
    Of the last :data:`RECENT_DAYS`: ``recent_visits``, ``purchases``, ``fresh`` ones that were the first of their
    kind, and ``bold``, those of ``fresh`` outside the obvious list. ``timed`` are kinds of at least
    :data:`ADOPTERS` buyers, and ``late`` is the sum of the shares of their buyers who were earlier.
    """

    customer_keys: Ints
    kinds: Ints
    tail: Ints
    visits: Ints
    recent_visits: Ints
    purchases: Ints
    fresh: Ints
    bold: Ints
    timed: Ints
    late: Floats

    def __len__(self) -> int:
        return len(self.customer_keys)

    def only(self, keys: Ints) -> "Habits":
        """Those of ``keys`` who are here."""
        kept = np.isin(self.customer_keys, keys)
        counts = {name: getattr(self, name)[kept] for name in COUNTS}
        return Habits(customer_keys=self.customer_keys[kept], late=self.late[kept], **counts)


def habits(
    connection: duckdb.DuckDBPyConnection,
    events: str,
    *,
    customers: Ints,
    items: Ints,
    concepts: Ints,
    obvious: Ints,
    until: int,
) -> Habits:
    """Count for every one of ``customers`` (sorted keys) who bought anything before ``until`` (unix seconds).

    Args:
        connection: where ``events`` can be read.
        events: relation of all purchases.
        customers: who counts, sorted keys.
        items: keys of the items that have a concept.
        concepts: the concept of each.
        obvious: concepts of the shop's obvious list.
        until: later purchases are not read.
    """
    connection.register("counted", pa.table({"customer_key": customers}))
    connection.register("mapped", pa.table({"item_key": items, "concept": concepts}))
    connection.register("shown_anyway", pa.table({"concept": obvious}))
    recent = until - RECENT_DAYS * DAY_S
    found = connection.execute(
        f"""WITH days AS (
            SELECT DISTINCT customer_key, concept, seconds // {DAY_S} AS day
            FROM {events} JOIN counted USING (customer_key) JOIN mapped USING (item_key) WHERE seconds < $until),
        kinds AS (
            SELECT customer_key, concept, min(day) AS first,
                   count(*) FILTER (day >= $recent // {DAY_S}) AS recent_days
            FROM days GROUP BY customer_key, concept),
        ranked AS (
            SELECT *, percent_rank() OVER (PARTITION BY concept ORDER BY first) AS late,
                   count(*) OVER (PARTITION BY concept) AS buyers
            FROM kinds),
        trips AS (
            SELECT customer_key, count(DISTINCT day) AS visits,
                   count(DISTINCT day) FILTER (day >= $recent // {DAY_S}) AS recent_visits
            FROM days GROUP BY customer_key),
        listed AS (
            SELECT *, concept IN (SELECT concept FROM shown_anyway) AS obvious, first >= $recent // {DAY_S} AS fresh
            FROM ranked)
        SELECT customer_key, count(*)::BIGINT AS kinds,
            count(*) FILTER (NOT obvious)::BIGINT AS tail,
            any_value(visits)::BIGINT AS visits,
            any_value(recent_visits)::BIGINT AS recent_visits,
            sum(recent_days)::BIGINT AS purchases,
            count(*) FILTER (fresh)::BIGINT AS fresh,
            count(*) FILTER (fresh AND NOT obvious)::BIGINT AS bold,
            count(*) FILTER (buyers >= {ADOPTERS})::BIGINT AS timed,
            coalesce(sum(late) FILTER (buyers >= {ADOPTERS}), 0)::DOUBLE AS late
        FROM listed JOIN trips USING (customer_key) GROUP BY customer_key ORDER BY customer_key""",
        {"until": until, "recent": recent},
    ).fetchnumpy()
    return Habits(
        customer_keys=np.asarray(found["customer_key"], np.int64),
        **{name: np.asarray(found[name], np.int64) for name in COUNTS},
        late=np.asarray(found["late"], np.float64),
    )


def on_sale(
    connection: duckdb.DuckDBPyConnection,
    events: str,
    *,
    customers: Ints,
    items: Ints,
    concepts: Ints,
    n_concepts: int,
    until: int,
) -> Floats:
    """For each concept the share of the shop's first purchases (of any kind) made since it was first sold here.

    1 for what was sold from the first day, 0 for what never was, (n_concepts,); arguments as for :func:`habits`.
    """
    connection.register("counted", pa.table({"customer_key": customers}))
    connection.register("mapped", pa.table({"item_key": items, "concept": concepts}))
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE firsts AS
        SELECT concept, min(seconds) // {DAY_S} AS day
        FROM {events} JOIN counted USING (customer_key) JOIN mapped USING (item_key)
        WHERE seconds < ? GROUP BY customer_key, concept""",
        [until],
    )
    days = connection.execute(
        "SELECT day, count(*)::BIGINT AS firsts FROM firsts GROUP BY day ORDER BY day"
    ).fetchnumpy()
    entered = connection.execute("SELECT concept, min(day) AS day FROM firsts GROUP BY concept").fetchnumpy()
    shares = np.zeros(n_concepts)
    if len(entered["concept"]):
        before = np.concatenate([[0], np.cumsum(days["firsts"])])
        since = before[-1] - before[np.searchsorted(days["day"], entered["day"])]
        shares[np.asarray(entered["concept"], np.int64)] = since / before[-1]
    return shares
