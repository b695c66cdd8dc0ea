"""What documents and pages say of leaks is what was measured: each figure in words, and each claim without one."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from coordinator.console import words as coordinator_words
from coordinator.shown import NO_PRIVACY as COORDINATOR_TERMINAL
from participant.console import budget_words
from participant.console import words as node_words
from protocols.privacy import DELTA_MAX, epsilon, multiplier_for

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "tests" / "benchmarks" / "results"
REPORT: dict[str, Any] = json.loads((RESULTS / "leakage.json").read_text(encoding="utf-8"))
STATEMENT = (ROOT / "README.md").read_text(encoding="utf-8").split("## What a release reveals\n")[1]
STATEMENT = STATEMENT.split("\n## ")[0]

PLAIN, UNIT = "binary rows, no noise", "unit rows, no noise"


def noisy(epsilon: int) -> str:
    return f"unit rows, epsilon {epsilon}"


def row(part: str, **wanted: object) -> dict[str, Any]:
    """The one row of a part of the report with these fields."""
    (found,) = [
        each for each in REPORT[part]["rows"] if all(each[name] == value for name, value in wanted.items())
    ]
    return found


def sales(release: str) -> dict[str, Any]:
    return row("sales", companies=5, colluders=1, release=release)


def found(attacker: str, release: str) -> float:
    """Customers found of those that are there, at one false alarm in 1,000; among four others."""
    return row("rest", companies=5, attacker=attacker, release=release)["true_positive_rate"]


def sold(release: str) -> str:
    here = sales(release)
    return f"{100 * here['sold_auc']:.0f} of 100 times ({100 * here['sold_auc_without_the_sum']:.0f} without the release)"


def buyers(release: str) -> str:
    here = sales(release)
    return f"{here['volume_error_with_own']:.0%} off ({here['volume_error_own_only']:.0%} without it)"


def of_1000(rate: float) -> str:
    return f"{1000 * rate:.0f} in 1,000" if rate > 0.01 else f"{1000 * rate:.1f} in 1,000"


LEFT = row("differencing", rows="unit", epsilon=2.0)
SMALL = row(
    "membership", company="smallest of twenty companies", rows="binary", epsilon=None, attacker="own cells"
)


def of_a_person(accounts: int) -> float:
    """The bound for accounts at so many companies in one release of epsilon 2, each under its own noise."""
    multiplier = multiplier_for(2.0, DELTA_MAX)
    return math.exp(epsilon(accounts / multiplier**2, DELTA_MAX)) / 1000


def colluding(epsilon: int) -> str:
    here = {"company": "smallest of twenty companies", "rows": "unit", "attacker": "all rows known"}
    return of_1000(row("membership", epsilon=float(epsilon), **here)["true_positive_rate"])


FIGURES = {
    "another member tells what is sold, without noise": sold(PLAIN),
    "and guesses how much": buyers(PLAIN),
    "the same with noise": sold(noisy(2)),
    "and how much, with noise": buyers(noisy(2)),
    "a company that leaves, with noise": (
        f"errors of {LEFT['relative_error']:.0f} times their size "
        f"(a guess: {LEFT['baseline_relative_error']:.2f} times)"
    ),
    "everybody's rows known": of_1000(found("all rows known", PLAIN)),
    "one customer's row known": of_1000(found("own cells", PLAIN)),
    "one customer's row known, rows of length one": of_1000(found("own cells", UNIT)),
    "a small company": "in a company of {customers}, all others colluding, one customer's purchases find {rate}".format(
        customers=SMALL["customers"], rate=of_1000(SMALL["true_positive_rate"])
    ),
    "own shop's row": of_1000(found("own shop's row", PLAIN)),
    "with noise, epsilon 2": of_1000(found("all rows known", noisy(2))),
    "with noise, epsilon 8": of_1000(found("all rows known", noisy(8))),
    "with noise, all others colluding": (
        f"company of {SMALL['customers']}, {colluding(2)} at 2 and {colluding(8)} at 8"
    ),
    "claimed of a person with three accounts": f"{of_1000(of_a_person(accounts=3))} of a person with accounts at three",
    "claimed at epsilon 2": of_1000(
        row("rest", companies=5, attacker="own cells", release=noisy(2))["bound"]
    ),
}
CONSTANTS = {"1", "1,000", "100", "2", "8", "5,736"}
"""Numbers of the statement that are no result: alarms, epsilons, the data's size."""


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("says", FIGURES.values(), ids=FIGURES)
def test_each_figure_of_the_statement_is_the_measured_one(says: str) -> None:
    assert says in flat(STATEMENT)


def test_the_statement_names_no_other_figure() -> None:
    text = re.sub(r"\]\([^)]*\)", "]", flat(STATEMENT))
    for says in FIGURES.values():
        text = text.replace(says, "")
    assert set(re.findall(r"\d[\d.,]*\d|\d", text)) <= CONSTANTS


def much_is_told_of_companies() -> bool:
    here = sales(PLAIN)
    told = here["sold_auc"] - here["sold_auc_without_the_sum"] > 0.03
    return told and here["volume_error_with_own"] < 0.75 * here["volume_error_own_only"]


def little_is_told_of_companies_under_noise() -> bool:
    cases = [sales(noisy(epsilon)) for epsilon in (8, 4, 2, 1)]
    return all(
        each["sold_auc"] - each["sold_auc_without_the_sum"] < 0.01
        and each["volume_error_with_own"] > 0.9 * each["volume_error_own_only"]
        for each in cases
    )


def customers_are_told_by_who_knows_all_rows() -> bool:
    return found("all rows known", PLAIN) > 0.95


def epsilon_8_claims_nothing_at_one_false_alarm_in_1000() -> bool:
    return row("rest", companies=5, attacker="own cells", release=noisy(8))["bound"] == 1.0


def less_is_found_at_smaller_epsilon() -> bool:
    rates = [found("all rows known", noisy(epsilon)) for epsilon in (8, 4, 2, 1)]
    return rates == sorted(rates, reverse=True)


def subtraction_is_exact() -> bool:
    errors = [row("differencing", rows=rows, epsilon=None)["relative_error"] for rows in ("binary", "unit")]
    return max(errors) < 1e-12


def a_changed_cohort_of_five_is_refused() -> bool:
    here = row("refusals", companies=5, change="gone", changed=1)
    return here["refused"] == here["sets"] == 5


def dividing_rows_hides_no_count() -> bool:
    errors = [sales(release)["volume_error_by_size"] for release in (PLAIN, UNIT)]
    return abs(errors[0] - errors[1]) < 1e-6


PAGES = {
    "coordinator's page": coordinator_words.NO_PRIVACY,
    "coordinator's terminal": COORDINATOR_TERMINAL,
    "node's page": node_words.NO_PRIVACY,
}
CLAIMS = [
    *((where, text, "learns much of what the others sell", much_is_told_of_companies) for where, text in PAGES.items()),
    *((where, text, "learns which of them are customers", customers_are_told_by_who_knows_all_rows) for where, text in PAGES.items()),
    ("budget page", budget_words.UNIT, "at 8 the bound by itself excludes next to nothing", epsilon_8_claims_nothing_at_one_false_alarm_in_1000),
    ("budget page", budget_words.UNIT, "the smaller, the less", less_is_found_at_smaller_epsilon),
    *(
        (name, (ROOT / name).read_text(encoding="utf-8"), phrase, fact)
        for name, phrase, fact in (
            ("README.md", "exact counts tell somebody who knows the candidates' rows which of these customers are among them", customers_are_told_by_who_knows_all_rows),
            ("README.md", "that member's statistics come out exactly", subtraction_is_exact),
            ("README.md", "nodes refuse such sums unless their officer accepts that by name", a_changed_cohort_of_five_is_refused),
            ("SECURITY.md", "can compute that company's statistics, exactly", subtraction_is_exact),
            ("deploy/local/guided.py", "statistics by subtraction, exactly", subtraction_is_exact),
            ("protocols/README.md", "hardly more of one other company than its own data do", little_is_told_of_companies_under_noise),
            ("protocols/README.md", "at 8 it excludes next to nothing by itself", epsilon_8_claims_nothing_at_one_false_alarm_in_1000),
            ("protocols/README.md", "hide no count by themselves", dividing_rows_hides_no_count),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "phrase", "fact"),
    [each[1:] for each in CLAIMS],
    ids=[f"{each[0]}: {each[2]}" for each in CLAIMS],
)
def test_what_is_said_without_a_figure_is_borne_by_the_figures(text, phrase, fact) -> None:
    assert phrase in flat(text)
    assert fact()


def test_no_attack_found_more_customers_than_the_noise_allows() -> None:
    rows = [
        each
        for part in ("rest", "membership")
        for each in REPORT[part]["rows"]
        if each.get("bound_noise", 1) < 1
    ]
    assert len(rows) > 20
    for each in rows:
        assert each["bound_noise"] < each["bound"]
        spread = each["true_positive_rate_spread"]
        assert each["true_positive_rate"] < each["bound_noise"] + 2 * spread, each
