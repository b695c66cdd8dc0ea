"""The report on suite 2 beside suite 1: Markdown from ``crypto_suites.json``.

python -m tests.benchmarks.crypto_suites_table
"""

import json
from pathlib import Path
from typing import Any, Final

RESULTS: Final = Path(__file__).parent / "results"
NAMES: Final = {
    "advertise": "a node's AdvertiseKeys",
    "share": "a node's ShareKeys",
    "mask": "a node's MaskedInput",
    "admit_share": "coordinator: admits one member's bundles",
    "combine": "coordinator: secrets and seeds of all masks",
}

Row = dict[str, Any]


def range_of(seen: Row, scale: float) -> str:
    """Median with the lowest and the highest, times ``scale``.

    >>> range_of({"median_s": 0.0123, "lowest_s": 0.01, "highest_s": 0.02}, 1000)
    '12.3 (10 to 20)'
    """
    return "{:.3g} ({:.3g} to {:.3g})".format(
        *(scale * seen[f"{name}_s"] for name in ("median", "lowest", "highest"))
    )


def times(rows: list[Row]) -> str:
    """Steps by cohort, one suite beside the other."""
    lines = [
        "| members | stepping | lost | step | suite 1, CPU ms | suite 2, CPU ms | suite 2 more, CPU us a pair |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        for step, name in NAMES.items():
            seen = row["steps"][step]
            per_pair = range_of(seen["more_a_pair"], 1e6) if step in ("share", "mask", "admit_share") else ""
            lines.append(
                f"| {row['members']:,} | {row['stepped']:,} | {row['lost']} | {name} | {range_of(seen['suite_1'], 1000)} "
                f"| {range_of(seen['suite_2'], 1000)} | {per_pair} |"
            )
    return "\n".join(lines)


def sizes(rows: list[Row]) -> str:
    """Bytes of the two phases that the suite changes, of the member in the middle of the cohort."""
    lines = [
        "| members | direction | suite 1, bytes | suite 2, bytes | suite 2 more, bytes a pair |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        for way in ("up", "down"):
            one, two = (
                sum(size for name, size in row["bytes"][f"suite_{suite}"].items() if name.endswith(way))
                for suite in (1, 2)
            )
            more = (two - one) / (row["members"] - 1)
            lines.append(f"| {row['members']:,} | {way} | {one:,} | {two:,} | {more:,.0f} |")
    return "\n".join(lines)


def calls(found: Row) -> str:
    """One call of each primitive."""
    lines = ["| primitive | CPU us a call |", "|---|---|"]
    lines += [f"| {name} | {range_of(seen, 1e6)} |" for name, seen in found.items() if name != "provenance"]
    return "\n".join(lines)


def where_from(found: Row) -> str:
    """Commands, commits, processor, versions: one line for each run."""
    lines = []
    for said in (*(row["provenance"] for row in found["cohorts"]), found["primitives"]["provenance"]):
        versions = ", ".join(f"{package} {number}" for package, number in said["versions"].items())
        where = f"{said['commit']}, load {said['load_1min']} on {said['cores']} cores of {said['processor']}"
        lines.append(f"- `{said['command']}` at {where}; {versions}")
    return "\n".join(dict.fromkeys(lines))


def write(source: Path) -> None:
    """Write the report beside its figures."""
    found = json.loads(source.read_text(encoding="utf-8"))
    text = [
        "# What suite 2 costs beside suite 1",
        TOLD,
        "## Time",
        times(found["cohorts"]),
        "## Bytes: advertisement and sealed shares of the member in the middle of the cohort",
        sizes(found["cohorts"]),
        "## Primitives",
        calls(found["primitives"]),
        "## Where these figures are from",
        where_from(found),
    ]
    source.with_suffix(".md").write_text("\n\n".join(text) + "\n", encoding="utf-8")


TOLD: Final = (
    "CPU of one process; median, with the lowest and the highest of the repeats, the two suites in turns. A vector "
    "of 1,000 numbers, so that the handshake is what is seen: masks and chunks cost the same in both suites. Where one "
    "member steps, the others' messages are made without the work of a node; the coordinator opens and checks the same. "
    "Made from `crypto_suites.json`."
)


if __name__ == "__main__":
    write(RESULTS / "crypto_suites.json")
