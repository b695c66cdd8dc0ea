"""What the gate decides on few validation customers: by the sign, or hearing the consortium. Validation windows only.

    python -m tests.benchmarks.few_customers            all cases, into ``results/few_customers.json``
    python -m tests.benchmarks.few_customers --table    ``results/few_customers.md`` from it

Of every company some customers are drawn; its own model is tuned on them, the gate decides on them, and what it decides
is judged by the company's other customers. The release is EASE of everybody's rows in the fit window, with the ridge
and tilt that are best for all customers together. Also says how far the true gains of companies lie apart.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from participant.models.gate import PRIOR_CUSTOMERS, SURE, holds_up, sure
from participant.models.local import LAMBDAS
from participant.models.windows import SCENARIOS
from protocols.questions.ease import ease
from tests.benchmarks.cases import CASES, Case
from tests.benchmarks.floor_company import Company, Floats, Table, as_nodes, highest
from tests.benchmarks.markdown import table
from tests.benchmarks.provenance import commit

RESULTS = Path(__file__).parent / "results"
CUSTOMERS = 1_000
"""Of each company."""
RELEASES = (300, 1_000, 3_000)
SIZES = (15, 30, 60)
DRAWS = 12
COUNTS = (10, 25, 50, 100)
"""Customers that the consortium's gain may count for."""
Json = dict[str, object]
Rule = Callable[[Floats, float], bool]


def counting(prior_customers: int, errors: float = SURE) -> Rule:
    """:func:`participant.models.gate.holds_up` with another number of customers and of standard errors.

    >>> unsure = np.array([0.5, -0.5, -0.5, 0.0])
    >>> [counting(many)(unsure, 0.02) for many in (20, 30)], counting(30, errors=0.1)(unsure, 0.02)
    ([False, True], False)
    """

    def rule(difference: Floats, prior: float) -> bool:
        total = float(difference.sum())
        count = len(difference)
        if abs(total) >= sure(count, errors) * float(difference.std(ddof=1)) * count**0.5:
            return total > 0
        return total + prior_customers * prior > 0

    return rule


RULES: Mapping[str, Rule] = {
    "always": lambda _difference, _prior: True,
    "by the sign": lambda difference, _prior: holds_up(difference),
    **{f"{many} customers": counting(many) for many in COUNTS},
    f"{PRIOR_CUSTOMERS} customers, sure at one error": counting(PRIOR_CUSTOMERS, 1.0),
}


def measure(case: Case, say: Callable[[str], None]) -> list[Json]:
    """Both scenarios of one case."""
    companies = [Company.of(shop, CUSTOMERS) for shop in case.shops()]
    total = np.sum([each.gram for each in companies], axis=0)
    for company in companies:
        for lam in LAMBDAS:
            weights = ease(company.gram, float(lam))
            company.try_popularity(company.own, lam, weights, np.diagonal(company.gram), standardised=())
    say("own models")
    for lam in RELEASES:
        weights = ease(total, float(lam))
        for company in companies:
            company.try_popularity(company.shared, lam, weights, np.diagonal(total), standardised=())
    say("releases")
    return [_scenario(companies, name) for name in SCENARIOS]


def _scenario(companies: Sequence[Company], name: str) -> Json:
    shared = [each.shared[name] for each in companies]
    key = highest({key: np.concatenate([table[key] for table in shared]) for key in shared[0]})
    pairs = [(each.own[name], each.shared[name][key]) for each in companies]
    differences = [release - own[as_nodes(own)] for own, release in pairs]
    gain = float(np.concatenate(differences).mean())
    within = float(np.mean([each.var(ddof=1) for each in differences]))
    means = np.array([each.mean() for each in differences])
    chance = np.mean([each.var(ddof=1) / len(each) for each in differences])
    between = max(0.0, float(means.var(ddof=1) - chance))
    return {
        "scenario": name,
        "chosen": key,
        "customers": [len(each) for each in differences],
        "gain": gain,
        "by_company": means.tolist(),
        "within": within**0.5,
        "between": between**0.5,
        "ratio": within / between if between else None,
        "decided_on": {size: _decided(pairs, size, gain) for size in SIZES},
    }


def _decided(pairs: Sequence[tuple[Table, Floats]], size: int, gain: float) -> dict[str, dict[str, float]]:
    """Gain on the own model for the customers who did not decide, the mean over companies, by rule."""
    drawn = np.random.default_rng(size)
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in RULES}
    for own, release in pairs:
        if len(release) < 2 * size:
            continue
        reached: dict[str, list[float]] = {name: [] for name in RULES}
        for _ in range(DRAWS):
            order = drawn.permutation(len(release))
            seen, unseen = order[:size], order[size:]
            difference = release - own[as_nodes({key: gains[seen] for key, gains in own.items()})]
            for name, rule in RULES.items():
                taken = rule(difference[seen], gain)
                reached[name].append(float(difference[unseen].mean()) if taken else 0.0)
        for name, gains in reached.items():
            found[name].append(np.array(gains))
    sign = np.array([each.mean() for each in found["by the sign"]])
    return {
        name: {
            "gain": float(np.mean([each.mean() for each in companies])),
            "error": float(np.std([e.mean() for e in companies] - sign, ddof=1) / len(sign) ** 0.5),
        }
        for name, companies in found.items()
        if len(sign) > 1
    }


def markdown(report: dict[str, list[dict[str, object]]]) -> str:
    """Two tables."""
    cases = report["cases"]
    parts = [(case["title"], each) for case in cases for each in case["scenarios"]]  # type: ignore[attr-defined]
    spread = [
        (title, each["scenario"], len(each["customers"]), f"{min(each['customers'])} to {max(each['customers'])}",
         f"{each['gain']:+.4f}", f"{each['within']:.3f}", f"{each['between']:.4f}",
         f"{each['ratio']:.0f}" if each["ratio"] else "no limit")
        for title, each in parts
    ]  # fmt: skip
    decided = [
        (title, each["scenario"], size, *(_cell(name, rules) for name in RULES))
        for title, each in parts
        for size, rules in each["decided_on"].items()
        if rules
    ]
    return (
        "# The gate on few customers\n\n"
        f"nDCG@10 on validation windows only; commit {report['commit']}. Made by `{report['command']}`, and this page "
        "by the same with `--table`.\n\n"
        + table(
            "How far companies lie apart",
            "*Gain*: of the release on own models, over all customers. *Within*: standard deviation of a customer's "
            "difference. *Between*: that of the companies' true means, chance taken away; 0 where the means lie no "
            "further apart than chance puts them. *Customers*: within over between, squared: so many own customers is "
            f"the gain of all worth. The gate takes {PRIOR_CUSTOMERS}.",
            ("case", "", "companies", "customers of each", "gain", "within", "between", "customers"),
            spread,
        )
        + table(
            "Decided on few, judged on the others",
            f"Gain on the own model, the mean over companies and {DRAWS} draws; in brackets the difference to *by the "
            "sign* and its standard error over companies. *n customers*: that the gain of all counts for where own "
            f"customers are not sure by {SURE:g} standard errors.",
            ("case", "", "decided on", *RULES),
            decided,
        )
    )


def _cell(name: str, rules: dict[str, dict[str, float]]) -> str:
    found, sign = rules[name], rules["by the sign"]["gain"]
    beside = "" if name == "by the sign" else f" ({found['gain'] - sign:+.4f} ± {found['error']:.4f})"
    return f"{found['gain']:+.4f}{beside}"


def write_table() -> None:
    """The page from its JSON."""
    report = json.loads((RESULTS / "few_customers.json").read_text(encoding="utf-8"))
    (RESULTS / "few_customers.md").write_text(markdown(report), encoding="utf-8")


def main() -> None:
    """Measure all cases, or write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--table", action="store_true")
    if parser.parse_args().table:
        write_table()
        return
    began, cases = time.perf_counter(), []
    for case in CASES.values():

        def say(words: str, name: str = case.name) -> None:
            print(f"[{time.perf_counter() - began:6.0f} s] {name}: {words}", flush=True)

        cases.append(
            {"case": case.name, "title": case.title, "data": case.data, "scenarios": measure(case, say)}
        )
    report = {"command": "python -m tests.benchmarks.few_customers", "commit": commit(), "cases": cases}
    (RESULTS / "few_customers.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
