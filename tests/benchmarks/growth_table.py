"""Markdown of how time and memory grow, made from JSON files and nothing else.

    python -m tests.benchmarks.growth_table

writes ``results/growth.md`` from ``taste_speed.json`` and ``latency_growth.json``, as far as they are there.
"""

import json
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.markdown import table

RESULTS = Path(__file__).parent / "results"
Json = dict[str, Any]


def speed(found: Json) -> str:
    """The sum beside scipy's product, and the answer as lines grow."""
    sums = (
        (
            f"{row['customers']:,}",
            f"{row['purchases']:,}",
            *(f"{median(row['cpu_s'][name]):.2f}" if name in row["cpu_s"] else "" for name in ARMS),
            f"{row['speed_of_scipy']:.2f} [{row['spread'][0]:.2f}, {row['spread'][1]:.2f}]",
            "yes" if row["equal_to_the_last_bit"] else "NO",
        )
        for row in found["sums"]
    )
    says = (
        f"{found['data']}, {found['sums'][0]['concepts']:,} concepts; CPU seconds, medians of "
        f"{len(found['sums'][0]['cpu_s']['ours'])} turns in which all take their turn on the same rows; the quotient is "
        f"the median of the turns' [lowest, highest]. {_made(found)}"
    )
    head = (
        "customers",
        "purchases",
        *ARMS,
        "ours is so many times as fast as scipy",
        "equal to the last bit",
    )
    answers = (
        (f"{row['lines']:,}", f"{row['customers']:,}", f"{median(row['cpu_s']):.2f}", _per_line(row))
        for row in found["answers"]
    )
    return table("The sum behind `taste`, beside scipy's sparse product", says, head, sums) + table(
        "The whole `taste` answer as a company grows",
        "From the stored purchases, with reading and grouping them; CPU seconds, medians.",
        ("lines", "customers", "s", "microseconds a line"),
        answers,
    )


ARMS = ("ours", "scipy", "dense rows, as before")


def _per_line(row: Json) -> str:
    return f"{median(row['cpu_s']) / row['lines'] * 1e6:.2f}"


def latency(found: Json) -> str:
    """Time of a request and memory of the node."""
    rows = (
        (
            f"{row['concepts']:,}",
            f"{row['items']:,}",
            f"{row['customers']:,}",
            *(f"{row[kind][p]:.1f}" for kind in ("cpu_ms", "wall_ms") for p in ("p50", "p99")),
            f"{row['memory_mb']:,.0f}",
            f"{row['intake_cpu_s']:.1f}",
        )
        for row in found["rows"]
    )
    head = (
        *("concepts", "items", "customers", "CPU p50, ms", "CPU p99, ms", "wall p50, ms", "wall p99, ms"),
        *("resident memory, MB", "intake, s of CPU"),
    )
    machine = found["machine"]
    says = (
        f"{found['data']}; {found['rows'][0]['requests']} requests each, one after the other, on a machine of "
        f"{machine['cpus']} processors with a load of {machine['load_1min']:.0f} from other work: wall times say little, "
        f"CPU times are those of the daemon alone and still suffer from shared caches. The bar is a p99 of "
        f"{found['bar_p99_ms']:.0f} ms at 20,000 concepts. {_made(found)}"
    )
    return table("A request as catalogue and customers grow", says, head, rows)


def _made(found: Json) -> str:
    return f"Command `{found['command']}`, commit {found['commit']}."


def main() -> None:
    """Write the tables."""
    parts = [
        make(json.loads((RESULTS / name).read_text(encoding="utf-8")))
        for make, name in ((speed, "taste_speed.json"), (latency, "latency_growth.json"))
        if (RESULTS / name).exists()
    ]
    (RESULTS / "growth.md").write_text(
        "# What grows, and how\n\n" + "".join(parts).rstrip() + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
