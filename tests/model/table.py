"""The table of what was explored, made from its JSON: ``python -m tests.model.table``."""

import json

from tests.benchmarks.provenance import ROOT

RESULT = ROOT / "tests/benchmarks/results/symbolic_model.json"


def table(result: dict[str, object]) -> str:
    """Markdown of a run."""
    lines = [
        "# The symbolic model, explored",
        "",
        (
            f"`{result['command']}`, commit {result['commit']}, Python {result['python']}. What is modelled and what is"
            " not: [tests/model](../../model/README.md). Made from `symbolic_model.json`."
        ),
        "",
        "| claim | configurations | states | sums | honest answers (promised) | attack | on the real machines | CPU s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in result["claims"]:
        attack = f"found, {one['attack_attempts']} attempt(s)" if one["attack_attempts"] else "none"
        if bool(one["attack_attempts"]) != one["attack_expected"]:
            attack += " (**not as claimed**)"
        lines.append(
            f"| {one['claim']} | {one['configurations']} | {one['states']} | {one['sums']} | "
            f"{one['least_honest_answers']} ({one['promised_honest_answers']}) | {attack} | "
            f"{one['on_the_machines']} | {one['cpu_seconds']} |"
        )
    if result["not_explored"]:
        lines += ["", "Not explored in this run: " + "; ".join(result["not_explored"]) + "."]
    return "\n".join(lines) + "\n"


def write() -> None:
    """Write the table beside the figures."""
    RESULT.with_suffix(".md").write_text(table(json.loads(RESULT.read_text())))


if __name__ == "__main__":
    write()
