"""What the exchange makes of the companies' rows, and what nodes serve: the product's own questions and models.

Releases are those of `taste` and of a few rounds of `encoder`; ridges, rounds and mixtures are chosen by `evaluation`
on validation windows, first without an autoencoder, then with it. Sums are taken in the open, which changes no bit of
them: what the secure sum is like is measured elsewhere. `participant.models` then learns at every company as at a node.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from participant.models import Exchange, NodeModel, learn
from participant.models.gram import WholeGram
from participant.models.holdout import HoldOut
from participant.models.released import Released
from participant.models.weights import SquareWeights
from participant.models.windows import SCENARIOS
from protocols.questions.ease import ease
from protocols.questions.mixture import WITH_ENCODER, WITHOUT_ENCODER, Mixture
from tests.benchmarks.consortium import FIT_UNTIL, VALIDATION_UNTIL
from tests.benchmarks.encoder_side import Side
from tests.benchmarks.learners import Sample, Setting
from tests.benchmarks.purchases import Shop
from tests.benchmarks.shop_records import WINDOWS, ShopRecords, vocabulary_of
from tests.benchmarks.trial import Marked, Outcome, here, marked

ENCODER, TILTED, MIXTURE = "federated autoencoder", "federated EASE + popularity", "federated mixture"
BLEND, OWN = "blend and gate", "local model of a node"
ARMS = (TILTED, ENCODER, MIXTURE, BLEND)
PLAIN = "0:100:0"
EVERY = 2
"""Rounds between two looks at the autoencoder."""
CUSTOMERS = 5_000
"""Who choose for the exchange, of all companies together, each as many: more take longer and choose the same."""
ALONE = Mixture.typed("100:0:0")
EARLY, LATE = b"a" * 32, b"b" * 32
Scores = NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The best setting of one arm and scenario; ``rounds`` 0 without an autoencoder."""

    mean: float
    rounds: int
    lam: int
    mixture: Mixture

    @property
    def said(self) -> Setting:
        """For the record."""
        return {"rounds": self.rounds, "lambda": self.lam, **asdict(self.mixture)}


def exchanged(shops: Sequence[Shop], *, ridges: Sequence[int], rounds: int, seed: int) -> dict[str, Outcome]:
    """All arms of one seed."""
    began = time.process_time()
    records = [ShopRecords(shop) for shop in shops]
    grams = {
        release: np.sum([Sample(getattr(shop, window)).gram for shop in shops], axis=0)
        for release, window in ((EARLY, "fit"), (LATE, "full"))
    }
    vocabulary = vocabulary_of(shops)
    with tempfile.TemporaryDirectory() as folder:
        side = Side(
            name="companies",
            answering=records,
            grams=grams,
            vocabulary=vocabulary,
            folder=Path(folder),
            seed=seed,
            masked=False,
        )
        made, chosen, floor = _chosen(side, records, ridges, rounds)
        deepest = max(each.rounds for arms in chosen.values() for each in arms.values())
        again = _rounds(side, LATE, VALIDATION_UNTIL, deepest)
        networks = {
            (window, at): side.chain.network(releases[at - 1], len(vocabulary))
            for window, releases in ((EARLY, made), (LATE, again))
            for at in {each.rounds for arms in chosen.values() for each in arms.values() if each.rounds}
        }
    ridges_chosen = {each.lam for arms in chosen.values() for each in arms.values()}
    inverses = {lam: ease(grams[LATE], float(lam)) for lam in ridges_chosen}
    released = {
        (arm, name): Released(
            ease=SquareWeights(matrix=inverses[each.lam]),
            encoder=networks.get((LATE, each.rounds)),
            mixture=each.mixture,
        )
        for arm, arms in chosen.items()
        for name, each in arms.items()
    }
    everywhere = np.rint(np.diagonal(grams[LATE])).astype(np.int64)
    found = {
        arm: _outcome(
            [
                marked(
                    shop.test,
                    _each(lambda name, held, arm=arm: released[arm, name].scores(
                        held.history, held.candidates(name), everywhere
                    )),
                )
                for shop in shops
            ],
            [{name: each.said for name, each in arms.items()}] * len(shops),
            began,
        )
        for arm, arms in chosen.items()
    }  # fmt: skip
    best = chosen[MIXTURE]
    exchange = Exchange(
        fitted=WholeGram(matrix=grams[EARLY]),
        refitted=WholeGram(matrix=grams[LATE]),
        lambdas={name: each.lam for name, each in best.items()},
        mixes={name: each.mixture for name, each in best.items()},
        encoders={
            name: (networks[EARLY, each.rounds], networks[LATE, each.rounds])
            for name, each in best.items()
            if each.rounds
        },
        gains={name: each.mean - floor[name] for name, each in best.items()},
    )
    models = [learn(mine, vocabulary, windows=WINDOWS, exchange=exchange).model for mine in records]
    test = [marked(shop.test, _served(model)) for shop, model in zip(shops, models, strict=True)]
    return {**found, BLEND: _outcome(test, [_said(model) for model in models], began)}


def _chosen(
    side: Side, records: Sequence[ShopRecords], ridges: Sequence[int], rounds: int
) -> tuple[list[bytes], dict[str, dict[str, Chosen]], dict[str, float]]:
    """Rounds over the fit window; by arm and scenario the best setting on validation weeks; the own models' mean."""
    cap = CUSTOMERS // len(records)
    settings: dict[str, list[Chosen]] = {name: [] for name in SCENARIOS}
    floor: dict[str, float] = {}

    def look(encoder: bytes, lambdas: Sequence[int], mixes: str, at: int = 0) -> dict[str, Chosen]:
        beside = "nothing" if floor else "own"  # the same whatever is evaluated
        reading = side.evaluate(
            EARLY, encoder, records, lambdas=lambdas, mixes=mixes, customers_cap=cap, beside=beside
        )
        for name in SCENARIOS:
            mean = getattr(reading, name).own
            if mean is not None:
                floor[name] = mean
            settings[name] += _settings(getattr(reading, name), at)
        return {name: max(settings[name], key=lambda each: each.mean) for name in SCENARIOS}

    near = sorted({each.lam for each in look(b"", ridges, PLAIN).values()})
    tilted = look(b"", near, WITHOUT_ENCODER)
    made, mixed = _rounds(side, EARLY, FIT_UNTIL, rounds), tilted
    for at in range(EVERY, rounds + 1, EVERY):
        mixed = look(made[at - 1], near, WITH_ENCODER, at)
    alone = {
        name: max((e for e in settings[name] if e.mixture == ALONE), key=lambda each: each.mean)
        for name in SCENARIOS
    }
    return made, {TILTED: tilted, ENCODER: alone, MIXTURE: mixed}, floor


def _rounds(side: Side, taste: bytes, until: int, count: int) -> list[bytes]:
    """``count`` rounds from ``taste``, each after the one before."""
    made: list[bytes] = []
    for _ in range(count):
        made.append(side.train(taste, until, made[-1] if made else b""))
    return made


def _settings(metric, rounds: int) -> list[Chosen]:
    return [
        Chosen(mean=mean, rounds=rounds if mixture.encoder else 0, lam=lam, mixture=mixture)
        for (lam, mixture), mean in zip(metric.settings, metric.means, strict=True)
    ]


def own(shops: Sequence[Shop]) -> Outcome:
    """The model that a node learns without an exchange: the floor of the gate."""
    began = time.process_time()
    learned = [learn(ShopRecords(shop), vocabulary_of(shops), windows=WINDOWS) for shop in shops]
    pairs = list(zip(shops, learned, strict=True))
    return _outcome(
        [marked(shop.test, _served(each.model)) for shop, each in pairs],
        [
            {name: {"lambda": part.local_lambda} for name, part in each.model.scenarios.items()}
            for each in learned
        ],
        began,
        valid=[marked(shop.valid, _served(each.rehearsal)) for shop, each in pairs],
    )


def _served(model: NodeModel) -> Callable[..., dict[str, Scores]]:
    return _each(lambda name, held: model.matrix_scores(name, held.history, held.candidates(name)))


def _each(scores: Callable[[str, HoldOut], Scores]) -> Callable[..., dict[str, Scores]]:
    return lambda _rows, _history, held: {name: scores(name, held) for name in SCENARIOS}


def _said(model: NodeModel) -> dict[str, Setting]:
    return {
        name: {"deployed": float(part.deployed), **asdict(part.mix)} for name, part in model.scenarios.items()
    }


def _outcome(
    test: list[Marked], chosen: list[dict[str, Setting]], began: float, valid: list[Marked] | None = None
) -> Outcome:
    return Outcome(
        test=test,
        valid=valid or [],
        chosen=chosen,
        seeds={name: [float(np.mean([each[name].ndcg.mean() for each in test]))] for name in SCENARIOS},
        fit_s=time.process_time() - began,
        score_ms=0.0,
        where=here(),
    )
