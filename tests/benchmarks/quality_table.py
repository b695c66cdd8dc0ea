"""The Markdown table of the quality benchmark, made from its JSON files and nothing else.

    python -m tests.benchmarks.quality_table

writes ``results/quality.md``.
"""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
SETTING = ("tau", "beta", "diversity", "places")
HEAD = (
    "| metric | arm | mean [95%] | worst company | against tuned local [95%] | below local: nominal, significant "
    "| coverage@10 | Gini | novelty, bits |\n|---|---|---|---|---|---|---|---|---|\n"
)


def section(path: Path) -> str:
    """One file's table with what it was measured on."""
    report = json.loads(path.read_text(encoding="utf-8"))
    companies = report["companies"]
    rows = "".join(_row(row, companies) for row in report["rows"])
    total, check = report["secure_sum"], report["oracle"]
    deployed = sum(c["deployed"] for node in report["nodes"] for c in node["choices"].values())
    return (
        f"## K = {companies}\n\n{HEAD}{rows}\n"
        f"Largest error of the released sum: {total['largest_error']:g} (proven bound {total['proven_bound']:g}); "
        f"rankings from both sums equal: {'yes' if total['rankings_equal'] else 'no'}. "
        f"Largest gap to the independent oracle: {check['largest_gap']:.1e} "
        f"(equal to 4 decimals: {'yes' if check['equal_to_4_decimals'] else 'no'}). "
        f"The gate deployed the exchange in {deployed} of {2 * companies} scenario decisions.\n\n"
        f"{_boldness(report['nodes'])}\n"
        f"Command `{report['command']}`, commit {report['commit']}, data: {report['data']}; "
        + ", ".join(f"{name} {number}" for name, number in report["versions"].items())
        + ".\n"
    )


def _boldness(nodes: list[dict[str, Any]]) -> str:
    """What each setting did to *surprise* on the companies' own validation weeks, and who chose it."""
    chosen = [node["choices"]["surprise"]["boldness_on_validation"] for node in nodes]
    lines = [
        "Boldness of the *surprise* lists on the companies' own validation weeks (34-40), no test week:\n",
        "| tau | appeal exponent | diversity | bold places | nDCG@10 on validation | against the order of likelihood | chosen by |",
        "|---|---|---|---|---|---|---|",
    ]
    for place, setting in enumerate(chosen[0]["trials"]):
        trials = [one["trials"][place] for one in chosen]
        plain = sum(one["trials"][-1]["ndcg"] for one in chosen)
        key = tuple(setting.get(name, 0) for name in SETTING)
        takers = sum(tuple(one.get(name, 0) for name in SETTING) == key for one in chosen)
        lines.append(
            f"| {key[0]:g} | {key[1]:g} | {key[2]:g} | {key[3]} | {sum(t['ndcg'] for t in trials) / len(trials):.4f} "
            f"| {sum(t['against_plain'] for t in trials) / plain:+.1%} | {takers} of {len(chosen)} |"
        )
    return "\n".join(lines) + "\n"


def _row(row: dict[str, Any], companies: int) -> str:
    difference, below = row["difference"], row["below_local"]
    base = row["baseline"]
    relative = difference["value"] / base["value"]
    return (
        f"| {row['metric']} | {row['arm']} | {row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}] "
        f"| {row['worst']:.4f} (company {row['worst_company']}) "
        f"| {difference['value']:+.4f} [{difference['low']:+.4f}, {difference['high']:+.4f}] ({relative:+.1%}) "
        f"| {len(below['nominal'])}, {len(below['significant'])} of {companies} "
        f"| {row['coverage']:.3f} | {row['gini']:.3f} | {row['novelty']:.2f} |\n"
    )


def real_round(demo: dict[str, Any]) -> str:
    """The same figures of the demo's companies: real processes, one real round over Flower."""
    lines = [
        "## K = 5, from the demo's real round\n",
        "Lists as served by the five nodes of `make demo`, weeks 41-53; means over companies, worst company named.\n",
        "| metric | tuned local EASE | list as served | difference | worst company |",
        "|---|---|---|---|---|",
    ]
    for scenario in ("explore", "surprise"):
        arms = {one["company"]: one["ndcg_at_10"][scenario] for one in demo["headline"]}
        local, served = (
            sum(figures[arm]["value"] for figures in arms.values()) / len(arms)
            for arm in ("local", "exchange")
        )
        worst = min(arms, key=lambda name: arms[name]["exchange"]["value"])
        gained = arms[worst]["gained"]
        lines.append(
            f"| {scenario} nDCG@10 | {local:.4f} | {served:.4f} | {served - local:+.4f} ({served / local - 1:+.1%}) "
            f"| {worst}: {arms[worst]['exchange']['value']:.4f}, {gained['value']:+.4f} against local "
            f"[{gained['low']:+.4f}, {gained['high']:+.4f}] |"
        )
    lines.append(f"\nCommand `make demo ARGS=--yes`, commit {demo['commit'][:20]}.\n")
    return "\n".join(lines)


def main() -> None:
    """Write the table of every result file there is."""
    paths = sorted(RESULTS.glob("quality_k*.json"), key=lambda path: int(path.stem.removeprefix("quality_k")))
    demo = json.loads((RESULTS / "demo.json").read_text(encoding="utf-8"))
    text = "# Quality of the exchange\n\n" + "\n".join([*map(section, paths), real_round(demo)])
    (RESULTS / "quality.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
