"""What changed for each customer and concept in later weeks, visit by visit until the first purchase.

A visit is a week in which a customer came to a store. On a visit a concept is *shown* (on display or in the leaflet
of that store and week), *reduced* (an item of it cost less for most who bought it that week at the OTHER companies,
whose prices move together with these) or *stocked* (that store sold it before these
weeks, or it was promoted there by then). No first purchase makes its own exposure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

CHANGES = ("shown", "reduced", "stocked")
MOST = 0.5
"""A concept is reduced in a week if one of its items was for at least so many of its lines."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposure:
    """For one change, each (customers, concepts): visits with and without it, and the purchase that ended them."""

    visits_with: NDArray[np.float32]
    visits_without: NDArray[np.float32]
    bought_with: NDArray[np.bool_]
    bought_without: NDArray[np.bool_]


def exposures(
    db: duckdb.DuckDBPyConnection,
    company: int,
    households: list[int],
    concepts: tuple[str, ...],
    weeks: tuple[int, int],
) -> Mapping[str, Exposure]:
    """Every change for the given customers in ``weeks`` (first and last), in the order of ``households``."""
    low, high = weeks
    span = high - low + 1
    stores = [
        r[0]
        for r in db.execute("SELECT store_id FROM owners WHERE company = ? ORDER BY 1", [company]).fetchall()
    ]
    _register(db, households, concepts, stores)
    mine = f"""(SELECT who, kind, place, week - {low} AS week_at, household_id FROM lines JOIN kinds USING (concept)
        JOIN places USING (store_id) LEFT JOIN people USING (household_id) WHERE week BETWEEN {low} AND {high})"""
    n, m, s = len(households), len(concepts), len(stores)
    came = db.execute(
        f"SELECT DISTINCT who, place * {span} + week_at AS cell FROM {mine} WHERE who IS NOT NULL ORDER BY ALL"
    ).fetchnumpy()
    bought = db.execute(
        f"""SELECT who, kind, min(week_at * {s} + place) AS first FROM {mine} WHERE who IS NOT NULL
        GROUP BY who, kind"""
    ).fetchnumpy()
    who, kind, first = (np.asarray(bought[name], np.int64) for name in ("who", "kind", "first"))
    visits = _binary(came["who"], came["cell"], (n, s * span))
    cells = np.arange(s * span)
    on = {
        "shown": _shown(db, weeks, (s * span, m)),
        "reduced": _reduced(db, company, weeks, m)[cells % span],
        "stocked": _stocked(db, company, weeks, (s, m))[cells // span],
    }
    return {
        change: _count(visits, matrix.tocsr(), who, kind, first, (s, span)) for change, matrix in on.items()
    }


def _count(
    visits: sparse.csr_matrix,
    on: sparse.csr_matrix,
    who: Ints,
    kind: Ints,
    first: Ints,
    shape: tuple[int, int],
) -> Exposure:
    s, span = shape
    having = (visits @ on).toarray().astype(np.float32)
    without = np.asarray(visits.sum(axis=1), np.float32) - having
    bought_with, bought_without = np.zeros(having.shape, np.bool_), np.zeros(having.shape, np.bool_)
    flags = on.toarray() > 0
    for u, c, when in zip(who.tolist(), kind.tolist(), first.tolist(), strict=True):
        week, place = divmod(when, s)
        cells = visits.indices[visits.indptr[u] : visits.indptr[u + 1]]
        cells = cells[(cells % span < week) | (cells == place * span + week)]
        exposed = flags[cells, c]
        having[u, c], without[u, c] = exposed.sum(), (~exposed).sum()
        (bought_with if exposed[cells == place * span + week].any() else bought_without)[u, c] = True
    return Exposure(
        visits_with=having, visits_without=without, bought_with=bought_with, bought_without=bought_without
    )


def _register(
    db: duckdb.DuckDBPyConnection, households: list[int], concepts: tuple[str, ...], stores: list[int]
) -> None:
    db.register("people", pa.table({"household_id": households, "who": np.arange(len(households))}))
    db.register("kinds", pa.table({"concept": pa.array(concepts), "kind": np.arange(len(concepts))}))
    db.register("places", pa.table({"store_id": stores, "place": np.arange(len(stores))}))


def _shown(
    db: duckdb.DuckDBPyConnection, weeks: tuple[int, int], shape: tuple[int, int]
) -> sparse.csr_matrix:
    low, high = weeks
    found = db.execute(
        f"""SELECT DISTINCT place * {high - low + 1} + week - {low} AS cell, kind
        FROM promotions JOIN places USING (store_id) JOIN products USING (product_id)
        JOIN kinds ON kinds.concept = product_type
        WHERE week BETWEEN {low} AND {high} AND (display_location <> '0' OR mailer_location <> '0')"""
    ).fetchnumpy()
    return _binary(found["cell"], found["kind"], shape)


def _reduced(
    db: duckdb.DuckDBPyConnection, company: int, weeks: tuple[int, int], n_concepts: int
) -> sparse.csr_matrix:
    low, high = weeks
    found = db.execute(
        f"""SELECT DISTINCT week - {low} AS week_at, kind FROM (
            SELECT product_id, kind, week, avg(CAST(retail_disc > 0 AS INTEGER)) AS share,
                   count(DISTINCT household_id) AS buyers
            FROM lines JOIN owners USING (store_id) JOIN kinds USING (concept)
            WHERE company <> {company} AND week BETWEEN {low} AND {high} GROUP BY ALL)
        WHERE buyers >= 2 AND share >= {MOST}"""
    ).fetchnumpy()
    return _binary(found["week_at"], found["kind"], (high - low + 1, n_concepts))


def _stocked(
    db: duckdb.DuckDBPyConnection, company: int, weeks: tuple[int, int], shape: tuple[int, int]
) -> sparse.csr_matrix:
    low, high = weeks
    found = db.execute(
        f"""SELECT place, kind FROM lines JOIN owners USING (store_id) JOIN places USING (store_id)
        JOIN kinds USING (concept) WHERE company = {company} AND week < {low}
        UNION
        SELECT place, kind FROM promotions JOIN places USING (store_id) JOIN products USING (product_id)
        JOIN kinds ON kinds.concept = product_type WHERE week <= {high}"""
    ).fetchnumpy()
    return _binary(found["place"], found["kind"], shape)


def _binary(rows: object, columns: object, shape: tuple[int, int]) -> sparse.csr_matrix:
    at = np.asarray(rows, np.int64)
    return sparse.csr_matrix((np.ones(len(at), np.float32), (at, np.asarray(columns, np.int64))), shape=shape)
