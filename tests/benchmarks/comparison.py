"""Every arm beside every other, on two data sets: what exchange is worth, and where it is not.

    python -m tests.benchmarks.comparison                      all cases and arms
    python -m tests.benchmarks.comparison tafeng journey-k5    these cases
    python -m tests.benchmarks.comparison --only EASE item-kNN these learners, beside what is kept

writes ``results/comparison_CASE.json`` after each case. Every arm is kept under ``.altrove/bench/`` as soon as
it is measured, by what its code and data say of themselves: a run that was cut off goes on where it was.
"""

import argparse
import hashlib
import inspect
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from participant.models.resampling import bootstrap_means
from participant.models.windows import SCENARIOS
from tests.benchmarks import blended, journey, purchases, summary, tafeng, trial
from tests.benchmarks.autoencoder import Autoencoder
from tests.benchmarks.cases import CASES, Case
from tests.benchmarks.ials import Ials
from tests.benchmarks.learners import Ease, Knn, Learner, Popularity
from tests.benchmarks.provenance import ROOT, commit
from tests.benchmarks.purchases import Shop
from tests.benchmarks.trial import Floats, Outcome

RESULTS = Path(__file__).parent / "results"
KEPT = ROOT / ".altrove" / "bench" / "comparison"
PACKAGES = ("numpy", "scipy", "torch", "duckdb")
METRICS = ("ndcg", "recall")
LOCAL_EASE, FEDERATED, BLEND = "local EASE", "federated EASE", "blend and gate"
APART = "federated EASE, household-disjoint"
BEST = "best local, by own validation"
Json = dict[str, object]
Outcomes = dict[str, Outcome]


def learners(case: Case) -> tuple[Learner, ...]:
    """All kinds of models, quickest first."""
    return (Popularity(), Ease(case.ridges), Knn(), Ials(), Autoencoder(case.ridges[2]))


def outcomes(case: Case, only: Sequence[str], say: Callable[[str], None]) -> tuple[Outcomes, Sequence[Shop]]:
    """Every arm, measured now or kept from before; learners that are not in ``only`` are taken if kept."""
    shops = case.read().shops()
    say(f"{len(shops)} companies, {shops[0].fit.shape[1]} concepts, {_customers(shops)} customers")
    found: Outcomes = {}
    for learner in learners(case):
        for shared in (False, True):
            if isinstance(learner, Popularity) and shared:
                continue
            names = _names(learner, shared=shared)
            paths = {arm: _path(case, name, type(learner)) for arm, name in names.items()}
            if all(path.exists() for path in paths.values()):
                found |= {names[arm]: trial.load(path) for arm, path in paths.items()}
            elif not only or learner.name in only:
                for arm, outcome in trial.run(learner, shops, shared=shared).items():
                    trial.save(paths[arm], outcome)
                    found[names[arm]] = outcome
                    say(_line(names[arm], outcome))
    made: list[tuple[str, Callable[[], Outcome]]] = [(BLEND, lambda: blended.served(shops, found[FEDERATED]))]
    if case.disjoint:
        made.append((APART, lambda: blended.apart(shops, found[FEDERATED])))
    for name, make in made:
        path = _path(case, name, blended)
        if not path.exists():
            trial.save(path, make())
        found[name] = trial.load(path)
        say(_line(name, found[name]))
    return found, shops


def _names(learner: Learner, *, shared: bool) -> dict[str, str]:
    """What a learner's arms are called; the sum that companies release makes the pooled EASE everybody's."""
    arms = (learner.name, *filter(None, [getattr(learner, "with_ease", None)]))
    if isinstance(learner, Ease) and shared:
        return {learner.name: FEDERATED}
    return {arm: f"{'pooled' if shared else 'local'} {arm}" for arm in arms}


def _path(case: Case, arm: str, code: object) -> Path:
    """Where an arm is kept: another place as soon as anything that it is made of has changed."""
    reader = tafeng if case.name.startswith("tafeng") else journey
    own = inspect.getmodule(code) if inspect.isclass(code) else code
    sources = [inspect.getsource(module) for module in (purchases, trial, reader, own)]
    print_of = hashlib.sha256(repr([case.name, case.ridges, *sources]).encode()).hexdigest()[:12]
    return KEPT / case.name / f"{arm.replace(' ', '_').replace(',', '')}-{print_of}.npz"


def _line(name: str, outcome: Outcome) -> str:
    means = (np.mean([each[scenario].ndcg.mean() for each in outcome.test]) for scenario in SCENARIOS)
    return f"{name}: explore, surprise nDCG@10 " + ", ".join(f"{mean:.4f}" for mean in means)


def _customers(shops: Sequence[Shop]) -> int:
    return sum(len(shop.customers) for shop in shops)


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
        "versions": {name: version(name) for name in PACKAGES},
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
    parser.add_argument("--only", nargs="+", default=[], metavar="LEARNER")
    asked = parser.parse_args()
    if unknown := set(asked.cases) - set(CASES):
        parser.error(f"no case {', '.join(sorted(unknown))}; there are: {', '.join(CASES)}")
    torch.set_num_threads(1)
    for name in asked.cases or CASES:
        started = time.perf_counter()

        def say(words: str, name=name, started=started) -> None:
            print(f"[{time.perf_counter() - started:6.0f} s] {name}: {words}", flush=True)

        found, shops = outcomes(CASES[name], asked.only, say)
        target = RESULTS / f"comparison_{name.replace('-', '_')}.json"
        target.write_text(json.dumps(report(CASES[name], found, shops), indent=1, ensure_ascii=False) + "\n")
        say(f"written: {target.name}")


if __name__ == "__main__":
    main()
