"""More concepts than a square is comfortable for: landmarks beside the whole square, up to every product that is bought.

A concept is a single product with at least five buyers on weeks 1-40, the most bought first; customers are the
households of all stores together. Quality is explore nDCG@10 on weeks 41-53, differences paired by customer.

The square of all of them takes minutes of many processors. This module needs numpy, scipy and `protocols` alone, so
that it runs on another machine:

    python -m tests.benchmarks.landmarks --rows rows.npz           # here
    python -m tests.benchmarks.landmarks_wide rows.npz wide.json   # there
    python -m tests.benchmarks.landmarks --measured wide.json      # here
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from protocols.questions.ease import ease
from protocols.questions.low_rank import low_rank
from protocols.questions.ranking import ndcg, top_indices

TOP: Final = 10
SIZES: Final = (256, 512, 1024, 2048)
RIDGE: Final = 60.0
LEAST_BUYERS: Final = 5
CUSTOMERS: Final = 256
"""Customers scored at a time: a dense row of 25,000 concepts is 200 kB."""
REQUESTS: Final = 20
MIB: Final = 2**20

Floats = NDArray[np.float64]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bought:
    """Which products households bought on weeks 1-40 and 41-53, (households, products), most bought first."""

    history: csr_array
    future: csr_array

    def widest(self, concepts: int) -> "Bought":
        """The ``concepts`` most bought products alone."""
        return Bought(history=self.history[:, :concepts], future=self.future[:, :concepts])


def measured(everything: Bought, concepts: int, landmarks: int) -> tuple[Json, Floats]:
    """One model of ``concepts`` products, of so many ``landmarks`` or of the whole square (0): figures, and gains."""
    data = everything.widest(concepts)
    sizes = np.maximum(data.history.sum(1), 1.0)
    rows = csr_array(data.history.multiply(1 / np.sqrt(sizes)[:, None]))
    n = rows.shape[1]
    squares = np.asarray(rows.power(2).sum(0)).ravel()
    began = time.process_time(), time.perf_counter()
    if landmarks:
        places = np.arange(landmarks)
        model = low_rank((rows.T @ rows[:, places]).toarray(), squares, places, RIDGE)
        score: Callable[[Floats], Floats] = model.scores
        held = model.left.nbytes + model.right.nbytes + model.own.nbytes
    else:
        weights = ease((rows.T @ rows).toarray(), RIDGE)

        score, held = (
            lambda dense: np.asarray(dense.astype(np.float32) @ weights, np.float64),
            weights.nbytes,
        )
    cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
    found = np.concatenate(list(_gains(score, rows, data)))
    one = rows[[0]].toarray()
    requests = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        top_indices(score(one), TOP)
        requests.append(time.perf_counter() - started)
    line: Json = {
        "concepts": n,
        "customers": len(found),
        "landmarks": landmarks,
        "cells": n * (1 + landmarks) if landmarks else n * (n + 1) // 2,
        "model_bytes": held,
        "cpu_seconds": cpu,
        "seconds": wall,
        "request_ms": float(np.median(requests)) * 1e3,
        "peak_bytes": _peak(),
    }
    return line, found


def _peak() -> int:
    """Most memory that this process held; `getrusage` would count its parent's, up to where it was started."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))


def _gains(score: Callable[[Floats], Floats], rows: csr_array, data: Bought) -> Iterator[Floats]:
    for at in range(0, rows.shape[0], CUSTOMERS):
        dense = rows[at : at + CUSTOMERS].toarray()
        future = data.future[at : at + CUSTOMERS].toarray() > 0
        yield ndcg(score(dense), dense > 0, future, np.zeros(dense.shape[1], np.bool_), top=TOP).gains


def level(data: Bought, concepts: int, sizes: Sequence[int]) -> tuple[list[Json], list[Floats]]:
    """The whole square of so many products (0: of all) and every size, each in a process of its own for its peak."""
    lines, gains = [], []
    for size in (0, *sizes):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            line, found = alone.submit(measured, data, concepts or data.history.shape[1], size).result()
        lines.append(line)
        gains.append(found)
        print(f"{line['concepts']} concepts, {size or 'no'} landmarks: {line['seconds']:.0f} s", flush=True)
    return lines, gains


def save_rows(data: Bought, path: Path) -> None:
    """Both windows into one file, so that another machine needs neither the data nor what reads it."""
    windows = {"history": data.history, "future": data.future}
    parts = {
        f"{name}_{axis}": at
        for name, rows in windows.items()
        for axis, at in zip("uc", rows.nonzero(), strict=True)
    }
    np.savez_compressed(path, shape=np.array(data.history.shape), **parts)


def load_rows(path: Path) -> Bought:
    """What :func:`save_rows` wrote."""
    with np.load(path, allow_pickle=False) as kept:
        shape = tuple(kept["shape"].tolist())
        history, future = (
            csr_array((np.ones(len(kept[f"{name}_u"])), (kept[f"{name}_u"], kept[f"{name}_c"])), shape=shape)
            for name in ("history", "future")
        )
    return Bought(history=history, future=future)


def main() -> None:
    """Measure one level of a file of rows on this machine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("rows", type=Path, help="made by `python -m tests.benchmarks.landmarks --rows FILE`")
    parser.add_argument(
        "into", type=Path, help="read by `python -m tests.benchmarks.landmarks --measured FILE`"
    )
    parser.add_argument("--concepts", type=int, default=0)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    given = parser.parse_args()
    lines, gains = level(load_rows(given.rows), given.concepts, given.sizes)
    versions = {name: version(name) for name in ("numpy", "scipy")}
    report = {"lines": lines, "gains": [each.tolist() for each in gains], "versions": versions}
    given.into.write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main()
