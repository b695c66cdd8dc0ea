"""The tables and the reliability plot of the surprise benchmark, made from its JSON files and nothing else.

    python -m tests.benchmarks.surprise_table

writes ``results/surprise.md`` and ``results/reliability.svg``.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.markdown import table
from tests.benchmarks.surprise_dial import BASELINE, BOUNDS

RESULTS = Path(__file__).parent / "results"
SIDE, MARGIN = 300, 50
Json = dict[str, Any]


def section(report: Json) -> str:
    """All tables of one number of companies."""
    k = report["companies"]
    parts = [f"# K = {k}\n\n"]
    for name, steps in report["dial"].items():
        parts.append(
            table(
                f"K = {k}, {name}: what boldness costs and brings",
                "From familiar to bold; `{min, max}` are the bounds of a request. Loss against the federated EASE list "
                "of the same run, in weeks 41-53, 95% by bootstrap over customers; means over companies.",
                (
                    "step",
                    "nDCG@10",
                    "against federated EASE [95%]",
                    "worst company",
                    "coverage@10",
                    "",
                    "Gini",
                    "novelty, bits",
                    "surprise",
                ),
                [_step(row, steps[0]) for row in steps],
            )
        )
    parts.append(_chance(report, k))
    parts.append(_appetite(report["appetite"], k))
    parts.append(_sensitive(report["sensitive"], k))
    chosen = {
        name: ", ".join(
            f"tau {c[name]['tau']:g}, {c[name]['places']} bold"
            + (
                f" ({'/'.join(map(str, c[name]['by_appetite']))} by appetite)"
                if c[name]["by_appetite"]
                else ""
            )
            for c in report["choices"]
        )
        for name in report["dial"]
    }
    parts += [f"Chosen by the nodes, {name}: {words}.\n\n" for name, words in chosen.items()]
    made = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    parts.append(
        f"Command `{report['command']}`, commit {report['commit']}, data: {report['data']}; {made}.\n\n"
    )
    return "".join(parts)


def _step(row: Json, base: Json) -> tuple[str, ...]:
    gap, scale = row["difference"], base["value"]
    return (
        row["step"],
        f"{row['value']:.4f}",
        f"{gap['value'] / scale:+.1%} [{gap['low'] / scale:+.1%}, {gap['high'] / scale:+.1%}]",
        f"{row['worst']:.4f} ({row['worst_company']})",
        f"{row['coverage']:.3f}",
        f"{row['coverage_gain']:+.0%}",
        f"{row['gini']:.3f}",
        f"{row['novelty']:.2f}",
        "" if row["surprise"] is None else f"{row['surprise']:.3f}",
    )


def _chance(report: Json, k: int) -> str:
    rows = []
    for name, found in report["chance"].items():
        for who, figures in found["figures"].items():
            ece, brier = figures["ece_95"], figures["brier_95"]
            rows.append(
                (
                    name,
                    who,
                    f"{found['suggestions']:,}",
                    f"{found['kept']:.2%}",
                    f"{figures['ece']:.4f} [{ece[0]:.4f}, {ece[1]:.4f}]",
                    f"{figures['brier']:.5f} [{brier[0]:.5f}, {brier[1]:.5f}]",
                )
            )
    return table(
        f"K = {k}: is the chance of a first purchase within 30 days kept?",
        "Everybody's list as served after week 40, judged by the 30 days after. The base rate promises every suggestion "
        "what such a list kept in validation weeks: well calibrated by construction, and it tells nothing apart.",
        (
            "scenario",
            "who promises",
            "suggestions",
            "kept",
            "expected calibration error [95%]",
            "Brier score [95%]",
        ),
        rows,
    )


def _appetite(found: Json, k: int) -> str:
    def shown(name: str) -> str:
        each = found[name]
        return f"{each['value']:.4f} [{each['low']:.4f}, {each['high']:.4f}]"

    return table(
        f"K = {k}: who buys something unexpected within 30 days",
        f"AUC over {found['customers']:,} customers, of whom {found['share_unexpected']:.0%} did; mean over companies, 95% by "
        "bootstrap over customers. Both models are fitted on the 30 days after week 33 and judged by those after week 40.",
        ("", "activity alone", "activity and habits", "gain"),
        [
            ("all customers", shown("activity"), shown("appetite"), shown("gain")),
            (
                "within quintiles of activity",
                shown("activity_within"),
                shown("appetite_within"),
                shown("gain_within"),
            ),
        ],
    )


def _sensitive(found: Json, k: int) -> str:
    rows = [
        (
            name,
            f"{each['concepts']:.0f}",
            f"{each['share_of_targets']:.1%}",
            f"{each['ndcg_without']:.4f}",
            f"{each['ndcg_with']:.4f}",
        )
        for name, each in found.items()
    ]
    return table(
        f"K = {k}: what denying sensitive categories costs",
        "Concepts denied by default of all, the share of later first purchases that are of them, and nDCG@10 of the "
        "other purchases with lists that may, and that may not, show or learn from them.",
        ("scenario", "denied concepts", "of targets", "nDCG@10 without denial", "with denial"),
        rows,
    )


def plot(report: Json) -> str:
    """Promised against kept, in tenths, one panel a scenario, with 95% intervals."""
    panels = list(report["chance"].items())
    wide, high = len(panels) * (SIDE + MARGIN) + MARGIN, SIDE + 2 * MARGIN
    head = f'viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="12"'
    body = [
        line
        for place, (name, found) in enumerate(panels)
        for line in _panel(
            f"{name}, K = {report['companies']}", found["bins"], MARGIN + place * (SIDE + MARGIN)
        )
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {head}>',
            f'<rect width="{wide}" height="{high}" fill="white"/>',
            *body,
            "</svg>",
            "",
        ]
    )


def _panel(name: str, bins: list[Json], left: int) -> Iterator[str]:
    most = 1.05 * max(max(b["promised"], b["high"]) for b in bins)

    def x(share: float) -> float:
        return left + SIDE * share / most

    def y(share: float) -> float:
        return MARGIN + SIDE * (1 - share / most)

    yield f'<text x="{left}" y="{MARGIN - 16}">{name}: kept against promised</text>'
    yield f'<rect x="{left}" y="{MARGIN}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#ddd"/>'
    yield f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(most):.1f}" y2="{y(most):.1f}" stroke="#999" stroke-dasharray="4"/>'
    for tick in (0.0, most / 2, most):
        yield f'<text x="{x(tick):.1f}" y="{MARGIN + SIDE + 16}" text-anchor="middle">{tick:.1%}</text>'
        yield f'<text x="{left - 4}" y="{y(tick) + 4:.1f}" text-anchor="end" font-size="10">{tick:.1%}</text>'
    for each in bins:
        at = x(each["promised"])
        yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y(each["low"]):.1f}" y2="{y(each["high"]):.1f}" stroke="#0a6"/>'
        yield f'<circle cx="{at:.1f}" cy="{y(each["kept"]):.1f}" r="3.5" fill="#0a6"/>'


def write(out: Path) -> None:
    """Write both files beside the JSON in ``out``."""
    paths = sorted(out.glob("surprise_k*.json"), key=lambda path: int(path.stem.removeprefix("surprise_k")))
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    head = (
        "The surprise engine on real purchases; how it works: [`participant/surprise`](../../../participant/surprise/README.md).\n\n"
        "![Kept against promised chances of a first purchase within 30 days](reliability.svg)\n\n"
    )
    text = head + "".join(map(section, reports)).rstrip() + "\n"
    (out / "surprise.md").write_text(text, encoding="utf-8")
    (out / "reliability.svg").write_text(plot(reports[0]), encoding="utf-8")
    print(f"written: surprise.md and reliability.svg, {BASELINE} and {len(BOUNDS)} bounds")


def main() -> None:
    """Take the folder from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON files are")
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
