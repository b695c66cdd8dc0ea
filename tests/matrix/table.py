"""The matrix as files: rows in JSON as they come, and the page made from them.

    python -m tests.matrix.table

writes ``tests/benchmarks/results/kill_matrix.md`` from ``kill_matrix.json``.
"""

import json
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from protocols.messages import PHASES
from tests.benchmarks.provenance import commit
from tests.matrix.cells import Outcome
from tests.matrix.faults import DISCONNECTED_S, STOPPED_S, Kind, Process

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"
JSON = RESULTS / "kill_matrix.json"


def write(outcomes: Sequence[Outcome], wall_s: float, path: Path = JSON) -> None:
    """Write all rows so far; a run that is interrupted keeps them."""
    found = {
        "command": "make kill-matrix",
        "commit": commit(),
        "machine": {"cores": os.cpu_count()},
        "versions": {name: version(name) for name in ("flwr",)},
        "wall_s": round(wall_s, 1),
        "rows": [outcome.as_row() for outcome in outcomes],
    }
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)


def cell_text(row: Mapping[str, Any] | None) -> str:
    """One cell: how the round ended and after how many seconds; when Flower carried again."""
    if row is None:
        return "not played"
    if row["outcome"] == "void":
        return "void"
    if not row["well"]:
        return f"**NOT WELL**: {row['outcome']} {row['why'][:80]}"
    how = row["outcome"] if row["outcome"] != "released" else ""
    way = "API" if row["route"] == "upload" else "Flower"
    return f"{how} {row['over_s']:.0f} s, {way}; {row['carried_s']:.0f} s".strip()


def grid(rows: Sequence[Mapping[str, Any]]) -> str:
    """Processes and faults down, phases across."""
    by_name = {row["cell"]: row for row in rows}
    lines = [
        f"| process | fault | {' | '.join(phase.value for phase in PHASES)} |",
        f"|---|---|{'---|' * len(PHASES)}",
    ]
    for process in Process:
        for kind in Kind:
            cells = [by_name.get(f"{process.name.lower()}/{phase.value}/{kind.value}") for phase in PHASES]
            lines.append(
                f"| {process.value} | {kind.value} | {' | '.join(cell_text(cell) for cell in cells)} |"
            )
    return "\n".join(lines)


def network(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows that are about the way and not about a process."""
    lines = ["| the way | outcome |", "|---|---|"]
    lines += [
        f"| {row['cell']} | {row['why'] or row['outcome']} |"
        for row in rows
        if row["cell"].startswith("network")
    ]
    return "\n".join(lines)


def spread(values: Sequence[float]) -> str:
    """Median and largest."""
    ordered = sorted(values)
    return f"median {ordered[len(ordered) // 2]:.0f} s, largest {ordered[-1]:.0f} s" if ordered else "none"


def page(found: Mapping[str, Any]) -> str:
    """The whole page."""
    rows = found["rows"]
    played = [row for row in rows if row["outcome"] != "void" and not row["cell"].startswith("network")]
    well = [row for row in played if row["well"]]
    words = [
        f"released at the first attempt {sum(row['outcome'] == 'released' for row in played)}",
        f"aborted with a cause and released by the retry {sum(row['outcome'] == 'retried' for row in played)}",
        f"asked again {sum(row['outcome'] == 'asked again' for row in played)}",
        f"void {sum(row['outcome'] == 'void' for row in rows)}",
    ]
    voids = {row["why"] for row in rows if row["outcome"] == "void"}
    return f"""# Every process killed, stopped and disconnected in every phase

{len(well)} of {len(played)} cells well: {", ".join(words)}. Wrong sums {sum(not row["exact"] for row in rows)}; second
unmaskings {sum(row["unmaskings"] > 1 for row in rows)}; cells with an orphan process {sum(bool(row["orphans"]) for row in rows)};
cells after which the audit did not verify {sum(bool(row["audit"]) for row in rows)}. Until the round was over:
{spread([row["over_s"] for row in played])} after the fault. Until Flower carried a vector of the struck node again:
{spread([row["carried_s"] for row in played])}. The whole run took {found["wall_s"] / 60:.0f} minutes on
{found["machine"]["cores"]} cores.

One real coordinator with its fleet, one real node with its courier (TLS, signatures, sandbox where there is one), and
two members that are stepped, so that the phase is open when the fault comes. `kill` is SIGKILL. `stop` is SIGSTOP: for
good for the six processes of Flower, which their supervisor has to notice; {STOPPED_S:.0f} s for the two daemons, which
nobody supervises here. `disconnect` shuts every connection of that process down, and every new one, for
{DISCONNECTED_S:.0f} s. A killed daemon is started again after a second. Each cell: how the round ended, seconds from the
fault to its end, the way the struck node's vector took; then seconds until Flower carried a vector of that node again.
After every cell the released numbers are compared with the members' own answers to the last bit, and the whole audit
log is verified.

{grid(rows)}

Void: {"; ".join(sorted(voids)) or "none"}.

{network(rows)}

Command `{found["command"]}`, commit {found["commit"]}; flwr {found["versions"]["flwr"]}.
"""


def main() -> None:
    """Write the page."""
    text = page(json.loads(JSON.read_text(encoding="utf-8")))
    JSON.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
