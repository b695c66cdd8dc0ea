"""Markdown and plots of the comparison, made from its JSON files and nothing else.

    python -m tests.benchmarks.comparison_table

writes ``results/comparison.md`` and a ``results/comparison_CASE.svg`` for each case.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.benchmarks import comparison_plot
from tests.benchmarks.cases import CASES
from tests.benchmarks.comparison import BEST, LOCAL_EASE
from tests.benchmarks.markdown import table

RESULTS = Path(__file__).parent / "results"
Json = dict[str, Any]
HEAD = (
    *(
        "arm",
        "mean [95%]",
        "seeds",
        "worst company",
        "beside local EASE [95%]",
        "beside the strongest local arm",
    ),
    *("companies below: own EASE, own best", "closure [95%]", "coverage@10", "Gini", "novelty, bits"),
)
WORDS = """# Every arm, two data sets

Everything is tuned on validation windows only, *explore* and *surprise* each by itself; full ranking, no sampled
negatives. A figure is a mean over a company's customers with a target, then over companies. Intervals draw customers
anew, paired where two arms are compared. **Local** arms are fitted on a company's own rows; **pooled** ones on
everybody's, which nobody could have; federated EASE is equal to the pooled one, for its sum is exact. Other
**federated** arms are what the product's own questions release, chosen by the `evaluation` of all companies: *EASE +
popularity* with both of the sum, the *autoencoder* of ten rounds (sixteen for product types of twenty companies), and
the best *mixture* of the three. *Blend and gate* is what nodes would serve of that mixture, and *local model of a
node* what they would serve alone, both as `participant.models` learns and chooses them. *Seeds*: standard deviation
of the mean over the seeds, for what has chance in it: five, or one for own autoencoders of twenty companies (*Time*
says how many there are). *Best local, by own validation* is what each company would have chosen alone among all its
local arms; the *strongest local arm* is the one with the highest mean on test windows, chosen in its favour.
*Companies below*: of all companies those below by the mean, and those significantly below (one-sided paired t-test,
Holm). *Closure* is (arm - strongest local) / (bound - strongest local), where the bound is the best arm that is
fitted on everybody's rows; where the two hardly differ it says little, and its interval says so.
"""


def section(report: Json) -> str:
    """One case: a table for each metric, what was chosen, and how long it took."""
    metrics = list(dict.fromkeys(row["metric"] for row in report["rows"]))
    parts = [f"# {report['title']}\n\n{_about(report)}\n\n![]({comparison_plot.name(report)})\n\n"]
    for metric in metrics:
        rows = [row for row in report["rows"] if row["metric"] == metric]
        says = f"Strongest local arm: {rows[0]['strongest_local']}. Bound: {rows[0]['bound']}."
        parts.append(table(metric, says, HEAD, (_cells(row, len(report["companies"])) for row in rows)))
    parts.append(_times(report))
    return "".join(parts)


def _about(report: Json) -> str:
    customers = [company["customers"] for company in report["companies"]]
    return (
        f"{report['data']}. {len(customers)} companies of {min(customers)} to {max(customers)} customers, "
        f"{report['concepts']} concepts; ridges {', '.join(map(str, report['ridges']))}. "
        f"Command `{report['command']}`, commit {report['commit']}; measured on {'; and on '.join(report['measured_on'])}."
    )


def _cells(row: Json, companies: int) -> Iterable[str]:
    closure, seeds = row["closure"], row["seeds"]
    mean = sum(seeds) / len(seeds) if seeds else 0.0
    spread = (sum((each - mean) ** 2 for each in seeds) / max(1, len(seeds) - 1)) ** 0.5
    yield row["arm"]
    yield f"{row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]"
    yield f"{spread:.4f}" if len(seeds) > 1 else ""
    yield f"{row['worst']:.4f}"
    yield _beside(row["beside"][LOCAL_EASE])
    yield _beside(row["beside"][row["strongest_local"]])
    below = (row["beside"][name]["below"] for name in (LOCAL_EASE, BEST))
    yield "; ".join(f"{len(b['nominal'])}, {len(b['significant'])} of {companies}" for b in below)
    yield f"{closure['value']:.0%} [{closure['low']:.0%}, {closure['high']:.0%}]" if closure else ""
    yield f"{row['coverage']:.3f}"
    yield f"{row['gini']:.3f}"
    yield f"{row['novelty']:.2f}"


def _beside(found: Json) -> str:
    difference, base = found["difference"], found["value"]
    edges = (difference[name] / base for name in ("value", "low", "high"))
    return "{:+.1%} [{:+.1%}, {:+.1%}]".format(*edges)


def _times(report: Json) -> str:
    rows = [row for row in report["rows"] if row["metric"] == report["rows"][0]["metric"]]
    cells = (
        (
            row["arm"],
            str(len(row["seeds"]) or ""),
            f"{row['fit_cpu_s']:.0f}",
            f"{row['score_cpu_ms']:.2f}" if row["score_cpu_ms"] else "",
        )
        for row in rows
    )
    says = (
        "CPU seconds of one core for tuning and fitting at all companies, without what a GPU did for autoencoders; "
        "those of the exchange begin with its first question. Milliseconds to rank for a customer."
    )
    return table("Time", says, ("arm", "seeds", "tuning and fitting, s", "ranking, ms"), cells)


def oracles(report: Json) -> str:
    """What other people's libraries make of the same."""
    rows = [
        (row["oracle"], row["what"], f"{row['largest_difference']:.1e}", f"{row['largest_value']:.3g}")
        for row in report["rows"]
    ]
    says = (
        f"{report['data']}; {report['customers_with_a_target']} customers with a target. Each library runs in an "
        f"environment of its own, pinned in `tests/benchmarks/oracles/`. Command `{report['command']}`, commit "
        f"{report['commit']}."
    )
    return table(
        "Other people's libraries", says, ("library", "what", "largest difference", "largest value"), rows
    )


def main() -> None:
    """Write the tables and plots of every result file there is."""
    parts = [WORDS + "\n"]
    for case in CASES:
        path = RESULTS / f"comparison_{case.replace('-', '_')}.json"
        if path.exists():
            report = json.loads(path.read_text(encoding="utf-8"))
            (RESULTS / comparison_plot.name(report)).write_text(
                comparison_plot.plot(report), encoding="utf-8"
            )
            parts.append(section(report))
    parts.append(oracles(json.loads((RESULTS / "libraries.json").read_text(encoding="utf-8"))))
    (RESULTS / "comparison.md").write_text("".join(parts).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
