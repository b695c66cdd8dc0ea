"""Tune a learner on validation windows, fit it again, and judge it on the test windows; kept, so that a run resumes.

Everything is chosen on validation nDCG@10, for *explore* and *surprise* each by itself: by a company for its own
model, by the mean over all customers for a shared one. What has chance in it is tuned with seed 0 and fitted
again with five seeds; a customer's gain is then the mean over the seeds.
"""

import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from participant.models.windows import SCENARIOS
from protocols.questions.ranking import TOP, top_indices
from tests.benchmarks.arms import gini
from tests.benchmarks.learners import Learner, Sample, Scorer, Setting
from tests.benchmarks.purchases import Shop, Split

Floats = NDArray[np.float64]
SEEDS = (0, 1, 2, 3, 4)
_DISCOUNTS = 1.0 / np.log2(np.arange(2, TOP + 2))
_IDEAL = np.cumsum(_DISCOUNTS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marks:
    """One arm at one company: of every customer with a target nDCG@10 and recall@10; the shape of its lists."""

    ndcg: Floats
    recall: Floats
    coverage: float = 0.0
    gini: float = 0.0
    novelty: float = 0.0


Marked = dict[str, Marks]
"""By scenario."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """An arm's marks on test and validation windows, by company; what was chosen; CPU seconds.

    ``valid`` is empty for what is no model by itself. ``seeds[scenario]`` has the mean over companies of nDCG@10 for each seed.
    """

    test: list[Marked]
    valid: list[Marked]
    chosen: list[dict[str, Setting]]
    seeds: dict[str, list[float]]
    fit_s: float
    score_ms: float
    where: str = ""


def here() -> str:
    """What measures: the machine and the versions that a figure may depend on."""
    import torch

    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    made = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "torch"))
    return f"{os.cpu_count()} processors{gpu}; Python {platform.python_version()}, {made}"


def judged(split: Split, scorer: Scorer) -> Marked:
    """Marks of ``scorer`` for both scenarios at one company."""
    return marked(split, lambda _rows, history, _held: dict.fromkeys(SCENARIOS, scorer(history)))


def marked(split: Split, scores_of: Callable[..., dict[str, NDArray[np.floating]]]) -> Marked:
    """The same for scores that depend on the scenario: ``scores_of(row numbers, sparse history, HoldOut)``."""
    hits: dict[str, list[Floats]] = {name: [] for name in SCENARIOS}
    counts: dict[str, list[Floats]] = {name: [] for name in SCENARIOS}
    shown: dict[str, list[NDArray[np.int64]]] = {name: [] for name in SCENARIOS}
    for rows, history, held in split.batches():
        scores = scores_of(rows, history, held)
        for name in SCENARIOS:
            candidates = held.candidates(name)
            targets = held.future & candidates
            at = np.flatnonzero(targets.any(1))
            lists = top_indices(np.where(candidates[at], scores[name][at], -np.inf), TOP)
            hits[name].append(np.take_along_axis(targets[at], lists, 1).astype(float))
            counts[name].append(targets[at].sum(1))
            shown[name].append(lists)
    customers = split.history.shape[0]
    return {
        name: _marks(*(np.concatenate(each[name]) for each in (hits, counts, shown)), split.buyers, customers)
        for name in SCENARIOS
    }


def _marks(
    hits: Floats, targets: Floats, shown: NDArray[np.int64], buyers: NDArray[np.int64], customers: int
) -> Marks:
    """From hits in lists of ten, (customers, 10), and each customer's number of targets.

    >>> hit = np.zeros((1, TOP))
    >>> hit[0, 1] = 1
    >>> one = _marks(hit, np.array([4]), np.arange(TOP)[None], np.full(20, 3), 7)
    >>> round(one.ndcg[0], 4), one.recall[0]  # 1/log2(3) over the ideal of four; one of four
    (np.float64(0.2463), np.float64(0.25))
    >>> one.coverage, one.novelty  # ten of twenty; bought by half: (3 + 1) of (7 + 1)
    (0.5, 1.0)
    """
    exposure = np.bincount(shown.ravel(), minlength=len(buyers)).astype(float)
    share = (buyers + 1.0) / (customers + 1.0)
    return Marks(
        ndcg=hits @ _DISCOUNTS / _IDEAL[np.minimum(targets, TOP).astype(int) - 1],
        recall=hits.sum(1) / targets,
        coverage=float((exposure > 0).mean()),
        gini=gini(exposure),
        novelty=float(-np.log2(share[shown]).mean()) if shown.size else 0.0,
    )


def run(learner: Learner, shops: Sequence[Shop], *, shared: bool) -> dict[str, Outcome]:
    """Every arm of ``learner``: one model for all, or each company's own."""
    groups = [list(shops)] if shared else [[shop] for shop in shops]
    parts = [_tuned(learner, group) for group in groups]
    return {arm: together([part[arm] for part in parts]) for arm in parts[0]}


def _tuned(learner: Learner, shops: list[Shop]) -> dict[str, Outcome]:
    """Tune one model by the mean over the customers of ``shops``, and judge it at each of them."""
    fit_s, score_s, scored = 0.0, 0.0, 0
    fits, fulls = ([Sample(getattr(shop, window)) for shop in shops] for window in ("fit", "full"))
    tried: list[dict[str, list[Marked]]] = []
    for setting in learner.settings:
        began = time.process_time()
        arms = learner.fit(fits, setting, SEEDS[0])
        fit_s += time.process_time() - began
        tried.append({arm: [judged(shop.valid, scorer) for shop in shops] for arm, scorer in arms.items()})
    best = {
        (arm, name): max(range(len(tried)), key=lambda place: _mean(tried[place][arm], name))
        for arm in tried[0]
        for name in SCENARIOS
    }
    seeds = SEEDS if learner.random else SEEDS[:1]
    drawn: dict[tuple[str, str], list[list[Marks]]] = {key: [] for key in best}
    for place in sorted(set(best.values())):
        for seed in seeds:
            began = time.process_time()
            arms = learner.fit(fulls, learner.settings[place], seed)
            fit_s += time.process_time() - began
            for arm, scorer in arms.items():
                if place not in {best[arm, name] for name in SCENARIOS}:
                    continue
                began = time.process_time()
                found = [judged(shop.test, scorer) for shop in shops]
                score_s += time.process_time() - began
                scored += sum(len(shop.test.seekers()) for shop in shops)
                for name in SCENARIOS:
                    if best[arm, name] == place:
                        drawn[arm, name].append([each[name] for each in found])
    return {
        arm: Outcome(
            test=[
                {name: _averaged([one[i] for one in drawn[arm, name]]) for name in SCENARIOS}
                for i in range(len(shops))
            ],
            valid=[
                {name: tried[best[arm, name]][arm][i][name] for name in SCENARIOS} for i in range(len(shops))
            ],
            chosen=[{name: learner.settings[best[arm, name]] for name in SCENARIOS}] * len(shops),
            seeds={
                name: [float(np.mean([m.ndcg.mean() for m in one])) for one in drawn[arm, name]]
                for name in SCENARIOS
            },
            fit_s=fit_s,
            score_ms=1000 * score_s / max(scored, 1),
            where=here(),
        )
        for arm in tried[0]
    }


def _mean(found: list[Marked], scenario: str) -> float:
    gains = np.concatenate([each[scenario].ndcg for each in found])
    return float(gains.mean()) if len(gains) else 0.0


def _averaged(seeds: list[Marks]) -> Marks:
    return Marks(
        **{
            name: np.mean([getattr(one, name) for one in seeds], axis=0)
            for name in ("ndcg", "recall", "coverage", "gini", "novelty")
        }
    )


def together(parts: Sequence[Outcome]) -> Outcome:
    """One arm of several groups of companies, each with a model of its own."""
    return Outcome(
        test=[each for part in parts for each in part.test],
        valid=[each for part in parts for each in part.valid],
        chosen=[each for part in parts for each in part.chosen],
        seeds={
            name: [float(np.mean(at)) for at in zip(*(part.seeds[name] for part in parts), strict=True)]
            for name in SCENARIOS
        },
        fit_s=sum(part.fit_s for part in parts),
        score_ms=float(np.mean([part.score_ms for part in parts])),
        where=parts[0].where,
    )


def across(draws: Sequence[Outcome]) -> Outcome:
    """One arm measured once with each seed: marks are means over the draws, choices those of the first."""
    first = draws[0]

    def averaged(window: str) -> list[Marked]:
        return [
            {name: _averaged([getattr(draw, window)[at][name] for draw in draws]) for name in SCENARIOS}
            for at in range(len(getattr(first, window)))
        ]

    return Outcome(
        test=averaged("test"),
        valid=averaged("valid"),
        chosen=first.chosen,
        seeds={name: [value for draw in draws for value in draw.seeds[name]] for name in SCENARIOS},
        fit_s=float(np.mean([draw.fit_s for draw in draws])),
        score_ms=first.score_ms,
        where=first.where,
    )


def save(path: Path, outcome: Outcome) -> None:
    """Write an outcome; the file is there whole or not at all."""
    arrays = {
        f"{window}/{company}/{name}/{field}": getattr(marks, field)
        for window in ("test", "valid")
        for company, found in enumerate(getattr(outcome, window))
        for name, marks in found.items()
        for field in Marks.__slots__
    }
    said = {name: getattr(outcome, name) for name in ("chosen", "seeds", "fit_s", "score_ms", "where")}
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half.npz")
    np.savez_compressed(half, said=np.array(json.dumps(said)), **arrays)
    half.replace(path)


def load(path: Path) -> Outcome:
    """Read what :func:`save` wrote."""
    with np.load(path) as kept:
        said = json.loads(str(kept["said"]))

        def window(name: str) -> list[Marked]:
            return [
                {
                    scenario: Marks(
                        **{field: kept[f"{name}/{company}/{scenario}/{field}"] for field in Marks.__slots__}
                    )
                    for scenario in SCENARIOS
                }
                for company in range(len(said["chosen"]) if f"{name}/0/explore/ndcg" in kept else 0)
            ]

        return Outcome(test=window("test"), valid=window("valid"), **said)
