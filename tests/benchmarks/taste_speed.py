"""How fast the `taste` answer is made: its sum beside scipy's sparse product, and the whole answer as lines grow.

    python -m tests.benchmarks.taste_speed

writes ``results/taste_speed.json``. Rows are those of all customers of the Complete Journey's five companies, and
as many drawn from them as make 1, 4 and 16 times their number. In each of five turns, one after the other on
the same rows: the product's sum, scipy's ``X.T @ X`` in float64 with its result as a dense matrix, and what the
product did before (dense rows, 1,024 at a time). The answer is checked to be scipy's in whole numbers. Then
``fill`` itself, from the stored purchases of a company whose customers are 1, 2 and 4 copies of one company's.
All times are CPU seconds of one core: nothing takes more than one thread.
"""

import json
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import duckdb
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from participant.answers import AnswerContext, fill
from participant.answers.taste import BATCH
from participant.intake import read
from participant.store.metadata import metadata
from participant.store.records import Records
from participant.tallies.gram import Gram
from participant.threads import hold_to
from protocols.codec import encode
from protocols.limits import ROW_BITS
from protocols.questions import taste
from protocols.service.unit_of_work import engine
from protocols.vocabulary import Vocabulary
from tests.benchmarks import journey
from tests.benchmarks.consortium import VALIDATION_UNTIL, prepare
from tests.benchmarks.provenance import commit

TARGET = Path(__file__).parent / "results" / "taste_speed.json"
TIMES, COPIES, TURNS = (1, 4, 16), (1, 2, 4), 5
Ints = NDArray[np.int64]


def ours(rows: sp.csr_array) -> Ints:
    """The product's sum."""
    total = Gram(rows.shape[1])
    for start in range(0, rows.shape[0], BATCH):
        part = rows[start : start + BATCH]
        total.add(part.indptr, part.indices, part.data)
    return total.matrix()


def scipys(rows: sp.csr_array) -> NDArray[np.float64]:
    """The baseline: one sparse product of everything."""
    exact = rows.astype(np.float64)
    return np.asarray((exact.T @ exact).toarray())


def filled(rows: sp.csr_array) -> Ints:
    """What the product did before."""
    total = np.zeros((rows.shape[1], rows.shape[1]), np.int64)
    for start in range(0, rows.shape[0], 1_024):
        dense = rows[start : start + 1_024].toarray().astype(np.float64)
        total += (dense.T @ dense).astype(np.int64)
    return total


def sums() -> list[dict[str, object]]:
    """The three by size; every turn goes through all of them."""
    shops = journey.lines(5, "product_type").shops()
    every = sp.csr_array(sp.vstack([shop.full for shop in shops])).astype(np.int64) * (1 << ROW_BITS)
    rows = []
    for times in TIMES:
        drawn = np.random.default_rng(times).integers(0, every.shape[0], every.shape[0] * times)
        some = every if times == 1 else every[drawn]
        arms: dict[str, Callable[[sp.csr_array], NDArray[np.generic]]] = {"ours": ours, "scipy": scipys}
        if times == 1:
            arms["dense rows, as before"] = filled
        taken: dict[str, list[float]] = {name: [] for name in arms}
        for _ in range(TURNS):
            made = {}
            for name, arm in arms.items():
                began = time.process_time()
                made[name] = arm(some)
                taken[name].append(time.process_time() - began)
        equal = all(np.array_equal(found, made["ours"]) for found in made.values())
        rows.append(
            {
                "customers": some.shape[0],
                "concepts": some.shape[1],
                "purchases": int(some.nnz),
                "cpu_s": taken,
                "speed_of_scipy": float(np.median(np.array(taken["scipy"]) / taken["ours"])),
                "spread": [
                    float(edge) for edge in np.quantile(np.array(taken["scipy"]) / taken["ours"], (0, 1))
                ],
                "equal_to_the_last_bit": equal,
            }
        )
        print(rows[-1], flush=True)
    return rows


def answers(folder: Path) -> list[dict[str, object]]:
    """``fill`` on a company's stored purchases as they grow."""
    (folder / "companies").mkdir()
    vocabulary = prepare(5, folder / "companies").vocabulary
    return [_answer(folder, vocabulary, copies) for copies in COPIES]


def _answer(folder: Path, vocabulary: Vocabulary, copies: int) -> dict[str, object]:
    home = folder / f"{copies}-copies"
    home.mkdir()
    sales, source = home / "sales.parquet", folder / "companies" / "company-0" / "sales.parquet"
    duckdb.sql(
        f"""COPY (SELECT * REPLACE (household_id::VARCHAR || '-' || copy AS household_id,
            basket_id::VARCHAR || '-' || copy AS basket_id)
        FROM '{source}', range({copies}) copies(copy)) TO '{sales}' (FORMAT parquet)"""
    )
    store = engine(f"sqlite:///{home / 'node.db'}")
    metadata.create_all(store)
    read([sales], home=home, engine=store, catalogue=[folder / "companies" / "catalogue.parquet"])
    context = AnswerContext(
        records=Records(home, store), vocabulary=vocabulary, released=lambda _: np.zeros(0)
    )
    asked = encode(taste.parse({"until": VALIDATION_UNTIL, "customers_until": VALIDATION_UNTIL}))
    taken = []
    for _ in range(TURNS):
        began = time.process_time()
        fill("taste", asked, context)
        taken.append(time.process_time() - began)
    (count,) = duckdb.sql(f"SELECT count(*) FROM '{sales}'").fetchall()[0]
    found = {"lines": int(count), "customers": context.records.n_customers(), "cpu_s": taken}
    print(found, flush=True)
    return found


def main() -> None:
    """Measure and write the file."""
    hold_to(1)
    with tempfile.TemporaryDirectory(prefix="altrove-") as folder:
        made = {
            "command": "python -m tests.benchmarks.taste_speed",
            "commit": commit(),
            "versions": {name: version(name) for name in ("numpy", "scipy", "duckdb")},
            "data": f"{journey.DATA}, customers of five companies, binary rows",
            "sums": sums(),
            "answers": answers(Path(folder)),
        }
    TARGET.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
