"""Every arm beside every other, on two data sets: what exchange is worth, and where it is not.

    python -m tests.benchmarks.comparison                      all cases
    python -m tests.benchmarks.comparison tafeng journey-k5    these cases
    python -m tests.benchmarks.comparison --join               nothing is measured: what is kept becomes the figures

writes ``results/comparison_CASE.json`` after each case. Its parts (`comparison_parts.py`) are measured one after the
other and kept; they can be measured beside one another, and on another machine.
"""

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from participant.models.resampling import bootstrap_means
from participant.models.windows import SCENARIOS
from tests.benchmarks import comparison_parts, summary
from tests.benchmarks.cases import CASES, CHECK, Case
from tests.benchmarks.comparison_parts import FEDERATED
from tests.benchmarks.provenance import commit
from tests.benchmarks.purchases import Shop
from tests.benchmarks.trial import Floats, Outcome

RESULTS = Path(__file__).parent / "results"
METRICS = ("ndcg", "recall")
LOCAL_EASE = "local EASE"
BEST = "best local, by own validation"
Json = dict[str, object]
Outcomes = dict[str, Outcome]


def best_local(found: Outcomes) -> Outcome:
    """For every company and scenario the local arm with the highest mean on its own validation window."""
    arms = [name for name in found if name.startswith("local ")]
    companies = len(found[LOCAL_EASE].test)
    chosen = [
        {name: max(arms, key=lambda arm: found[arm].valid[i][name].ndcg.mean()) for name in SCENARIOS}
        for i in range(companies)
    ]
    return Outcome(
        test=[{name: found[chosen[i][name]].test[i][name] for name in SCENARIOS} for i in range(companies)],
        valid=[],
        chosen=[{name: {arm: 1.0} for name, arm in each.items()} for each in chosen],
        seeds={name: [] for name in SCENARIOS},
        fit_s=sum(found[arm].fit_s for arm in arms),
        score_ms=0.0,
    )


def report(case: Case, found: Outcomes, shops: Sequence[Shop]) -> Json:
    """Rows of all arms and metrics.

    Each is beside tuned local EASE, beside what companies would have chosen alone on their validation windows,
    and beside the local arm with the highest mean on test windows, chosen in its favour. The *bound* is the
    highest of what is fitted on everybody's rows, federated EASE among it.
    """
    found = {**found, BEST: best_local(found)}
    rows = [
        _row(found, scenario, metric, arm) for scenario in SCENARIOS for metric in METRICS for arm in found
    ]
    return {
        "case": case.name,
        "title": case.title,
        "data": case.data,
        "companies": [{"name": shop.name, "customers": len(shop.customers)} for shop in shops],
        "concepts": shops[0].fit.shape[1],
        "ridges": case.ridges,
        "command": f"python -m tests.benchmarks.comparison {case.name}",
        "commit": commit(),
        "measured_on": sorted({outcome.where for outcome in found.values() if outcome.where}),
        "spread": "low and high: 95% bootstrap by customer, paired where two arms are compared",
        "rows": rows,
        "chosen": {arm: outcome.chosen for arm, outcome in found.items()},
    }


def _row(found: Outcomes, scenario: str, metric: str, arm: str) -> Json:
    def values(name: str) -> list[Floats]:
        return [getattr(each[scenario], metric) for each in found[name].test]

    mine, outcome = values(arm), found[arm]

    def highest(names: Iterable[str]) -> str:
        return max(names, key=lambda name: np.mean([each.mean() for each in values(name)]))

    bound = highest(name for name in found if name.startswith("pooled ") or name == FEDERATED)
    strongest = highest(name for name in found if name.startswith(("local ", BEST)))
    beside = {}
    for baseline in dict.fromkeys((LOCAL_EASE, BEST, strongest)):
        theirs = values(baseline)
        beside[baseline] = {
            "value": float(np.mean([each.mean() for each in theirs])),
            "difference": asdict(summary.figure([a - b for a, b in zip(mine, theirs, strict=True)])),
            "below": asdict(summary.below(mine, theirs)),
        }
    shapes = {
        shape: float(np.mean([getattr(each[scenario], shape) for each in outcome.test]))
        for shape in ("coverage", "gini", "novelty")
    }
    return {
        "metric": f"{scenario} {'nDCG' if metric == 'ndcg' else metric}@10",
        "arm": arm,
        **asdict(summary.figure(mine)),
        "seeds": outcome.seeds[scenario] if metric == "ndcg" else [],
        "beside": beside,
        "strongest_local": strongest,
        "bound": bound,
        "closure": None
        if arm.startswith(("local ", BEST))
        else _closure(mine, values(strongest), values(bound)),
        **shapes,
        "fit_cpu_s": outcome.fit_s,
        "score_cpu_ms": outcome.score_ms,
    }


def _closure(arm: list[Floats], local: list[Floats], bound: list[Floats]) -> Json:
    """(arm - local) / (bound - local), its interval from the same customers drawn for all three."""
    drawn = [
        np.mean(
            [bootstrap_means(g, seed=i, resamples=summary.RESAMPLES) for i, g in enumerate(gains)], axis=0
        )
        for gains in (arm, local, bound)
    ]
    low, high = np.quantile((drawn[0] - drawn[1]) / (drawn[2] - drawn[1]), [0.025, 0.975])
    a, b, c = (float(np.mean([each.mean() for each in gains])) for gains in (arm, local, bound))
    return {"value": (a - b) / (c - b) if c != b else 1.0, "low": float(low), "high": float(high)}


def main() -> None:
    """Measure the wanted cases, all when none is named, and write one file for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--join", action="store_true", help="measure nothing")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    known = CASES | {CHECK.name: CHECK}
    if unknown := set(asked.cases) - set(known):
        parser.error(f"no case {', '.join(sorted(unknown))}; there are: {', '.join(CASES)}")
    cases = [known[name] for name in asked.cases or CASES]
    if not asked.join:
        wanted = [part for case in cases for part in comparison_parts.parts(case)]
        comparison_parts.run(wanted, workers=asked.workers, minutes=7 * 24 * 60)
    for case in cases:
        began = time.perf_counter()
        found = comparison_parts.measured(case)
        if LOCAL_EASE not in found or FEDERATED not in found:
            print(f"{case.name}: nothing to compare with yet")
            continue
        target = asked.out / f"comparison_{case.name.replace('-', '_')}.json"
        made = json.dumps(report(case, found, case.shops()), indent=1, ensure_ascii=False)
        target.write_text(made + "\n", encoding="utf-8")
        print(f"{target.name}: {len(found)} arms, joined in {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
