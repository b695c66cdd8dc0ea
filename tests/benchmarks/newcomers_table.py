"""The Markdown of the newcomer benchmarks, made from their JSON and nothing else.

    python -m tests.benchmarks.newcomers_table

writes ``results/newcomers.md``.
"""

import json
from pathlib import Path
from typing import Any

from tests.benchmarks.markdown import table

RESULTS = Path(__file__).parent / "results"
HEAD = (
    "arm",
    "setting",
    "nDCG@10 [95%]",
    "worst company",
    "against the baseline [95%]",
    "companies below it",
    "customers",
)
TITLES = {
    "listings": (
        "New listings that others sell under a shared concept",
        "A fifth of the concepts hidden from each company; it ranks them for its customers. Baseline: popularity elsewhere.",
    ),
    "unshared": (
        "New listings without a shared concept, sold elsewhere under the same words",
        (
            "A fifth of the concepts in no vocabulary; each company never sold half of them. All that is known is the text. "
            "The words are the same at all companies, the best case for a text. Baseline: a regression of own popularity on texts."
        ),
    ),
    "exclusive": (
        "New listings without a shared concept that nobody ever sold",
        "The same, but no company sold any of the new listings. Baseline as before.",
    ),
    "customers": ("Cold customers", "At most three baskets at the company. Baseline: local popularity."),
    "shops": (
        "New shops",
        "Each company in turn opened four weeks before the targets; the others are as old as ever. Baseline: local popularity.",
    ),
}


def rows(found: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    """Lines of one table."""
    return [
        (
            row["arm"],
            row["setting"],
            f"{row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]",
            f"{row['worst']:.4f}",
            ""
            if row["arm"] == row["baseline"]
            else f"{row['gain']:+.1%} [{row['gain_low']:+.1%}, {row['gain_high']:+.1%}]",
            row["companies_below"],
            row["customers"],
        )
        for row in found
    ]


def whom(found: list[dict[str, Any]]) -> str:
    """Whom to invite: AUC over all pairs of customers, and within fifths by activity."""
    return table(
        "Whom to invite to a new listing",
        "AUC of ranking a company's customers for each hidden concept with at least five buyers, mean over concepts, then "
        "companies. Within fifths by activity, most of what activity tells is taken out.",
        (
            "arm",
            "pairs",
            "AUC",
            "most active customers first",
            "difference [95%, by concept]",
            "worst company",
            "concepts",
        ),
        [
            (
                row["arm"],
                row["pairs"],
                f"{row['auc']:.4f}",
                f"{row['most active first']:.4f}",
                f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]",
                f"{row['worst_company']:+.4f}",
                row["concepts"],
            )
            for row in found
        ],
    )


def section(part: str, found: dict[str, Any]) -> str:
    """One part of the file."""
    title, says = TITLES[part]
    if "rows" in found:
        text = table(title, says, HEAD, rows(found["rows"]))
    else:
        text = "".join(
            table(f"{title}: {metric}", says, HEAD, rows(found[metric])) for metric in ("explore", "surprise")
        )
    if "whom" in found:
        text += whom(found["whom"])
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return f"{text}Command `{found['command']}`, commit {found['commit']}, {found['cpu_seconds']:.0f} s of CPU; {versions}.\n\n"


def main() -> None:
    """Write the table."""
    report = json.loads((RESULTS / "newcomers.json").read_text(encoding="utf-8"))
    text = (
        "# Newcomers\n\nCompanies with little or nothing to learn from, on dunnhumby's *The Complete Journey*, K = 5, weeks 41-53; "
        "every setting chosen on weeks 34-40. Intervals: 95% bootstrap by customer, paired where arms are compared.\n\n"
    )
    text += "".join(section(part, report[part]) for part in TITLES if part in report)
    (RESULTS / "newcomers.md").write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
