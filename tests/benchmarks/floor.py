"""What the own model, the release and their blend are made of: what was tried, on validation windows only.

    python -m tests.benchmarks.floor                       all cases
    python -m tests.benchmarks.floor journey-k5 tafeng     these; each writes its own file, so they run side by side
    python -m tests.benchmarks.floor --quick tafeng --out FOLDER

writes ``results/floor_CASE.json``; a case whose file is of this commit is left as it is. No test window is read.
What a company chooses for itself is cross-fitted: each of five folds of its customers is judged by what the
others chose, or else more to choose from would look like an own model that is better.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from participant.models import blend
from participant.models.exchange import FITTED, Exchange, Own
from participant.models.gate import holds_up, judge
from participant.models.gram import WholeGram
from participant.models.local import LAMBDAS
from participant.models.scoring import tilted
from participant.models.windows import SCENARIOS
from protocols.questions.ease import ease
from protocols.questions.mixture import Mixture
from tests.benchmarks import summary
from tests.benchmarks.cases import CASES, Case
from tests.benchmarks.floor_company import Company, Floats, Table, as_nodes, crossed, highest, without
from tests.benchmarks.provenance import commit
from tests.benchmarks.residual import residual

RESULTS = Path(__file__).parent / "results"
TOWARDS = (1_000, 3_000, 10_000)
OWN_WEIGHTS = (1, 3)
CUSTOMERS, QUICK = 2_000, 60
NARROW = (300, 1_000, 3_000)

Json = dict[str, object]


class Trial:
    """One case."""

    def __init__(self, case: Case, customers: int, say: Callable[[str], None]) -> None:
        self.case, self.say = case, say
        self.companies = [Company.of(shop, customers) for shop in case.read().shops()]
        self.sum = np.sum([each.gram for each in self.companies], axis=0)
        self.arms: dict[str, dict[str, list[Floats]]] = {name: {} for name in SCENARIOS}
        self.said: dict[str, dict[str, object]] = {name: {} for name in SCENARIOS}

    def run(self) -> Json:
        """All arms."""
        for number, company in enumerate(self.companies):
            for lam in LAMBDAS:
                weights = ease(company.gram, float(lam))
                company.try_popularity(company.own, lam, weights, np.diagonal(company.gram))
            self.say(f"own models of company {number + 1} of {len(self.companies)}")
        for lam in LAMBDAS:
            weights = ease(self.sum, float(lam))
            for company in self.companies:
                company.try_popularity(company.shared, lam, weights, np.diagonal(self.sum))
        self.say("releases")
        for name in SCENARIOS:
            self._own(name)
            lam, tilt = self._shared(name)
            self._drawn(name, lam, tilt)
            self._served(name, lam, tilt)
            self.say(
                f"{name}: " + ", ".join(f"{arm} {_mean(gains):.4f}" for arm, gains in self.arms[name].items())
            )
        return {
            "case": self.case.name,
            "title": self.case.title,
            "data": self.case.data,
            "command": f"python -m tests.benchmarks.floor {self.case.name}",
            "commit": commit(),
            "spread": "low and high: 95% bootstrap by customer, of the difference paired by customer",
            "rows": [
                {
                    "scenario": name,
                    "arm": arm,
                    **asdict(summary.figure(gains)),
                    "difference": asdict(summary.figure([a - b for a, b in zip(gains, first, strict=True)])),
                    "chosen": self.said[name].get(arm),
                }
                for name, arms in self.arms.items()
                for first in [next(iter(arms.values()))]
                for arm, gains in arms.items()
            ],
        }

    def _own(self, name: str) -> None:
        ways: dict[str, Callable[[Table], Floats]] = {
            "own EASE, ridges 300 to 3,000": lambda all_: crossed(
                without(all_, tilt=True, ridges=NARROW), highest
            ),
            "own EASE, ridges 100 to 10,000": lambda all_: crossed(without(all_, tilt=True), highest),
            "own, standardised popularity": lambda all_: crossed(
                without(all_, tilt=True, standardised=False), highest
            ),
            "own, tilt with the highest mean": lambda all_: crossed(without(all_), highest),
            "own, tilt by one standard error": lambda all_: crossed(without(all_), as_nodes),
        }
        for arm, way in ways.items():
            self.arms[name][arm] = [way(each.own[name]) for each in self.companies]

    def _shared(self, name: str) -> tuple[int, int]:
        tables = [each.shared[name] for each in self.companies]
        together = {key: np.concatenate([table[key] for table in tables]) for key in tables[0]}
        ways = {
            "release, EASE": without(together, tilt=True),
            "release, standardised popularity": without(together, tilt=True, standardised=False),
            "release, tilt": without(together),
        }
        for arm, part in ways.items():
            self._take(name, arm, highest(part), tables)
        lam, tilt, _ = highest(without(together))
        return int(lam), int(tilt)

    def _drawn(self, name: str, lam: int, tilt: int) -> None:
        """The own rows' say in the release: a ridge towards it, or a weight in the sum."""
        release, buyers = ease(self.sum, float(lam)), np.rint(np.diagonal(self.sum)).astype(np.int64)

        def gains(company: Company, weights: NDArray[np.float32]) -> Floats:
            return blend.gains(company.held, name, tilted(company.held.history @ weights, tilt, buyers))

        kinds: dict[str, list[Table]] = {
            "own EASE towards the release (residual)": [
                {(ridge,): gains(each, residual(each.gram, ridge, release)) for ridge in TOWARDS}
                for each in self.companies
            ],
            "release, own rows counted more": [
                {
                    (weight,): gains(each, ease(self.sum + weight * each.gram, float(lam)))
                    for weight in OWN_WEIGHTS
                }
                for each in self.companies
            ],
        }
        for arm, tables in kinds.items():
            self._take(
                name,
                arm,
                highest({key: np.concatenate([each[key] for each in tables]) for key in tables[0]}),
                tables,
            )

    def _take(self, name: str, arm: str, key: tuple[float, ...], tables: Sequence[Table]) -> None:
        self.arms[name][arm], self.said[name][arm] = [table[key] for table in tables], key

    def _served(self, name: str, lam: int, tilt: int) -> None:
        """What the product makes of it; customers are judged by mixes that others chose."""
        mixture = Mixture(encoder=0, ease=100, popularity=0, tilt=tilt)
        exchange = Exchange(
            fitted=WholeGram(matrix=self.sum),
            refitted=WholeGram(matrix=self.sum),
            lambdas=dict.fromkeys(SCENARIOS, lam),
            mixes=dict.fromkeys(SCENARIOS, mixture),
        )
        everywhere = np.rint(np.diagonal(self.sum)).astype(np.int64)
        brought = [
            each.shared[name][lam, tilt, 0] - blend.gains(each.held, name, each.tuned.scores[name])
            for each in self.companies
        ]
        prior = float(np.concatenate(brought).mean())
        found: dict[str, list[Floats]] = {
            arm: [] for arm in ("own, as the gate sees it", "served, gate by the sign", "served")
        }
        deployed = 0
        for company in self.companies:
            whole, held = WholeGram(matrix=company.gram), company.held
            mine = Own(gram=whole, squares=whole.diagonal)
            tuned = company.tuned
            scores = [
                exchange.released(FITTED, name, each, mine).scores(
                    held.history, held.candidates(name), everywhere
                )
                for each in exchange.candidates(name, tuned.chosen[name])
            ]
            made = blend.choose(held, name, tuned.scores[name], scores)
            passes = judge(made.local, made.federated, made.cross_fitted, prior=prior).deployed
            deployed += passes
            by_sign = holds_up(made.cross_fitted - made.local)
            found["own, as the gate sees it"].append(made.local)
            found["served, gate by the sign"].append(made.cross_fitted if by_sign else made.local)
            found["served"].append(made.cross_fitted if passes else made.local)
        self.arms[name] |= found
        self.said[name]["served"] = f"the exchange at {deployed} of {len(self.companies)}"


def _mean(gains: Sequence[Floats]) -> float:
    return float(np.mean([each.mean() for each in gains]))


def main() -> None:
    """Try everything on the wanted cases, all when none is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} customers of each company")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if unknown := set(asked.cases) - set(CASES):
        parser.error(f"no case {', '.join(sorted(unknown))}; there are: {', '.join(CASES)}")
    for name in asked.cases or CASES:
        started, target = time.perf_counter(), asked.out / f"floor_{name.replace('-', '_')}.json"

        def say(words: str, name: str = name, started: float = started) -> None:
            print(f"[{time.perf_counter() - started:6.0f} s] {name}: {words}", flush=True)

        if target.exists() and json.loads(target.read_text())["commit"] == commit():
            say("is there")
            continue
        report = Trial(CASES[name], QUICK if asked.quick else CUSTOMERS, say).run()
        target.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
        say(f"written: {target.name}")


if __name__ == "__main__":
    main()
