"""More concepts than a square is comfortable for: landmarks beside the whole square, up to every product that is bought.

A concept is a single product with at least five buyers on weeks 1-40, the most bought first; customers are the
households of all stores together. Quality is explore nDCG@10 on weeks 41-53, differences paired by customer.
"""

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from typing import Final

import duckdb
import numpy as np
from scipy.sparse import csr_array

from protocols.questions.ease import ease
from protocols.questions.low_rank import low_rank
from protocols.questions.ranking import ndcg, top_indices
from tests.benchmarks import summary
from tests.benchmarks.newcomers_data import LEFT_OUT, TOP, Floats, Mask
from tests.benchmarks.newcomers_report import Json
from tests.benchmarks.oracle import VALID, data_folder

RIDGE: Final = 60.0
LEAST_BUYERS: Final = 5
CUSTOMERS: Final = 256
"""Customers scored at a time: a dense row of 25,000 concepts is 200 kB."""
REQUESTS: Final = 20
MIB: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bought:
    """Which products households bought on weeks 1-40 and 41-53, (households, products), most bought first."""

    history: csr_array
    future: csr_array

    def widest(self, concepts: int) -> "Bought":
        """The ``concepts`` most bought products alone."""
        return Bought(history=self.history[:, :concepts], future=self.future[:, :concepts])


def bought() -> Bought:
    """From the data."""
    folder = data_folder()
    db = duckdb.connect()
    db.execute("SET threads = 1")
    found = db.execute(
        f"""WITH lines AS (
            SELECT DISTINCT household_id, product_id, week > {VALID} AS later
            FROM '{folder}/transactions.parquet' JOIN '{folder}/products.parquet' USING (product_id)
            WHERE quantity > 0 AND product_type IS NOT NULL AND department NOT IN {LEFT_OUT}),
        kept AS (
            SELECT product_id, row_number() OVER (ORDER BY count(*) DESC, product_id) - 1 AS place
            FROM lines WHERE NOT later GROUP BY product_id HAVING count(*) >= {LEAST_BUYERS})
        SELECT household_id, place, later FROM lines JOIN kept USING (product_id)"""
    ).fetchnumpy()
    households, who = np.unique(found["household_id"], return_inverse=True)
    what, later = np.asarray(found["place"], np.int64), np.asarray(found["later"], np.bool_)
    shape = (len(households), int(what.max()) + 1)

    def part(inside: Mask) -> csr_array:
        return csr_array((np.ones(int(inside.sum())), (who[inside], what[inside])), shape=shape)

    return Bought(history=part(~later), future=part(later))


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
    started = time.perf_counter()
    for _ in range(REQUESTS):
        top_indices(score(one), TOP)
    line: Json = {
        "concepts": n,
        "customers": len(found),
        "landmarks": landmarks,
        "cells": n * (1 + landmarks) if landmarks else n * (n + 1) // 2,
        "model_bytes": held,
        "cpu_seconds": cpu,
        "seconds": wall,
        "request_ms": (time.perf_counter() - started) / REQUESTS * 1e3,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "ndcg": asdict(summary.figure([found])),
    }
    return line, found


def _gains(score: Callable[[Floats], Floats], rows: csr_array, data: Bought) -> Iterator[Floats]:
    for at in range(0, rows.shape[0], CUSTOMERS):
        dense = rows[at : at + CUSTOMERS].toarray()
        future = data.future[at : at + CUSTOMERS].toarray() > 0
        yield ndcg(score(dense), dense > 0, future, np.zeros(dense.shape[1], np.bool_), top=TOP).gains


def level(concepts: int, sizes: Sequence[int]) -> list[Json]:
    """The whole square of so many products (0: of all) and every size, each in a process of its own for its peak."""
    data = bought()
    found = []
    for size in (0, *sizes):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            found.append(alone.submit(measured, data, concepts or data.history.shape[1], size).result())
        print(f"{found[-1][0]['concepts']} concepts, {size or 'no'} landmarks", flush=True)
    whole = found[0][1]
    return [{**line, "difference": asdict(summary.figure([gains - whole]))} for line, gains in found]
