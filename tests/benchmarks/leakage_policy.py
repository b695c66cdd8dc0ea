"""Tables of what is left of the sum, and of what policy does to every leak: made from the JSON, as all of them."""

from typing import Any

from tests.benchmarks.leak_members import ALARMS
from tests.benchmarks.leak_rest import ANY
from tests.benchmarks.leak_rows import releases
from tests.benchmarks.markdown import table

Json = dict[str, Any]
SIZE, BINARY = 5, "binary rows, no noise"
"""The consortium in which settings other than the cohort are compared, and the release without any."""


def policy(sales: list[Json], rest: list[Json], differencing: list[Json]) -> str:
    """Every setting on a line, every figure with what is had without the sum."""
    cohorts = [
        ("three companies, two of them together (refused unless accepted by name)", 3, 2, BINARY),
        ("three companies (refused by default)", 3, 1, BINARY),
        ("five companies", 5, 1, BINARY),
        ("ten companies", 10, 1, BINARY),
    ]
    settings = [(f"five companies, {each.name}", SIZE, 1, each.name) for each in releases()[1:]]
    lines = [_line(sales, rest, *each) for each in (*cohorts, *settings)]
    for wanted, words in ((None, "no noise"), (8.0, "epsilon 8")):
        row = next(r for r in differencing if (r["rows"], r["epsilon"]) == ("unit", wanted))
        beside = f"{row['buyers_error']:.3f} ({row['baseline_buyers_error']:.3f})"
        lines.append(
            (
                f"five companies, then four of them, unit rows, {words} (refused by default)",
                "",
                beside,
                "",
                "",
            )
        )
    return table(
        "What policy does",
        "The leaks of the sections below, one setting a line. *In brackets: what the same attacker has without the "
        "sum*; of a customer that is the share that guessing finds. Sold: AUC of 'sold by company X'. Buyers: error of "
        "the guessed buyers by concept, as a share of all of X's (of two sums with one member changed: of the cells of "
        "the quarter of the concepts with most buyers). Customers: found among the others' by one member that subtracts "
        f"its own answer, at {ALARMS:.1%} false alarms (where two subtract theirs from three, one company is left: "
        "'Is this customer in the release?').",
        (
            "setting",
            "sold by X",
            "buyers at X",
            "customer whose row is known",
            "customers, all rows known",
        ),
        lines,
    )


def _line(
    sales: list[Json], rest: list[Json], words: str, companies: int, colluders: int, release: str
) -> tuple[str, ...]:
    sold = next(
        r for r in sales if (r["companies"], r["colluders"], r["release"]) == (companies, colluders, release)
    )
    found = {
        r["attacker"]: f"{r['true_positive_rate']:.2%} ({ALARMS:.1%})"
        for r in rest
        if (r["companies"], r["release"]) == (companies, release) and colluders == 1
    }
    return (
        words,
        f"{sold['sold_auc']:.3f} ({sold['sold_auc_without_the_sum']:.3f})",
        f"{sold['volume_error_with_own']:.3f} ({sold['volume_error_own_only']:.3f})",
        found.get("own cells", ""),
        found.get("all rows known", ""),
    )


def rest(rows: list[Json]) -> str:
    """Whether a customer is in the sum of the others."""
    cases = {(r["companies"], r["release"]): {} for r in rows if r["release"] != ANY}
    for row in rows:
        if row["release"] != ANY:
            cases[row["companies"], row["release"]][row["attacker"]] = row
    shown = table(
        "Is this customer in the sum of the others?",
        "One member subtracts its own answer, noise included, and attacks the rest: the sum of two, four or nine real "
        "companies with the noise of each. Every account of theirs is a customer by a fair coin, so that they are half "
        "as large as they are. *Own cells*, *all rows known*: as in the next section. *Own shop's row*: the attacker "
        "knows what a household buys at its own shop and asks whether it is a customer of any other company; half of "
        "those that are in the data are. Found: at 0.1% false alarms, where guessing finds 0.1% (AUC .5). Mean and "
        f"deviation over {rows[0]['games']} games, each with another seed and, as far as there are so many, another "
        "attacker. Claimed: the most that (epsilon, delta) allows of one account, whoever colludes; by the noise: the "
        "most that the noise of all others together allows. With a cap those who are not counted cannot be found.",
        (
            "companies",
            "release",
            "customers in the sum",
            "own cells: AUC",
            "own cells: found",
            "all rows known: AUC",
            "all rows known: found",
            "claimed",
            "by the noise",
            "own shop's row: AUC",
            "own shop's row: found",
        ),
        [
            (
                companies,
                release,
                f"{found['own cells']['customers']:,.0f}",
                *_how_well(found["own cells"]),
                *_how_well(found["all rows known"]),
                f"{found['own cells']['bound']:.2%}",
                f"{found['own cells']['bound_noise']:.2%}",
                *_how_well(found["own shop's row"]),
            )
            for (companies, release), found in cases.items()
        ],
    )
    guesses = [
        f"{r['auc']:.3f} ± {r['auc_spread']:.3f} ({r['companies']} companies)"
        for r in rows
        if r["release"] == ANY
    ]
    return shown + (
        "How much a household buys at the attacker's shop, as a guess that needs no sum, has AUC "
        f"{', '.join(guesses)}: members are drawn at random here.\n\n"
    )


def _how_well(row: Json) -> tuple[str, str]:
    return (
        f"{row['auc']:.3f} ± {row['auc_spread']:.3f}",
        f"{row['true_positive_rate']:.2%} ± {row['true_positive_rate_spread']:.2%}",
    )
