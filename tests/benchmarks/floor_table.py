"""The tables of `floor.py`, made from its JSON files and nothing else.

    python -m tests.benchmarks.floor_table

writes ``results/floor.md``.
"""

import json
from typing import Any

from tests.benchmarks.cases import CASES
from tests.benchmarks.floor import RESULTS

INTRO = """# The own model, the release and their blend: what was tried

On validation windows only, nDCG@10, the mean over companies. What a company chooses by itself is cross-fitted over
five folds of its customers, but for the last three lines, which are what the gate sees. Made by
`python -m tests.benchmarks.floor` and this table by `python -m tests.benchmarks.floor_table`.
"""


def section(report: dict[str, Any]) -> str:
    """One case."""
    lines = [
        f"## {report['title']}\n",
        f"{report['data']}. `{report['command']}`, commit {report['commit']}.\n",
    ]
    lines += [
        "| | arm | nDCG@10 | against the first [95%] | lowest company | chosen |",
        "|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        gap = row["difference"]
        chosen = row["chosen"]
        words = ", ".join(f"{each:g}" for each in chosen) if isinstance(chosen, list) else chosen or ""
        lines.append(
            f"| {row['scenario']} | {row['arm']} | {row['value']:.4f} "
            f"| {gap['value']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}] | {row['worst']:.4f} | {words} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the tables of all cases that were measured."""
    paths = [RESULTS / f"floor_{name.replace('-', '_')}.json" for name in CASES]
    parts = [section(json.loads(path.read_text())) for path in paths if path.exists()]
    (RESULTS / "floor.md").write_text(INTRO + "\n" + "\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
