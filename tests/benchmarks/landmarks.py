"""Landmarks beside the whole square: quality, cells, memory and time; and more concepts than a square fits.

    python -m tests.benchmarks.landmarks

writes ``results/landmarks.json`` and ``results/landmarks.md``. K = 5 pooled, unit rows at ridge 60 (chosen by the
newcomer benchmark on validation), landmarks are the concepts with most buyers on weeks 1-33; lists on weeks 41-53.
The second table takes single products with at least five buyers for concepts.
"""

import json
import time
from dataclasses import asdict
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from protocols.questions.ease import ease
from protocols.questions.low_rank import low_rank
from tests.benchmarks import summary
from tests.benchmarks.markdown import table
from tests.benchmarks.newcomers_data import (
    LEFT_OUT,
    TEST,
    TOP,
    Floats,
    Rows,
    gains,
    gram,
    load,
    obvious,
    total,
    unit,
)
from tests.benchmarks.newcomers_report import Json
from tests.benchmarks.oracle import VALID, data_folder
from tests.benchmarks.provenance import commit

RESULTS = Path(__file__).parent / "results"
RIDGE = 60.0
SIZES = (64, 128, 256, 512)
PRODUCT_SIZES = (256, 512)
LEAST_BUYERS = 5
MIB = 2**20


def compared() -> list[Json]:
    """Explore and surprise of every size beside the whole square, with paired intervals."""
    _, _, members = load(5)
    rows = [m.rows(0, TEST.history) for m in members]
    future = [m.rows(TEST.history, TEST.until) for m in members]
    popular = np.argsort(-np.sum([m.rows(0, 33).sum(0) for m in members], axis=0), kind="stable")
    whole = total([gram(unit(x)) for x in rows])
    began = time.process_time()
    weights = ease(whole, RIDGE)
    lines: list[Json] = []
    base = _gains([unit(x) @ weights for x in rows], rows, future)
    n = len(whole)
    lines.append(
        _line("the whole square", n * (n + 1) // 2, weights.nbytes, time.process_time() - began, base, base)
    )
    for size in SIZES:
        places = np.sort(popular[:size])
        began = time.process_time()
        model = low_rank(whole[:, places], np.diagonal(whole).copy(), places, RIDGE)
        held = model.left.nbytes + model.right.nbytes + model.own.nbytes
        spent = time.process_time() - began
        found = _gains([model.scores(unit(x).astype(np.float64)) for x in rows], rows, future)
        lines.append(_line(f"{size} landmarks", n * (1 + size), held, spent, found, base))
    return lines


def _gains(
    scores: list[NDArray[np.floating]], rows: list[Rows], future: list[Rows]
) -> dict[str, list[Floats]]:
    found: dict[str, list[Floats]] = {"explore": [], "surprise": []}
    for s, x, f in zip(scores, rows, future, strict=True):
        found["explore"].append(gains(s, f, x == 0)[0])
        found["surprise"].append(gains(s, f, (x == 0) & ~obvious(x))[0])
    return found


def _line(
    name: str,
    cells: int,
    held: int,
    seconds: float,
    found: dict[str, list[Floats]],
    base: dict[str, list[Floats]],
) -> Json:
    line: Json = {"model": name, "cells": cells, "model_bytes": held, "read_cpu_seconds": seconds}
    for metric, values in found.items():
        apart = [a - b for a, b in zip(values, base[metric], strict=True)]
        line[metric] = {"ndcg": asdict(summary.figure(values)), "difference": asdict(summary.figure(apart))}
    return line


def products() -> list[Json]:
    """Cells, memory and CPU seconds where a concept is a single product."""
    folder = data_folder()
    db = duckdb.connect()
    db.execute("SET threads = 1")
    db.execute(
        f"""CREATE TABLE bought AS SELECT DISTINCT household_id, product_id
        FROM '{folder}/transactions.parquet' JOIN '{folder}/products.parquet' USING (product_id)
        WHERE quantity > 0 AND week <= {VALID} AND product_type IS NOT NULL AND department NOT IN {LEFT_OUT}"""
    )
    found = db.execute(
        f"""SELECT household_id, product_id FROM bought
        SEMI JOIN (SELECT product_id FROM bought GROUP BY 1 HAVING count(*) >= {LEAST_BUYERS}) USING (product_id)"""
    ).fetchnumpy()
    _, who = np.unique(found["household_id"], return_inverse=True)
    _, what = np.unique(found["product_id"], return_inverse=True)
    sizes = np.bincount(who)
    rows = csr_array((1 / np.sqrt(sizes[who]), (who, what)))
    n = rows.shape[1]
    squares = np.asarray(rows.power(2).sum(0)).ravel()
    popular = np.argsort(-np.bincount(what), kind="stable")
    lines: list[Json] = []
    for size in PRODUCT_SIZES:
        places = np.sort(popular[:size])
        began = time.process_time()
        cross = rows.T @ rows[:, places].toarray()
        summed = time.process_time()
        model = low_rank(np.asarray(cross), squares, places, RIDGE)
        read = time.process_time()
        one = rows[[0]].toarray()
        started = time.perf_counter()
        for _ in range(20):
            np.argpartition(-model.scores(one)[0], TOP)
        lines.append(
            {
                "concepts": n,
                "landmarks": size,
                "cells": n * (1 + size),
                "cells_of_the_square": n * (n + 1) // 2,
                "model_bytes": model.left.nbytes + model.right.nbytes + model.own.nbytes,
                "square_bytes": 4 * n * n,
                "sum_cpu_seconds": summed - began,
                "read_cpu_seconds": read - summed,
                "request_ms": (time.perf_counter() - started) / 20 * 1e3,
            }
        )
    return lines


def markdown(report: Json) -> str:
    """Both tables."""
    lines = report["compared"]
    wide = report["products"]
    if not isinstance(lines, list) or not isinstance(wide, list):
        raise TypeError("a report of this benchmark")
    head = (
        "model",
        "cells",
        "model, MiB",
        "reading, CPU s",
        "explore nDCG@10",
        "difference [95%]",
        "surprise nDCG@10",
        "difference [95%]",
    )
    rows = []
    for line in lines:
        cells: list[object] = [
            line["model"],
            f"{line['cells']:,}",
            f"{line['model_bytes'] / MIB:.1f}",
            f"{line['read_cpu_seconds']:.2f}",
        ]
        for metric in ("explore", "surprise"):
            gap = line[metric]["difference"]
            cells += [
                f"{line[metric]['ndcg']['value']:.4f}",
                f"{gap['value']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}]",
            ]
        rows.append(cells)
    text = table(
        "Landmarks beside the whole square",
        "2,221 concepts, K = 5 pooled, weeks 41-53, unit rows at ridge 60. Differences from the whole square.",
        head,
        rows,
    )
    return (
        text
        + table(
            "Single products for concepts",
            f"Products with at least {LEAST_BUYERS} buyers. Time on a shared processor; a request ranks all products for one customer.",
            (
                "concepts",
                "landmarks",
                "cells",
                "cells of the square",
                "model, MiB",
                "square, MiB",
                "summing, CPU s",
                "reading, CPU s",
                "request, ms",
            ),
            [
                (
                    f"{w['concepts']:,}",
                    w["landmarks"],
                    f"{w['cells']:,}",
                    f"{w['cells_of_the_square']:,}",
                    f"{w['model_bytes'] / MIB:.0f}",
                    f"{w['square_bytes'] / MIB:,.0f}",
                    f"{w['sum_cpu_seconds']:.1f}",
                    f"{w['read_cpu_seconds']:.1f}",
                    f"{w['request_ms']:.1f}",
                )
                for w in wide
            ],
        )
        + f"Command `{report['command']}`, commit {report['commit']}.\n"
    )


def main() -> None:
    """Measure and write both files."""
    report: Json = {"command": "python -m tests.benchmarks.landmarks", "commit": commit()}
    report["products"] = products()
    print("products done", flush=True)
    report["compared"] = compared()
    (RESULTS / "landmarks.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "landmarks.md").write_text(markdown(report), encoding="utf-8")


if __name__ == "__main__":
    main()
