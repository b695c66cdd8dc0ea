"""The report of the last run, made from its JSON and from what is known of the survivors.

``python -m tests.mutation.report`` writes tests/mutation/REPORT.md. Why a survivor may live stands in
``explained.json`` under its key; a survivor that is not explained there is a gap in the tests.
"""

import json
from collections import defaultdict
from pathlib import Path

from tests.benchmarks.provenance import ROOT

RESULT = ROOT / "tests/benchmarks/results/mutation.json"
REPORT = Path(__file__).with_name("REPORT.md")
EXPLAINED = Path(__file__).with_name("explained.json")
NOT_JUDGED = "wall"
"""A run that a loaded machine starved: neither killed nor a survivor."""


def report(result: dict[str, object], explained: dict[str, str]) -> str:
    """Markdown of a run."""
    judged = [one for one in result["mutants"] if one["killed_by"] != NOT_JUDGED]
    lived = [one for one in judged if not one["killed_by"]]
    known = [one for one in lived if one["key"] in explained]
    lines = [
        "# Mutation testing of protocols/",
        "",
        (
            f"`{result['command']}`, commits {', '.join(result['commits'])}, {result['cpu_minutes']} minutes of CPU. Made from "
            "`tests/benchmarks/results/mutation.json` by `python -m tests.mutation.report`."
        ),
        "",
        (
            f"Of {len(judged)} mutants that were judged, tests killed {len(judged) - len(lived)}; "
            f"{len(lived)} survived, {len(known)} of them explained below. {result['not_run']} of the sample are not run yet "
            f"(`--more` goes on with them), {len(result['mutants']) - len(judged)} were starved and are not judged. "
            f"All possible mutants of these modules: {sum(result['possible'].values())}."
        ),
        "",
        "| module | possible | judged | killed | survived |",
        "|---|---|---|---|---|",
    ]
    by_module: dict[str, list[dict[str, object]]] = defaultdict(list)
    for one in judged:
        by_module[one["module"]].append(one)
    for module in sorted(by_module):
        ones = by_module[module]
        killed = sum(bool(one["killed_by"]) for one in ones)
        lines.append(
            f"| {module} | {result['possible'][module]} | {len(ones)} | {killed} | {len(ones) - killed} |"
        )
    lines += ["", "## Survivors", ""]
    for one in sorted(lived, key=lambda one: one["key"]):
        why = explained.get(one["key"], "**not explained: a gap in the tests**")
        lines.append(f"- `{one['key']}`: {why}")
    return "\n".join([*lines, *([] if lived else ["None in this sample."])]) + "\n"


def write() -> None:
    """Write the report of the last run."""
    REPORT.write_text(report(json.loads(RESULT.read_text()), json.loads(EXPLAINED.read_text())))


if __name__ == "__main__":
    write()
