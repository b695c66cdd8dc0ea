"""The company's shelves over the shared concepts: which store stocks what, what was shown where and when, at what price.

Nothing here depends on a customer. That is what keeps one customer's reasons independent of everybody else's.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse
from sqlalchemy import Connection, select

from participant.store.record_tables import items, shelves

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

USUAL: float = 0.25
"""A concept's usual price: a quarter of its items on the shelves cost less."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shelf:
    """Shelves in a window, for M concepts.

    Attributes:
        stores: their ids, in order; empty where no shelf was read in.
        stocked: binary (stores, M), whether a store listed the concept at any time of the window.
        spell_store, spell_since, spell_until: each (spells,): spans of time in which a store showed something.
        shown: binary (spells, M), what was on display or in the leaflet in each.
        category: (M,), a number for each category; concepts without one have a number of their own.
        price: (M,), the usual price of a unit, NaN where it is not known.
    """

    stores: tuple[str, ...]
    stocked: sparse.csr_matrix
    spell_store: Ints
    spell_since: Ints
    spell_until: Ints
    shown: sparse.csr_matrix
    category: Ints
    price: Floats


def empty_shelf(n_concepts: int) -> Shelf:
    """No shelf is known."""
    none = np.zeros(0, np.int64)
    return Shelf(
        stores=(),
        stocked=sparse.csr_matrix((0, n_concepts), dtype=np.float32),
        spell_store=none,
        spell_since=none,
        spell_until=none,
        shown=sparse.csr_matrix((0, n_concepts), dtype=np.float32),
        category=np.arange(n_concepts, dtype=np.int64),
        price=np.full(n_concepts, np.nan),
    )


def shelf_files(connection: Connection, data: Path) -> tuple[Path, ...]:
    """Every visible shelf file."""
    folders = connection.execute(select(shelves.c.folder).order_by(shelves.c.folder))
    return tuple(data / "shelves" / str(row.folder) / "shelf.parquet" for row in folders)


def item_categories(connection: Connection) -> dict[int, str]:
    """Item key to category, where there is one."""
    rows = connection.execute(select(items.c.item_key, items.c.category).where(items.c.category != ""))
    return {int(row.item_key): str(row.category) for row in rows}


def load_shelf(
    work: duckdb.DuckDBPyConnection,
    files: tuple[Path, ...],
    *,
    items: Ints,
    concepts: Ints,
    categories: dict[int, str],
    n_concepts: int,
    since: int,
    until: int,
) -> Shelf:
    """The shelves between ``since`` and ``until`` (unix seconds); ``items[i]`` is mapped to ``concepts[i]``."""
    if not files:
        return empty_shelf(n_concepts)
    work.register("mapped", pa.table({"item_key": items, "concept": concepts}))
    names = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    work.execute(
        f"""CREATE TEMP TABLE listed AS
        SELECT item_key, concept, store, since, until, shown, price FROM read_parquet([{names}])
        JOIN mapped USING (item_key) WHERE since < ? AND until > ?""",
        [until, since],
    )
    names_of_stores = [
        str(row[0]) for row in work.execute("SELECT DISTINCT store FROM listed ORDER BY store").fetchall()
    ]
    work.register(
        "stores",
        pa.table({"store": pa.array(names_of_stores, pa.string()), "place": np.arange(len(names_of_stores))}),
    )
    pairs = work.execute("SELECT DISTINCT place, concept FROM listed JOIN stores USING (store)").fetchnumpy()
    work.execute(
        """CREATE TEMP TABLE spells AS
        SELECT row_number() OVER (ORDER BY place, since, until) - 1 AS spell, place, store, since, until
        FROM (SELECT DISTINCT store, since, until FROM listed WHERE shown) JOIN stores USING (store)"""
    )
    spells = work.execute("SELECT place, since, until FROM spells ORDER BY spell").fetchnumpy()
    shown = work.execute(
        """SELECT DISTINCT spell, concept FROM listed JOIN spells USING (store, since, until) WHERE shown"""
    ).fetchnumpy()
    prices = work.execute(
        f"""SELECT concept, quantile_cont(usual, {USUAL}) AS usual
        FROM (SELECT concept, item_key, median(price) AS usual FROM listed GROUP BY ALL) GROUP BY concept"""
    ).fetchnumpy()
    on_shelf = work.execute("SELECT DISTINCT item_key, concept FROM listed ORDER BY item_key").fetchall()
    price = np.full(n_concepts, np.nan)
    price[_ints(prices["concept"])] = np.ma.filled(np.ma.asarray(prices["usual"], np.float64), np.nan)
    return Shelf(
        stores=tuple(names_of_stores),
        stocked=_binary(pairs["place"], pairs["concept"], (len(names_of_stores), n_concepts)),
        spell_store=_ints(spells["place"]),
        spell_since=_ints(spells["since"]),
        spell_until=_ints(spells["until"]),
        shown=_binary(shown["spell"], shown["concept"], (len(spells["place"]), n_concepts)),
        category=_categories([(int(i), int(c)) for i, c in on_shelf], categories, n_concepts),
        price=price,
    )


def _categories(on_shelf: list[tuple[int, int]], categories: dict[int, str], n_concepts: int) -> Ints:
    """A concept's category is that of most of its items on the shelves; ties go to the first by name."""
    votes: dict[int, dict[str, int]] = {}
    for item, concept in on_shelf:
        if item in categories:
            tally = votes.setdefault(concept, {})
            tally[categories[item]] = tally.get(categories[item], 0) + 1
    chosen = {concept: min(tally, key=lambda name: (-tally[name], name)) for concept, tally in votes.items()}
    numbers = {name: n_concepts + n for n, name in enumerate(sorted(set(chosen.values())))}
    named = [numbers[chosen[c]] if c in chosen else c for c in range(n_concepts)]
    return np.unique(np.array(named, np.int64), return_inverse=True)[1].astype(np.int64)


def _binary(rows: object, columns: object, shape: tuple[int, int]) -> sparse.csr_matrix:
    at = _ints(rows)
    return sparse.csr_matrix((np.ones(len(at), np.float32), (at, _ints(columns))), shape=shape)


def _ints(column: object) -> Ints:
    return np.asarray(column, np.int64)
