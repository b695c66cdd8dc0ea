"""A prepared consortium, its two taste sums, and what a chosen setting does on the test weeks."""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models import SCENARIOS, Exchange, NodeModel, Windows, learn
from participant.models.gram import WholeGram
from participant.models.holdout import HoldOut
from participant.models.released import Released
from participant.models.weights import SquareWeights
from participant.store.records import Records
from protocols.questions.ease import ease
from protocols.questions.evaluation import EvaluationReading
from protocols.questions.parameters import Given
from tests.benchmarks import arms
from tests.benchmarks.consortium import FIT_UNTIL, TEST_UNTIL, VALIDATION_UNTIL, prepare, taste_sum
from tests.benchmarks.encoder_choice import Chosen, best
from tests.benchmarks.encoder_side import Gram, Pool, Remembered, Side

RATE: Final = 3_000
POOLED_RATE: Final = 1_000
"""Of local training, in millionths. A pooled epoch has as many times the steps of a company's as there are companies:
at the companies' rate it learns by heart after one round, and would flatter what it is compared with."""
WINDOWS: Final = Windows(
    fit_until=FIT_UNTIL, validation_until=VALIDATION_UNTIL, customers_until=FIT_UNTIL, test_until=TEST_UNTIL
)
Json = dict[str, object]
Kinds = Mapping[str, Mapping[str, Chosen]]
Rows = dict[str, dict[str, Json]]


class Stage:
    """One consortium; its ``early`` sum is until the validation weeks, the ``late`` one until the test weeks."""

    early, late = b"a" * 32, b"b" * 32
    fit_until, validation_until = FIT_UNTIL, VALIDATION_UNTIL

    def __init__(self, companies: int, folder: Path, threads: int) -> None:
        self._folder = folder
        self._threads = threads
        self.consortium = prepare(companies, folder)
        self.grams = {
            self.early: taste_sum(self.consortium, FIT_UNTIL).gram,
            self.late: taste_sum(self.consortium, VALIDATION_UNTIL).gram,
        }
        self._holds = [arms.test_weeks(self.consortium, place) for place in range(companies)]

    def side(
        self, part: str, company: int, seed: int, typed: Mapping[str, Given]
    ) -> tuple[Side, Sequence[Remembered]]:
        """Who trains together, and whose validation weeks choose."""
        members: Sequence[Records] = self.consortium.members
        answering: Sequence[Records | Pool] = members
        grams = self.grams
        if part == "pooled":
            answering = [Pool(members)]
        elif part == "local":
            answering = members = [members[company]]
            early = arms.held_out(
                self.consortium, company, history_until=FIT_UNTIL, target_until=VALIDATION_UNTIL
            )
            grams = {self.early: _gram(early.history), self.late: _gram(self._holds[company].history)}
        side = Side(
            name=part,
            answering=answering,
            grams=grams,
            vocabulary=self.consortium.vocabulary,
            folder=self._folder / "checkpoints",
            seed=seed,
            threads=self._threads,
            settings={"rate": POOLED_RATE if part == "pooled" else RATE, **typed},
        )
        return side, [Remembered(member) for member in members]

    def test(self, side: Side, late: Sequence[bytes], chosen: Kinds, places: Iterable[int]) -> Rows:
        """Every kind's best setting on the test weeks of the companies at ``places``; popularity where these are all."""
        found: Rows = {scenario: {} for scenario in SCENARIOS}
        holds = [self._holds[place] for place in places]
        inverses = {lam: ease(side.grams[self.late], float(lam)) for lam in _ridges(chosen)}
        for scenario, kinds in chosen.items():
            for kind, each in kinds.items():
                network = (
                    side.chain.network(late[each.rounds - 1], len(self.consortium.vocabulary))
                    if each.mixture.encoder
                    else None
                )
                released = Released(
                    ease=SquareWeights(matrix=inverses[each.lam]), encoder=network, mixture=each.mixture
                )
                everywhere = np.rint(np.diagonal(side.grams[self.late])).astype(np.int64)
                scored = [
                    released.scores(held.history, held.candidates(scenario), everywhere) for held in holds
                ]
                found[scenario][f"{side.name} {kind}"] = {
                    **_measured(scored, holds, scenario),
                    "rounds": each.rounds if each.mixture.encoder else 0,
                    "lambda": each.lam,
                    "mixture": each.mixture.words,
                }
            if len(holds) == len(self._holds):
                popular = [np.broadcast_to(held.buyers.astype(float), held.history.shape) for held in holds]
                found[scenario]["popularity"] = _measured(popular, holds, scenario)
        return found

    def served(
        self,
        side: Side,
        chosen: Kinds,
        early: Sequence[bytes],
        late: Sequence[bytes],
        own: EvaluationReading,
    ) -> Rows:
        """What nodes make of it, blended with the own model and gated, as the product learns it.

        ``own``: what the members' own models do on the same validation weeks.
        """
        n = len(self.consortium.vocabulary)
        taken = {scenario: best(kinds) for scenario, kinds in chosen.items()}
        exchange = Exchange(
            fitted=WholeGram(matrix=self.grams[self.early]),
            refitted=WholeGram(matrix=self.grams[self.late]),
            lambdas={scenario: each.lam for scenario, each in taken.items()},
            mixes={scenario: each.mixture for scenario, each in taken.items()},
            encoders={
                scenario: (
                    side.chain.network(early[each.rounds - 1], n),
                    side.chain.network(late[each.rounds - 1], n),
                )
                for scenario, each in taken.items()
                if each.mixture.encoder
            },
            gains={
                scenario: each.mean - floor
                for scenario, each in taken.items()
                if (floor := getattr(own, scenario).own) is not None
            },
        )

        def learned(records: Records) -> NodeModel:
            return learn(records, self.consortium.vocabulary, windows=WINDOWS, exchange=exchange).model

        with ThreadPoolExecutor(self._threads) as pool:
            models = list(pool.map(learned, self.consortium.members))
        found: Rows = {}
        for scenario in SCENARIOS:
            parts = [model.scenarios[scenario] for model in models]
            scored = [
                model.matrix_scores(scenario, held.history, held.candidates(scenario))
                for model, held in zip(models, self._holds, strict=True)
            ]
            local = [
                model.local_matrix_scores(scenario, held.history)
                for held, model in zip(self._holds, models, strict=True)
            ]
            found[scenario] = {
                "blend and gate": {
                    **_measured(scored, self._holds, scenario),
                    "rounds": taken[scenario].rounds if taken[scenario].mixture.encoder else 0,
                    "mixture": taken[scenario].mixture.words,
                    "deployed": sum(part.deployed for part in parts),
                },
                "local EASE": _measured(local, self._holds, scenario),
            }
        return found


def written(path: Path, report: Mapping[str, object]) -> None:
    """``report`` as JSON; a reader sees the old file or the new one, whole."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.replace(path)


def _gram(rows: NDArray[np.float32]) -> Gram:
    return np.asarray((rows.T @ rows).astype(np.float64))


def _ridges(chosen: Kinds) -> set[int]:
    return {each.lam for kinds in chosen.values() for each in kinds.values()}


def _measured(scored: Sequence[NDArray[np.floating]], holds: Sequence[HoldOut], scenario: str) -> Json:
    """nDCG@10: mean over companies, the worst, and each."""
    values = [
        float(arms.measure(scores, held, scenario).gains.mean())
        for scores, held in zip(scored, holds, strict=True)
    ]
    return {"mean": float(np.mean(values)), "worst": float(np.min(values)), "by_company": values}
