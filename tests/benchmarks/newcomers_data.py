"""Rows of the newcomer benchmarks straight from the data: who bought what in which weeks, and in how many baskets.

Definitions as in `tests.benchmarks.oracle`; here with weeks and baskets, which that one does not need.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5

import duckdb
import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.oracle import FIT, VALID, data_folder

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

TOP = 10
DISCOUNTS = 1.0 / np.log2(np.arange(2, TOP + 2))
IDEAL = np.cumsum(DISCOUNTS)
LEFT_OUT = "('FUEL', 'MISCELLANEOUS', 'COUPON')"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Company:
    """What the customers of one company who were seen by week 33 bought: parallel arrays of distinct lines."""

    customers: int
    concepts: int
    who: Ints
    what: Ints
    week: Ints
    baskets: NDArray[np.int64]

    def rows(self, low: int, high: int) -> Rows:
        """Binary rows of weeks ``low < week <= high``, (customers, concepts)."""
        out = np.zeros((self.customers, self.concepts), np.float32)
        inside = (self.week > low) & (self.week <= high)
        out[self.who[inside], self.what[inside]] = 1
        return out

    def baskets_until(self, week: int) -> Ints:
        """Baskets of each customer up to and including ``week``."""
        return self.baskets[:, week]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A history, and the weeks after it."""

    name: str
    history: int
    until: int


VALIDATION = Split(name="validation", history=FIT, until=VALID)
TEST = Split(name="test", history=VALID, until=53)


def load(companies: int) -> tuple[tuple[str, ...], tuple[str, ...], list[Company]]:
    """Concepts, their texts (name and category), and the companies."""
    folder = data_folder()
    db = duckdb.connect()
    db.execute("SET threads = 1")
    db.create_function(
        "company_of", lambda s: int(md5(str(s).encode()).hexdigest(), 16) % companies, [int], int
    )
    db.execute(
        f"""CREATE TABLE owners AS SELECT store_id, company_of(store_id) AS company
        FROM (SELECT DISTINCT store_id FROM '{folder}/transactions.parquet')"""
    )
    db.execute(
        f"""CREATE TABLE lines AS SELECT company, household_id, product_type, week, basket_id
        FROM '{folder}/transactions.parquet' JOIN '{folder}/products.parquet' USING (product_id)
        JOIN owners USING (store_id)
        WHERE quantity > 0 AND product_type IS NOT NULL AND department NOT IN {LEFT_OUT}"""
    )
    named = db.execute(
        f"""SELECT product_type, mode(product_category) FROM '{folder}/products.parquet'
        SEMI JOIN lines USING (product_type) WHERE department NOT IN {LEFT_OUT} GROUP BY 1 ORDER BY 1"""
    ).fetchall()
    names = tuple(str(name) for name, _ in named)
    texts = tuple(f"{name}, {category}".lower() for name, category in named)
    db.execute("CREATE TABLE places (product_type VARCHAR, place BIGINT)")
    db.executemany("INSERT INTO places VALUES (?, ?)", [(name, i) for i, name in enumerate(names)])
    return names, texts, [_company(db, k, len(names)) for k in range(companies)]


def _company(db: duckdb.DuckDBPyConnection, company: int, concepts: int) -> Company:
    seen = "SELECT household_id FROM lines WHERE company = ? AND week <= ?"
    found = db.execute(
        f"""SELECT DISTINCT household_id, place, week FROM lines JOIN places USING (product_type)
        WHERE company = ? AND household_id IN ({seen})""",
        [company, company, FIT],
    ).fetchnumpy()
    visits = db.execute(
        f"""SELECT household_id, week, count(DISTINCT basket_id) AS n FROM lines
        WHERE company = ? AND household_id IN ({seen}) GROUP BY 1, 2""",
        [company, company, FIT],
    ).fetchnumpy()
    households = np.unique(np.asarray(found["household_id"]))
    baskets = np.zeros((len(households), TEST.until + 1), np.int64)
    weeks = np.minimum(np.asarray(visits["week"]), TEST.until)
    np.add.at(baskets, (np.searchsorted(households, visits["household_id"]), weeks), visits["n"])
    return Company(
        customers=len(households),
        concepts=concepts,
        who=np.searchsorted(households, found["household_id"]),
        what=np.asarray(found["place"], np.int64),
        week=np.asarray(found["week"], np.int64),
        baskets=baskets.cumsum(1),
    )


def gains(scores: NDArray[np.floating], future: Rows, allowed: Mask) -> tuple[Floats, Ints]:
    """nDCG@10 of every customer with a target, and which customers these are; ties to the lowest place."""
    target = (future > 0) & allowed
    counts = target.sum(1)
    customers = np.flatnonzero(counts)
    ranked = np.where(allowed[customers], scores[customers], -np.inf)
    shown = np.argsort(-ranked, axis=1, kind="stable")[:, :TOP]
    hits = np.take_along_axis(target[customers], shown, 1)
    return (hits * DISCOUNTS).sum(1) / IDEAL[np.minimum(counts[customers], TOP) - 1], customers


def unit(rows: Rows) -> Rows:
    """Binary rows divided by their length."""
    return np.asarray(rows / np.sqrt(np.maximum(rows.sum(1, keepdims=True), 1.0)), np.float32)


def gram(rows: Rows) -> Floats:
    """X^T X in float64."""
    return (rows.T @ rows).astype(np.float64)


def total(grams: Sequence[Floats]) -> Floats:
    """Their sum."""
    return np.asarray(np.sum(grams, axis=0))


def obvious(rows: Rows) -> Mask:
    """The tenth of the concepts with most buyers."""
    buyers = rows.sum(0)
    return np.asarray(buyers >= np.sort(buyers)[::-1][len(buyers) // 10])
