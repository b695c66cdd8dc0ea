"""How fast noise is made, in CPU seconds of one core, beside what it could cost at least and what is not secret.

The floor is the keystream alone, as many bytes as the sampler reads; the other baseline is numpy's own
generator rounded to integers: double precision, 64-bit state, predictable from its output.

``python -m tests.benchmarks.noise_sampler --out build/noise_sampler.json``
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cryptography
import numpy as np

from protocols.keystream import Keystream
from protocols.limits import FRACTION_BITS
from protocols.noise import STRIDE, Gaussian
from tests.benchmarks.provenance import commit

CELLS = 64 * STRIDE
REPEATS = 7
SIGMAS = {
    "a thousandth": 2**FRACTION_BITS // 1000,
    "2.45 at sensitivity 1": 41_104_179,
    "100": 100 << FRACTION_BITS,
}


def rates(work: Callable[[], object]) -> tuple[float, float, float]:
    """Median, lowest and highest of ``REPEATS`` rates, in millions of cells a CPU second."""
    work()
    seen = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        seen.append(CELLS / (time.process_time() - began) / 1e6)
    return statistics.median(seen), min(seen), max(seen)


def measured(name: str, sigma: int) -> dict[str, Any]:
    """One row: the sampler at ``sigma``, its tables, and the two baselines."""
    began = time.process_time()
    source = Gaussian(variance=sigma**2, cut=10 * sigma)
    tables_s = time.process_time() - began
    stream, rng = Keystream(bytes(32)), np.random.default_rng(0)
    tables = 1 + len(source.steps)
    value, low, high = rates(lambda: source.draw(stream, 0, CELLS))
    floor, *floor_spread = rates(lambda: stream.read(0, 2 * tables * CELLS))
    plain, *plain_spread = rates(lambda: np.rint(rng.standard_normal(CELLS) * sigma).astype(np.int64))
    return {
        "metric": f"noise cells a CPU second, one core, sigma {name}",
        "unit": "million/s",
        "value": round(value, 1),
        "spread": [round(low, 1), round(high, 1)],
        "tables": tables,
        "tables_made_s": round(tables_s, 3),
        "baseline": {
            "keystream of as many bytes": [round(v, 1) for v in (floor, *floor_spread)],
            "numpy, not secret, double precision": [round(v, 1) for v in (plain, *plain_spread)],
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/noise_sampler.json"))
    asked = parser.parse_args()
    report = {
        "command": "python -m tests.benchmarks.noise_sampler",
        "commit": commit(),
        "versions": {
            "cryptography": cryptography.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "measurements": [measured(name, sigma) for name, sigma in SIGMAS.items()],
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=2) + "\n")
    json.dump(report["measurements"], sys.stderr, indent=2)


if __name__ == "__main__":
    main()
