"""How fast noise is made, in CPU seconds of one core, beside what it could cost at least and what is not secret.

The floor is the keystream alone, as many bytes as the sampler reads; the other baseline is numpy's own
generator rounded to integers: double precision, 64-bit state, predictable from its output.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from protocols.keystream import Keystream
from protocols.limits import FRACTION_BITS
from protocols.noise import STRIDE, Gaussian
from tests.benchmarks.crypto_timing import alone, cpu_s

CELLS: Final = 64 * STRIDE
SIGMAS: Final = {
    "a thousandth": 2**FRACTION_BITS // 1000,
    "2.45 at sensitivity 1": 41_104_179,
    "100": 100 << FRACTION_BITS,
}
"""Deviations in units of 2**-FRACTION_BITS: the wider, the more tables."""


def measure() -> dict[str, Any]:
    """Every deviation; ``elements_per_s`` is the slowest one's."""
    rows = [_measured(name, sigma) for name, sigma in SIGMAS.items()]
    return {"elements_per_s": min(row["sampler"]["elements_per_s"] for row in rows), "deviations": rows}


def _measured(name: str, sigma: int) -> dict[str, Any]:
    """The sampler at ``sigma``, its tables, and the two baselines."""
    made: list[Gaussian] = []
    tables_s = cpu_s(lambda: made.append(Gaussian(variance=sigma**2, cut=10 * sigma)))
    source, stream, rng = made[0], Keystream(bytes(32)), np.random.default_rng(0)
    tables = 1 + len(source.steps)
    return {
        "sigma": name,
        "tables": tables,
        "tables_made_s": round(tables_s, 3),
        "sampler": _rates(lambda: source.draw(stream, 0, CELLS)),
        "keystream_alone": _rates(lambda: stream.read(0, 2 * tables * CELLS)),
        "numpy_not_secret": _rates(lambda: np.rint(rng.standard_normal(CELLS) * sigma).astype(np.int64)),
    }


def _rates(work: Callable[[], object]) -> dict[str, Any]:
    """Cells a CPU second: median, lowest, highest."""
    seen = alone(work)
    return {
        "elements_per_s": round(CELLS / seen["median_s"]),
        "lowest": round(CELLS / seen["highest_s"]),
        "highest": round(CELLS / seen["lowest_s"]),
        "repeats": seen["repeats"],
    }
