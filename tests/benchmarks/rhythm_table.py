"""The Markdown tables of the rhythm benchmark, made from its JSON file and nothing else.

    python -m tests.benchmarks.rhythm_table

writes ``results/rhythm.md``.
"""

import json
from pathlib import Path
from typing import Any

from tests.benchmarks.markdown import table

RESULTS = Path(__file__).parent / "results"
ARMS = {
    "taken": "as each company chose on validation",
    "shuffled": "the same strengths, moments shuffled",
    "ungated": "as fitted, whatever the gate says",
    "hour": "of these, hour alone",
    "weekday": "of these, weekday alone",
    "season": "of these, season alone",
}
TASKS = {
    "first": "What a visit brings for the first time",
    "again": "What a visit brings again",
}
SAYS = {
    "first": "Candidates: everything the customer had never bought here until the minute before. Without context: the federated EASE list.",
    "again": "Candidates: what the customer had bought before these weeks. Without context: its own favourites, most often bought first.",
}


def say(figure: dict[str, Any]) -> str:
    """A mean with its interval."""
    return f"{figure['value']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"


def signed(figure: dict[str, Any]) -> str:
    """A difference with its interval."""
    return f"{figure['value']:+.4f} [{figure['low']:+.4f}, {figure['high']:+.4f}]"


def task(report: dict[str, Any], name: str) -> str:
    """One task's table."""
    rows = []
    for row in report["rows"]:
        if row["task"] != name:
            continue
        if row["arm"] == "none":
            if not rows:
                rows.append(("-", "no context", say(row), "", "", ""))
            continue
        difference, below = row["difference"], row["below"]
        rows.append(
            (
                row["source"],
                ARMS[row["arm"]],
                say(row),
                f"{signed(difference)} ({difference['value'] / row['baseline']:+.1%})",
                f"{min(difference['by_company']):+.4f}",
                f"{len(below['nominal'])}, {len(below['significant'])} of {report['companies']}",
            )
        )
    head = (
        "ratios from",
        "arm",
        "nDCG@10 of a visit [95%]",
        "against no context [95%]",
        "worst company",
        "below: nominal, significant",
    )
    return table(TASKS[name], SAYS[name], head, rows)


def strengths(report: dict[str, Any]) -> str:
    """What each company chose on its validation weeks."""
    rows = []
    source = "own counts beside the release"
    for number, chosen in enumerate(report["chosen"]):
        for name, title in TASKS.items():
            found = chosen[name][source]
            said = "; ".join(
                f"{each['factor']} {each['strength']:.2f} (± {each['error']:.2f})" for each in found["each"]
            )
            word = "yes" if found["taken"] else "no"
            rows.append((number, title, said, f"{found['gained']:+.4f} ± {found['error']:.4f}", word))
    return table(
        "Strengths fitted on weeks 34-40",
        "Own counts beside the release. Log-odds per log ratio, in brackets the standard error of the fit; 0.00: not two of them above none.",
        ("company", "task", "strength by factor", "nDCG@10 on these weeks, ± standard error", "taken"),
        rows,
    )


def days(report: dict[str, Any]) -> str:
    """When to invite."""
    rows = [
        (row["factor"], row["what"], row["arm"], say(row), signed(row["difference"]))
        for row in report["days"]
    ]
    return table(
        "When to invite: what customers' own rhythm tells",
        "Share of a customer's visits, and of its first purchases, in weeks 41-53 that fall on the one weekday, or in the one hour band, named from its visits before.",
        ("one", "of", "named by", "share [95%]", "against busiest for everybody [95%]"),
        rows,
    )


def main() -> None:
    """Write the tables."""
    report = json.loads((RESULTS / "rhythm.json").read_text(encoding="utf-8"))
    visits = sum(report["test_visits"])
    text = (
        "# What the moment adds\n\n"
        f"{report['companies']} companies, {visits:,} visits of weeks 41-53, each ranked by what its customer had until the minute "
        "before; nDCG@10 is averaged over the visits of a customer, then over customers, then over companies. Intervals: "
        "bootstrap by customer, paired. Times are local to the stores.\n\n"
        "**Season can hardly be judged on these data**: they are one year. Of the seasons of the test weeks (October to December), "
        "one month of autumn and two of winter had been counted before, and of autumn nothing when strengths were fitted. **Weather, places and events are not in these data**: that each of them "
        "changes what is found where purchases do depend on it is tested with made-up companies "
        "(`tests/participant/rhythm`), and nothing is claimed of real ones.\n\n"
        + "".join(task(report, name) for name in TASKS)
        + strengths(report)
        + days(report)
        + f"Command `{report['command']}`, commit {report['commit']}, data: {report['data']}.\n"
    )
    (RESULTS / "rhythm.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
