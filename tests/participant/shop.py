"""A small made-up shop for tests: files on disk, a node's home, and its records."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine

from participant.intake import IntakeReport, read
from participant.models import Exchange
from participant.models.gram import WholeGram
from participant.store.metadata import metadata
from participant.store.records import Records
from protocols.service.unit_of_work import engine
from protocols.vocabulary import Vocabulary

DAY = 86_400
NOW = 400 * DAY
CONCEPTS = tuple(f"concept {i:02d}" for i in range(30))
VOCABULARY = Vocabulary.of("made up", CONCEPTS)

Line = tuple[str, str, str, int, float]
"""Customer, item, basket, unix seconds, quantity."""


def node(home: Path) -> Engine:
    """An empty node database in ``home``."""
    home.mkdir(parents=True, exist_ok=True)
    db = engine(f"sqlite:///{home / 'node.db'}")
    metadata.create_all(db)
    return db


def write_sales(path: Path, lines: list[Line]) -> Path:
    """Transactions as a Parquet file with plain column names."""
    columns = list(zip(*lines, strict=True)) or [[]] * 5
    names = ("customer", "item", "basket", "time", "quantity")
    table = pa.table({name: list(column) for name, column in zip(names, columns, strict=True)})
    stamps = table["time"].cast(pa.timestamp("s"))
    pq.write_table(table.set_column(names.index("time"), "time", stamps), path)
    return path


def write_catalogue(path: Path) -> Path:
    """Two items of every concept, and one item without a concept."""
    items = [f"item-{i:02d}{half}" for i in range(len(CONCEPTS)) for half in "ab"]
    concepts: list[str | None] = [concept for concept in CONCEPTS for _ in "ab"]
    table = {"item": [*items, "loose"], "concept": [*concepts, None], "name": [*items, "loose"]}
    pq.write_table(pa.table(table), path)
    return path


def made_up_lines(customers: int = 60, *, seed: int = 1) -> list[Line]:
    """Customers of two tastes (even and odd concepts) buying over 300 days."""
    rng = np.random.default_rng(seed)
    lines: list[Line] = []
    for u in range(customers):
        weights = np.where(np.arange(len(CONCEPTS)) % 2 == u % 2, 4.0, 1.0) / (1 + np.arange(len(CONCEPTS)))
        for n in range(40):
            concept = int(rng.choice(len(CONCEPTS), p=weights / weights.sum()))
            half = "a" if rng.random() < 0.7 else "b"
            day = int(rng.integers(1, 300)) if n else 1
            lines.append((f"c{u:03d}", f"item-{concept:02d}{half}", f"b{u}-{n}", day * DAY + n, 1.0))
    return lines


def shop(home: Path, lines: list[Line] | None = None) -> tuple[Records, Engine, IntakeReport]:
    """Import ``lines`` (or made-up ones) into a fresh node at ``home``."""
    db = node(home)
    sales = write_sales(home / "sales.parquet", lines if lines is not None else made_up_lines())
    catalogue = write_catalogue(home / "catalogue.parquet")
    report = read([sales], home=home, engine=db, catalogue=[catalogue], now=NOW)
    return Records(home, db), db, report


def exchange(*, unit: bool = False) -> Exchange:
    """The sums of four made-up shops until day 150 and until day 220, this one included; of unit rows if asked."""
    sums = np.zeros((2, len(CONCEPTS), len(CONCEPTS)))
    for at, until in enumerate((150 * DAY, 220 * DAY)):
        for seed in (1, 2, 3, 4):
            rows = np.zeros((60, len(CONCEPTS)))
            for who, item, _, time, _ in made_up_lines(seed=seed):
                if time < until:
                    rows[int(who[1:]), int(item[5:7])] = 1
            if unit:
                rows /= np.sqrt(np.maximum(rows.sum(1, keepdims=True), 1))
            sums[at] += rows.T @ rows
    return Exchange(
        fitted=WholeGram(matrix=sums[0]),
        refitted=WholeGram(matrix=sums[1]),
        lambdas=dict.fromkeys(("explore", "surprise"), 10 if unit else 100),
        row_scheme="unit" if unit else "binary",
    )
