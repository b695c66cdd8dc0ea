"""The whole secure round beside Flower's own workflows: Markdown from ``round_time.json``.

    python -m tests.benchmarks.round_time_table

writes ``results/round_time.md``.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

RESULTS = Path(__file__).parent / "results"
ARMS: Final = {"secure": "Altrove, secure", "fedavg": "Flower FedAvg, plain", "secagg": "Flower SecAgg+"}
PHASES: Final = ("advertise-keys", "share-keys", "masked-input", "consistency-check", "unmasking")

Cell = dict[str, Any]


def by_cell(cells: list[Cell]) -> dict[tuple[str, int], dict[str, Cell]]:
    """Arms by (size, nodes), in the order of the file."""
    found: dict[tuple[str, int], dict[str, Cell]] = {}
    for cell in cells:
        found.setdefault((cell["size"], cell["nodes"]), {})[cell["arm"]] = cell
    return found


def seconds(cell: Cell) -> str:
    """Median with the lowest and the highest round, or why there is none.

    >>> seconds({"rounds": [{"round_s": 3.0}, {"round_s": 1.0}], "median_round_s": 2.0})
    '2.0 (1.0 to 3.0)'
    >>> seconds({"rounds": [], "failed": "RuntimeError: no sum came out (error 2.0) of rounds [{}]"})
    'no correct sum came out'
    >>> seconds({"rounds": [], "failed": "TimeoutError: nothing within 600 s"})
    'not measured: nothing within 600 s'
    """
    every = [each["round_s"] for each in cell["rounds"]]
    if not every:
        failed = cell.get("failed", "no round")
        if "no sum came out" in failed:
            return "no correct sum came out"
        return "not measured: " + re.sub(r"^\w+: ", "", failed)
    return f"{cell['median_round_s']:.1f} ({min(every):.1f} to {max(every):.1f})"


def ratio(cell: Cell, to: Cell) -> str:
    """How many times as long as ``to``."""
    if not cell["median_round_s"] or not to["median_round_s"]:
        return "-"
    return f"{cell['median_round_s'] / to['median_round_s']:.2f}"


def whole(cells: list[Cell]) -> str:
    """Seconds of a round and their ratios."""
    lines = [
        f"| vector | nodes | {', s | '.join(ARMS.values())}, s | to FedAvg | to SecAgg+ |",
        "|---|---|---|---|---|---|---|",
    ]
    for (size, nodes), arms in by_cell(cells).items():
        row = [seconds(arms[arm]) for arm in ARMS]
        row += [ratio(arms["secure"], arms[arm]) for arm in ("fedavg", "secagg")]
        lines.append(f"| {size} ({arms['secure']['payload_bytes']:,} B) | {nodes} | {' | '.join(row)} |")
    return "\n".join(lines)


def phases(cells: list[Cell]) -> str:
    """The secure round's median seconds by phase."""
    lines = [f"| vector | nodes | {' | '.join(PHASES)} |", f"|---|---|{'---|' * len(PHASES)}"]
    for cell in cells:
        if cell["arm"] == "secure" and cell["rounds"]:
            middle = [
                sorted(each[phase] for each in cell["rounds"])[len(cell["rounds"]) // 2] for phase in PHASES
            ]
            lines.append(f"| {cell['size']} | {cell['nodes']} | {' | '.join(f'{s:.1f}' for s in middle)} |")
    return "\n".join(lines)


def cost(cells: list[Cell]) -> str:
    """What a node's courier takes while idle, and peaks by process."""
    lines = [
        "| vector | nodes | idle courier of a node: share of a core | idle, MB (PSS) | peak by process, MB (PSS) |",
        "|---|---|---|---|---|",
    ]
    for cell in cells:
        if cell["arm"] == "secure" and cell["rounds"]:
            idle = cell["idle_courier_of_one_node"]
            peaks = ", ".join(f"{name} {size:.0f}" for name, size in cell["peak_pss_mb"].items() if size >= 1)
            lines.append(
                f"| {cell['size']} | {cell['nodes']} | {idle['cpu_share']:.1%} | {idle['pss_mb']:.0f} | {peaks} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Write the page."""
    found = json.loads((RESULTS / "round_time.json").read_text(encoding="utf-8"))
    cells = found["cells"]
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    text = f"""# The whole round, beside Flower's own

Real daemons, couriers in their cells, TLS and signatures on one machine with {found["machine"]["cpus"]} cores, which all
processes share; nodes hold made-up purchases and do not train. Flower's workflows ran under the same SuperLink,
SuperNodes and keys right after, with the same payload: FedAvg and SecAgg+ send it down and up, and nobody computes.
Median round with the shortest and the longest.

{whole(cells)}

## The secure round by phase, seconds

{phases(cells)}

## What it costs

{cost(cells)}

Command `{found["command"]}`, commit {found["commit"]}; {versions}.
"""
    (RESULTS / "round_time.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
