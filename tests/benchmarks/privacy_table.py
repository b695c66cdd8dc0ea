"""Table and plot of quality against epsilon, made from the JSON and nothing else.

    python -m tests.benchmarks.privacy_table

writes ``results/privacy_quality.md`` and ``results/privacy_quality.svg``.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from protocols.questions.planner import WITH_OWN
from tests.benchmarks.privacy_arms import OTHERS, OTHERS_AT
from tests.benchmarks.privacy_choice_table import sections
from tests.benchmarks.privacy_own import ALONE
from tests.benchmarks.privacy_plot import ARMS, EPSILONS, POPULATIONS, at, plot
from tests.benchmarks.privacy_served import BESIDE, WHOLE
from tests.benchmarks.privacy_verdicts import EXPLORE, SURPRISE, TYPES, find

RESULTS = Path(__file__).parent / "results"
Json = dict[str, Any]
MISSING = "not measured"


def table(points: list[Json], level: str, metric: str) -> str:
    """One level and metric: arms and populations down, epsilon across; mean, spread by seed, worst company."""
    lines = [
        f"### {metric} nDCG@10, {level}\n",
        "| read | customers | no noise | epsilon 8 | 4 | 2 | 1 |",
        "|---|---|---|---|---|---|---|",
    ]
    for arm in (*ARMS, WITH_OWN):
        for population in POPULATIONS:
            cells = [_cell(at(points, level, arm, epsilon, population), metric) for epsilon in EPSILONS]
            if any(cell != MISSING for cell in cells[1:]):
                count = _customers(points, level) * population
                lines.append(f"| {arm} | {count:,} (x{population}) | " + " | ".join(cells) + " |")
    floors = [
        f"{arm} {_cell(point, metric)}"
        for arm in ("popularity", "own model", ALONE)
        if (point := find(points, level=level, arm=arm))
    ]
    return "\n".join(lines) + "\n\nWithout an exchange: " + "; ".join(floors) + ".\n"


def _customers(points: list[Json], level: str) -> int:
    found = next(p for p in points if p["level"] == level and "population" in p)
    return int(found["customers"] // found["population"])


def _cell(point: Json | None, metric: str) -> str:
    if point is None:
        return MISSING
    seeds = [float(np.mean(seed[metric])) for seed in point["seeds"]]
    worst = float(np.min(np.mean([seed[metric] for seed in point["seeds"]], axis=0)))
    spread = f" ± {np.std(seeds, ddof=1):.4f}" if len(seeds) > 1 else ""
    return f"{np.mean(seeds):.4f}{spread} (worst {worst:.4f})"


def tried(points: list[Json]) -> str:
    """Every other row scheme and reading, beside the chosen one at the same noise."""
    lines = [
        "## Other mechanisms at the same noise\n",
        "| mechanism | epsilon, customers | explore | surprise |",
        "|---|---|---|---|",
    ]
    known = [p for p in points if p["level"] == TYPES and "population" in p and p["arm"] != WITH_OWN]
    compared = {(p["epsilon"], p["population"]) for p in known if p["arm"] not in ARMS}
    for point in sorted(known, key=_noise):
        if (point["epsilon"], point["population"]) not in compared:
            continue
        noise = "no noise" if point["epsilon"] is None else f"{point['epsilon']:g}, x{point['population']}"
        lines.append(f"| {point['arm']} | {noise} | {_cell(point, EXPLORE)} | {_cell(point, SURPRISE)} |")
    lines += [
        f"| {arm} | {epsilon:g}, x{population} | {MISSING} | {MISSING} |"
        for epsilon, population in OTHERS_AT
        for arm in OTHERS
        if at(points, TYPES, arm, epsilon, population) is None
    ]
    return "\n".join(lines) + "\n"


def _noise(point: Json) -> tuple[float, float]:
    """No noise first, then from the smallest epsilon for the most customers to the largest for the fewest."""
    return (-point["population"], point["epsilon"]) if point["epsilon"] else (-np.inf, 0.0)


def low_rank(report: Json) -> str:
    """Low rank beside cell by cell, at the same noise."""
    lines = [
        "## Low rank instead of cell by cell\n",
        (
            "Eigenvalues shrunk, those below the noise's edge left out, beside the noise-aware reading; ridges chosen "
            "alike.\n"
        ),
        "| level | epsilon, customers | explore: low rank | noise-aware | surprise: low rank | noise-aware |",
        "|---|---|---|---|---|---|",
    ]
    for point in report["low_rank"]:
        other = at(report["points"], point["level"], "noise-aware", point["epsilon"], point["population"])
        cells = [_cell(each, metric) for metric in (EXPLORE, SURPRISE) for each in (point, other)]
        lines.append(
            f"| {point['level']} | {point['epsilon']:g}, x{point['population']} | {' | '.join(cells)} |"
        )
    return "\n".join(lines) + "\n"


def served(report: Json) -> str:
    """What nodes make of a noisy release with the code that they run, beside their own models."""
    lines = [
        "## What a node makes of it\n",
        (
            "With the code of the node, at real size: choices by each company on its own validation weeks, with other "
            "noise than on test weeks. *Beside*: own exact statistics beside the others' noisy sum; *as a whole*: the "
            "noisy sum, its ridge chosen by all. Either stands behind the gate, and counts as the own model where that "
            "keeps it out. ± is the standard deviation over seeds of the noise.\n"
        ),
        "| level | epsilon | metric | own model | as a whole, gated | beside, gated | beside against own [95%] | below own: nominal, significant | deployed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    beside = [row for row in report["rows"] if row["arm"] == BESIDE]
    for row in beside:
        same = ("level", "epsilon", "metric")
        whole = find(report["rows"], arm=WHOLE, **{name: row[name] for name in same})
        difference, below = row["difference"], row["below_own"]
        epsilon = "no noise" if row["epsilon"] is None else f"{row['epsilon']:g}"
        lines.append(
            f"| {row['level']} | {epsilon} | {row['metric'].split()[0]} | {row['baseline']['value']:.4f} "
            f"| {_seeds(whole)} | {_seeds(row)} "
            f"| {difference['value']:+.4f} [{difference['low']:+.4f}, {difference['high']:+.4f}] "
            f"| {len(below['nominal'])}, {len(below['significant'])} of {len(row['by_company'])} "
            f"| {row['deployed']} of {row['decisions']} |"
        )
    return "\n".join(lines) + f"\n\nCommand `{report['command']}`, commit {report['commit']}.\n"


def _seeds(row: Json | None) -> str:
    if row is None:
        return MISSING
    spread = f" ± {np.std(row['seeds'], ddof=1):.4f}" if len(row["seeds"]) > 1 else ""
    return f"{row['value']:.4f}{spread}"


def alternatives(found: Sequence[Json]) -> str:
    """What beats the plain Gram at equal epsilon, and what beats staying alone."""
    lines = [
        "## What beats the plain Gram at equal epsilon\n",
        (
            "Cases of one level, epsilon and number of customers in which *surprise* is higher; beside own models at "
            "real size only, against the best that companies have without an exchange, read either way.\n"
        ),
        "| alternative | above the plain Gram | above own models |",
        "|---|---|---|",
    ]
    lines += [
        f"| {each['name']} | {each['above_plain']} of {each['beside_plain']} "
        f"| {each['above_own']} of {each['beside_own']} |"
        for each in found
    ]
    return "\n".join(lines) + "\n"


def bars(report: Json) -> str:
    """The bars, held or not."""
    lines = ["## Bars\n", "| loss | measured | bar | held |", "|---|---|---|---|"]
    lines += [
        f"| {bar['what']} | {bar['loss']:+.1%} (by seed {', '.join(f'{x:+.1%}' for x in bar['by_seed'])}) "
        f"| {bar['bar']:.0%} | {'yes' if bar['held'] else 'no'} |"
        for bar in report["bars"]
    ]
    return "\n".join(lines) + "\n"


def planner(report: Json) -> str:
    """How often the planner's word was right."""
    found = report["planner"]
    lines = [
        "## The planner against the measurements\n",
        (
            "Would the release beat popularity and the companies' own models on *surprise*? The planner says so "
            "from public numbers alone.\n"
        ),
        "| level | read | right | threshold set here |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {rate['level']} | {rate['reading']} | {rate['right']} of {rate['of']} "
        f"| {'yes' if rate['set_here'] else 'no'} |"
        for rate in found["rates"]
    ]
    wrong = [trial for trial in found["trials"] if trial["predicted"] != trial["measured"]]
    lines += [
        f"\nWrong: {trial['level']}, {trial['reading']}, epsilon {trial['epsilon']:g}, x{trial['population']}: "
        f"1 in {1 / trial['limit']:,.0f} rows a direction, measured {trial['against_best_baseline']:+.1%} against the better baseline."
        for trial in wrong
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both."""
    report = json.loads((RESULTS / "privacy_quality.json").read_text(encoding="utf-8"))
    choice = json.loads((RESULTS / "privacy_choice.json").read_text(encoding="utf-8"))
    points = report["points"]
    levels = dict.fromkeys(p["level"] for p in points if "population" in p)
    text = "# Quality under differential privacy\n\n" + "\n".join(
        [
            (
                "A release adds the noise of five companies, each its own in full (delta "
                f"{report['delta']:g}); 10 and 100 times the customers are emulated by a tenth and a hundredth of "
                "the noise on the same sums, while the companies' own models stay those of the real size. Ridges are "
                "chosen on validation weeks, by metric; ± is the standard deviation over seeds of the noise. A way to read that has no row at a level was not measured there. *Noise-aware* is "
                "cell by cell with categories and tempered ranks, the reading before decision 26; what nodes read now is "
                "in the section *Which way to read*.\n"
            ),
            "![surprise and explore against epsilon](privacy_quality.svg)\n",
            bars(report),
            *(table(points, level, metric) for level in levels for metric in (EXPLORE, SURPRISE)),
            served(json.loads((RESULTS / "privacy_served.json").read_text(encoding="utf-8"))),
            tried(points),
            low_rank(report),
            sections(choice),
            alternatives([*report["alternatives"], *choice["alternatives"]]),
            planner(report),
            f"Command `{report['command']}`, commit {report['commit']}, data: {report['data']}; "
            + ", ".join(f"{name} {number}" for name, number in report["versions"].items())
            + ".\n",
        ]
    )
    (RESULTS / "privacy_quality.md").write_text(text, encoding="utf-8")
    (RESULTS / "privacy_quality.svg").write_text(plot(points), encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
