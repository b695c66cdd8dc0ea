"""The same purchases at several vocabulary levels, for the benchmark of privacy against quality.

A level is a vocabulary: product types, their categories, or the product types most bought. A customer's
row at a coarser level has what was bought of any of its types. Companies, customers and weeks are those
of `oracle.py`, which reads the data without the product's code.
"""

from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from participant.models.holdout import HoldOut
from tests.benchmarks import oracle

Rows = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Level:
    """One vocabulary: hold-outs of each company on validation and on test weeks, groups of concepts.

    ``groups`` are the public categories, shape (n_concepts,), or all zero where the level has none.
    """

    name: str
    valid: tuple[HoldOut, ...]
    test: tuple[HoldOut, ...]
    groups: Ints

    @property
    def concepts(self) -> int:
        """Size of the vocabulary."""
        return len(self.groups)

    @property
    def customers(self) -> int:
        """Customers of all companies together."""
        return sum(len(held.history) for held in self.test)


def load(companies: int) -> list[Level]:
    """Finest first: product types, the half and the quarter most bought, product categories."""
    names, members = oracle.load(companies)
    groups = categories(names)
    order = np.argsort(-np.sum([m.fit.sum(0) for m in members], axis=0), kind="stable")
    levels = [_level("product types", members, np.arange(len(names)), groups)]
    for name, part in (("half of the product types", 2), ("quarter of the product types", 4)):
        kept = np.sort(order[: len(names) // part])
        levels.append(_level(name, members, kept, groups))
    return [*levels, _coarse("product categories", members, groups)]


def categories(names: tuple[str, ...]) -> Ints:
    """The category of each product type as a number: the one with most of its products."""
    folder = oracle.data_folder()
    db = duckdb.connect()
    db.execute("SET threads = 1")
    found = db.execute(
        f"""SELECT product_type, product_category FROM '{folder}/products.parquet'
        WHERE product_type IS NOT NULL AND department NOT IN ('FUEL', 'MISCELLANEOUS', 'COUPON')
        GROUP BY ALL ORDER BY count(*), product_category"""
    ).fetchall()
    category = {kind: str(group) for kind, group in found}
    numbers: Ints = np.unique([category[name] for name in names], return_inverse=True)[1].astype(np.int64)
    return numbers


def _level(name: str, members: list[oracle.OracleCompany], kept: Ints, groups: Ints) -> Level:
    return Level(
        name=name,
        valid=tuple(_held(m.fit[:, kept], m.valid[:, kept]) for m in members),
        test=tuple(_held(m.full[:, kept], m.test[:, kept]) for m in members),
        groups=np.unique(groups[kept], return_inverse=True)[1].astype(np.int64),
    )


def _coarse(name: str, members: list[oracle.OracleCompany], groups: Ints) -> Level:
    belongs = np.zeros((len(groups), int(groups.max()) + 1), np.float32)
    belongs[np.arange(len(groups)), groups] = 1

    def merged(rows: Rows) -> Rows:
        return (rows @ belongs > 0).astype(np.float32)

    return Level(
        name=name,
        valid=tuple(_held(merged(m.fit), merged(m.valid)) for m in members),
        test=tuple(_held(merged(m.full), merged(m.test)) for m in members),
        groups=np.zeros(belongs.shape[1], np.int64),
    )


def _held(history: Rows, future: Rows) -> HoldOut:
    return HoldOut(history=history, future=future > 0, buyers=history.sum(0).astype(np.int64))
