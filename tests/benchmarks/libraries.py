"""Other people's libraries as oracles of the baselines and metrics: `implicit` 0.7.3 and RecTools 0.19.0.

    python -m tests.benchmarks.libraries

Both want other versions of things than the product does, so each runs in an environment of its own, made from
its pinned list in `oracles/` the first time and kept under `.altrove/bench/`. Compared at one company of five of
the Complete Journey, on test weeks: item-kNN's similarities and the factors of ALS from the same start with
`implicit`; EASE's weights, and nDCG@10 and recall@10 of every customer for the same lists, with RecTools.
Writes ``results/libraries.json``.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocols.questions.ease import ease
from protocols.questions.ranking import TOP, ndcg, top_indices
from tests.benchmarks import ials, journey
from tests.benchmarks.learners import Sample, nearest
from tests.benchmarks.provenance import ROOT, commit
from tests.benchmarks.trial import judged

HERE = Path(__file__).parent
TARGET = HERE / "results" / "libraries.json"
KEPT = ROOT / ".altrove" / "bench" / "oracles"
NEIGHBOURS, RIDGE, CONFIDENCE, REGULARISATION, FACTORS, ITERATIONS = 100, 1_000.0, 10.0, 20.0, 16, 3
"""Few iterations: two solvers from one start stay close only as long as rounding has not been multiplied."""
Arrays = dict[str, NDArray[np.float64]]


def environment(name: str) -> Path:
    """The interpreter of an oracle's own environment, made the first time."""
    home, pins = KEPT / name, HERE / "oracles" / f"{name}.txt"
    done = home / ".pins"
    if not done.exists() or done.read_text() != pins.read_text():
        subprocess.run((sys.executable, "-m", "venv", "--clear", str(home)), check=True)
        subprocess.run(
            (str(home / "bin" / "pip"), "install", "--quiet", "--no-deps", "-r", str(pins)), check=True
        )
        done.write_text(pins.read_text())
    return home / "bin" / "python"


def asked(name: str, given: dict[str, object]) -> Arrays:
    """What the oracle makes of ``given``."""
    with tempfile.TemporaryDirectory() as folder:
        there, back = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(there, **given)
        script = HERE / "oracles" / f"with_{name}.py"
        subprocess.run((str(environment(name)), str(script), str(there), str(back)), check=True)
        with np.load(back) as found:
            return dict(found)


def compare() -> dict[str, object]:
    """Largest differences between theirs and ours."""
    shop = journey.lines(5, "product_type").shops()[0]
    rows, split = shop.full, shop.test
    sample = Sample(rows)
    given: dict[str, object] = {
        "data": rows.data,
        "indices": rows.indices,
        "indptr": rows.indptr,
        "shape": np.array(rows.shape),
    }
    start = np.random.default_rng(0).normal(0, 0.1, (rows.shape[1], FACTORS)).astype(np.float32)
    setting = {"confidence": CONFIDENCE, "lambda": REGULARISATION, "nu": 0}
    customers, concepts = ials.factorise(rows, start, setting, iterations=ITERATIONS)
    theirs = asked(
        "implicit",
        given
        | {
            "neighbours": NEIGHBOURS,
            "start": start,
            "regularisation": REGULARISATION,
            "confidence": CONFIDENCE,
            "iterations": ITERATIONS,
        },
    )
    similarity = theirs["similarity"]
    np.fill_diagonal(similarity, 0.0)
    own_similarity = nearest(sample.gram, NEIGHBOURS, 0.0)

    weights = ease(sample.gram, RIDGE)
    held = split.dense()
    candidates = held.candidates("explore")
    target = held.future & candidates
    at = np.flatnonzero(target.any(1))
    scores = np.where(candidates, rows @ weights, -np.inf)
    lists = top_indices(scores[at], TOP)
    who, what = np.nonzero(target[at])
    tools = asked(
        "rectools",
        given | {"ridge": RIDGE, "lists": lists, "target_customers": who, "target_concepts": what},
    )
    product = ndcg(rows @ weights, held.history > 0, held.future, held.excluded("explore"))
    marks = judged(split, lambda history: np.asarray(history @ weights, np.float32))["explore"]
    return {
        "command": "python -m tests.benchmarks.libraries",
        "commit": commit(),
        "data": f"{journey.DATA}, company 0 of 5, {rows.shape[0]} customers, {rows.shape[1]} concepts",
        "oracles": {
            name: (HERE / "oracles" / f"{name}.txt").read_text().split() for name in ("implicit", "rectools")
        },
        "customers_with_a_target": len(at),
        "rows": [
            _row(
                "implicit",
                "item-kNN, the neighbours' cosines of every concept in order",
                np.sort(similarity, axis=1),
                np.sort(own_similarity, axis=1),
            ),
            _row("implicit", "ALS, factors of customers", theirs["customers"], customers),
            _row("implicit", "ALS, factors of concepts", theirs["concepts"], concepts),
            _row("RecTools", "EASE, weights", tools["weights"], weights),
            _row("RecTools", "nDCG@10 of the product by customer", tools["ndcg"], product.gains),
            _row("RecTools", "nDCG@10 of the comparison by customer", tools["ndcg"], marks.ndcg),
            _row("RecTools", "recall@10 of the comparison by customer", tools["recall"], marks.recall),
        ],
    }


def _row(
    oracle: str, what: str, theirs: NDArray[np.floating], ours: NDArray[np.floating]
) -> dict[str, object]:
    return {
        "oracle": oracle,
        "what": what,
        "largest_difference": float(np.abs(theirs - ours).max()),
        "largest_value": float(np.abs(theirs).max()),
    }


def main() -> None:
    """Compare and write the file."""
    found = compare()
    TARGET.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(found["rows"], indent=1))


if __name__ == "__main__":
    main()
