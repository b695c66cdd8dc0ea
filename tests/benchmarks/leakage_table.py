"""The Markdown tables of what the sum leaks, made from the JSON and nothing else.

    python -m tests.benchmarks.leakage_table

writes ``results/leakage.md``.
"""

import json
from pathlib import Path
from typing import Any

from tests.benchmarks import leakage_policy
from tests.benchmarks.markdown import table

RESULTS = Path(__file__).parent / "results"
Json = dict[str, Any]


def sold(rows: list[Json]) -> str:
    """Which concepts another company sells."""
    return table(
        "What another company sells, from the sum minus one's own answer",
        "AUC of 'sold by company X', mean over attackers and targets [lowest, highest]. The attacker knows it of half "
        "of the concepts, from X's shelves, learns from them how to weigh its evidence, and is asked about the other "
        "half. Baselines: the same attacker without the sum, and the concept's buyers at the attacker. Always-yes "
        "has an AUC of .5 and is right in the share of the last column. Minimum cohort: read down n; a cohort of "
        "three is refused by default.",
        ("companies", "colluders", "release", "with the sum", "without it", "own popularity", "sold"),
        [
            (
                row["companies"],
                row["colluders"],
                row["release"],
                _spread(row, "sold_auc"),
                _spread(row, "sold_auc_without_the_sum"),
                f"{row['sold_auc_own_popularity']:.3f}",
                f"{row['sold_share']:.2f}",
            )
            for row in rows
        ],
    )


def volume(rows: list[Json]) -> str:
    """How many buyers each concept has at another company."""
    return table(
        "How much another company sells",
        "Sum over concepts of |guessed - true buyers|, divided by all true buyers of X: mean [lowest, highest]. "
        "Guesses: the rest of the sum in equal parts; by the companies' public sizes; the best linear mix of that "
        "with the attacker's own volumes, by how loud the noise is known to be. Baseline: the attacker's own "
        "volumes by size.",
        ("companies", "colluders", "release", "rest / others", "by size", "mixed with own", "own only"),
        [
            (
                row["companies"],
                row["colluders"],
                row["release"],
                *(
                    _spread(row, f"volume_error_{name}")
                    for name in ("equal_parts", "by_size", "with_own", "own_only")
                ),
            )
            for row in rows
        ],
    )


def differencing(rows: list[Json], refusals: list[Json]) -> str:
    """What the difference of two releases shows, and what is refused."""
    shown = table(
        "Two releases with one member changed",
        "Five companies, then four of them: the difference against the matrix of the one that left "
        "(the quarter of the "
        "concepts with most buyers). Relative error: of the whole matrix (Frobenius); largest cell: the largest error "
        "of one cell, in customers; diagonal: sum of |error| as a share of all its buyers. Baseline, the same error of "
        "who has no difference: the mean of the others' matrices at the public size.",
        (
            "rows",
            "epsilon",
            "relative error",
            "baseline",
            "largest cell",
            "baseline",
            "diagonal",
            "baseline",
        ),
        [
            (
                row["rows"],
                _epsilon(row),
                f"{row['relative_error']:.3g}",
                f"{row['baseline_relative_error']:.3g}",
                f"{row['largest_cell_error']:.3g}",
                f"{row['baseline_largest_cell_error']:.3g}",
                f"{row['buyers_error']:.3g}",
                f"{row['baseline_buyers_error']:.3g}",
            )
            for row in rows
        ],
    )
    return shown + table(
        "What a node with the default policy refuses",
        "After a release of the whole cohort: later sets of survivors by how many members differ. Without the rule "
        "none is refused; d: the fewest that must differ.",
        ("companies", "d", "change", "differing", "sets", "refused"),
        [
            tuple(row[k] for k in ("companies", "d", "change", "changed", "sets", "refused"))
            for row in refusals
        ],
    )


def membership(rows: list[Json], activity: Json) -> str:
    """Whether a customer is in a release."""
    shown = table(
        "Is this customer in the release?",
        "One company's customers and noise alone (all others collude, which is more than nodes allow); half of a "
        "population of twice its customers is in. *own cells*: likelihood ratio, from shadow releases, of the "
        "target's own cells weighted by its row. *all rows known*: the attacker has everybody's row. *activity*: "
        "heavy buyers are in; the game draws members at random, so that it must be at chance. Deviation over four "
        "parts of the releases. A guesser has an AUC of .5 and finds 0.1%. Allowed: the most that (epsilon, delta) "
        "claims, and the most that this noise allows. An attacker who knows all "
        "others' rows and that they are in needs no statistics without noise: it subtracts them. Customers with "
        "equal rows cannot be told apart. The small company is also what a cap of about a hundred customers does.",
        (
            "company",
            "customers",
            "rows",
            "epsilon",
            "attacker",
            "AUC",
            "found at 0.1% false alarms",
            "claimed",
            "by the noise",
        ),
        [
            (
                row["company"],
                row["customers"],
                row["rows"],
                "any" if row["attacker"] == "activity" else _epsilon(row),
                row["attacker"],
                f"{row['auc']:.3f} ± {row['auc_spread']:.3f}",
                f"{row['true_positive_rate']:.2%} ± {row['true_positive_rate_spread']:.2%}",
                f"{row['bound']:.2%}" if "bound" in row else "",
                f"{row['bound_noise']:.2%}" if "bound" in row else "",
            )
            for row in rows
        ],
    )
    return shown + (
        f"Without any release, in the real companies: how much a household buys at one company, as a "
        f"guess that it is a customer of another "
        f"one, has AUC {activity['auc']:.3f} [{activity['lowest']:.3f}, {activity['highest']:.3f}] over "
        f"{activity['pairs']} pairs of five companies.\n\n"
    )


def audit(rows: list[Json]) -> str:
    """What planted customers show."""
    return table(
        "Epsilon found by canaries",
        "Lower bounds with 95% confidence; they must lie below the claim. With half of the noise they"
        " must not.",
        ("claimed", "sampler", "trials", "found, Gaussian noise", "found, any mechanism", "above the claim"),
        [
            (
                f"{row['claimed']:g}",
                row["sampler"],
                f"{row['trials']:,}",
                f"{row['lower_bound']:.2f}",
                f"{row['lower_bound_any_mechanism']:.2f}",
                "yes" if row["caught"] else "no",
            )
            for row in rows
        ],
    )


def _spread(row: Json, name: str) -> str:
    low, high = row["range"][name]
    return f"{row[name]:.3f} [{low:.3f}, {high:.3f}]"


def _epsilon(row: Json) -> str:
    return "no noise" if row["epsilon"] is None else f"{row['epsilon']:g}"


def main() -> None:
    """Write the tables."""
    report = json.loads((RESULTS / "leakage.json").read_text(encoding="utf-8"))
    parts = {
        name: report[name]["rows"]
        for name in report
        if isinstance(report[name], dict) and "rows" in report[name]
    }
    made = {
        "policy": lambda _: leakage_policy.policy(parts["sales"], parts["rest"], parts["differencing"]),
        "sales": lambda rows: sold(rows) + volume(rows),
        "differencing": lambda rows: differencing(rows, parts["refusals"]),
        "rest": leakage_policy.rest,
        "membership": lambda rows: membership(rows, parts["activity"][0]),
        "audit": audit,
    }
    text = "# What the sum itself leaks\n\n" + "".join(
        make(parts.get(name, [])) for name, make in made.items()
    )
    commits = ", ".join(sorted({report[name]["commit"] for name in parts}))
    text += (
        f"Command `{report['command']}`, commit {commits}, delta {report['delta']:g}, data: {report['data']}; "
        + ", ".join(f"{name} {number}" for name, number in report["versions"].items())
        + ". Everything is seeded; ranges are over attackers and targets.\n"
    )
    (RESULTS / "leakage.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
