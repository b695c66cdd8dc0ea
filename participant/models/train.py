"""Learning a node's model: fit on window A, choose on validation, refit on everything, decide.

The model of window A is kept as a *rehearsal*: on validation weeks it makes the lists that the refitted
model would make, so that how lists are made can be judged as well (:mod:`participant.surprise.choosing`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from participant.answers.taste import gram as own_gram
from participant.answers.taste import squares
from participant.models import acceptance, blend, local
from participant.models.blend import LOCAL, Mix
from participant.models.elsewhere import buyers_elsewhere
from participant.models.gate import Verdict, judge
from participant.models.holdout import HoldOut, hold_out
from participant.models.node_model import NodeModel, ScenarioModel
from participant.models.scoring import linear, popularity, standardise
from participant.models.windows import SCENARIOS, Windows
from participant.store.records import Records
from protocols.errors import BadInput
from protocols.limits import FRACTION_BITS
from protocols.questions.ease import ease
from protocols.vocabulary import Vocabulary

Gram = NDArray[np.float64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exchange:
    """What the consortium released.

    ``fitted`` is the Gram matrix of the ``taste`` sum over window A, ``refitted`` of the one until
    the end of validation; ``lambdas`` the consortium's lambda of each scenario, from the
    ``evaluation`` question; ``release`` the id of the second sum, for the record; ``row_scheme`` and
    ``items_cap`` how both sums count a customer.
    """

    fitted: Gram
    refitted: Gram
    lambdas: Mapping[str, int]
    release: str = ""
    row_scheme: str = "binary"
    items_cap: int = 0
    _weights: dict[tuple[str, int], Floats] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.fitted.shape != self.refitted.shape or set(SCENARIOS) - set(self.lambdas):
            raise BadInput(
                expected="two sums over one vocabulary and a lambda for " + " and ".join(SCENARIOS),
                came=f"shapes {self.fitted.shape} and {self.refitted.shape}, lambdas for {sorted(self.lambdas)}",
                do="fetch the releases again",
            )

    def weights(self, window: str, scenario: str) -> Floats:
        """EASE weights of one window's sum ("fitted" or "refitted") at the scenario's lambda, kept."""
        key = (window, self.lambdas[scenario])
        if key not in self._weights:
            gram = self.fitted if window == "fitted" else self.refitted
            self._weights[key] = ease(gram, float(key[1]))
        return self._weights[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What validation decided for one scenario."""

    mix: Mix
    verdict: Verdict
    local_lambda: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learned:
    """The refitted ``model``; the ``rehearsal`` of window A with the same choices; its hold-out."""

    model: NodeModel
    rehearsal: NodeModel
    held: HoldOut


def learn(
    records: Records, vocabulary: Vocabulary, *, windows: Windows, exchange: Exchange | None = None
) -> Learned:
    """Learn a node's model; without an ``exchange`` it serves its own local model.

    Validation customers are those first seen before ``windows.customers_until``; purchases from
    ``windows.validation_until`` on are not read.
    """
    fit_gram = _gram(records, vocabulary, windows.fit_until, windows.customers_until)
    held = hold_out(
        records,
        vocabulary,
        history_until=windows.fit_until,
        target_until=windows.validation_until,
        customers_until=windows.customers_until,
    )
    tuned = local.tune(fit_gram, held)
    full_gram = _gram(records, vocabulary, windows.validation_until, windows.customers_until)
    own: dict[int, Floats] = {}
    scenarios: dict[str, ScenarioModel] = {}
    rehearsed: dict[str, ScenarioModel] = {}
    for scenario in SCENARIOS:
        choice, scores = _choose(held, scenario, tuned, exchange)
        if choice.local_lambda not in own:
            own[choice.local_lambda] = ease(full_gram, float(choice.local_lambda))
        rehearsed[scenario] = ScenarioModel(
            local=tuned.weights[scenario],
            federated=exchange.weights("fitted", scenario) if exchange else None,
            local_lambda=choice.local_lambda,
            federated_lambda=exchange.lambdas[scenario] if exchange else 0,
            mix=choice.mix,
            verdict=choice.verdict,
            acceptance=acceptance.fit(scores, held.candidates(scenario), held.future),
        )
        scenarios[scenario] = replace(
            rehearsed[scenario],
            local=own[choice.local_lambda],
            federated=exchange.weights("refitted", scenario) if exchange else None,
        )

    def assembled(
        parts: Mapping[str, ScenarioModel], gram: Gram, total: Gram | None, until: int
    ) -> NodeModel:
        buyers = _diagonal(gram)
        return NodeModel(
            vocabulary=vocabulary.digest,
            release=exchange.release if exchange else "",
            windows=windows,
            scenarios=parts,
            buyers=buyers,
            elsewhere=np.zeros_like(buyers)
            if total is None or exchange is None
            else buyers_elsewhere(
                np.diagonal(total), _own_squares(records, vocabulary, windows, until, exchange), buyers
            ),
            starters=records.starter_products(vocabulary, until=until),
            concepts=vocabulary.concepts,
        )

    refitted, fitted = (exchange.refitted, exchange.fitted) if exchange else (None, None)
    return Learned(
        model=assembled(scenarios, full_gram, refitted, windows.validation_until),
        rehearsal=assembled(rehearsed, fit_gram, fitted, windows.fit_until),
        held=held,
    )


def _diagonal(gram: Gram) -> NDArray[np.int64]:
    """Customers of each concept."""
    return np.rint(np.diagonal(gram)).astype(np.int64)


def _own_squares(
    records: Records, vocabulary: Vocabulary, windows: Windows, until: int, exchange: Exchange
) -> NDArray[np.float64]:
    """This company's part of the diagonal of a sum, counted as the sum counts."""
    rows = records.taste_rows(vocabulary, since=0, until=until, customers_until=windows.customers_until)
    found = squares(rows, len(vocabulary), exchange.row_scheme, exchange.items_cap)
    return np.ldexp(found.astype(np.float64), -FRACTION_BITS)


def _gram(records: Records, vocabulary: Vocabulary, until: int, customers_until: int) -> Gram:
    rows = records.taste_rows(vocabulary, since=0, until=until, customers_until=customers_until)
    return np.ldexp(own_gram(rows, len(vocabulary), "binary", 0).astype(np.float64), -FRACTION_BITS)


def _choose(
    held: HoldOut, scenario: str, tuned: local.TunedLocal, exchange: Exchange | None
) -> tuple[Choice, Floats]:
    """The choice for ``scenario`` and the standardised validation scores that it gives."""
    own = tuned.scores[scenario]
    lam = tuned.lambdas[scenario]
    candidates = held.candidates(scenario)
    if exchange is None:
        own_gains = blend.gains(held, scenario, own)
        choice = Choice(mix=LOCAL, verdict=judge(own_gains, own_gains, own_gains), local_lambda=lam)
        return choice, standardise(own, candidates)
    federated = linear(held.history, exchange.weights("fitted", scenario))
    chosen = blend.choose(held, scenario, own, federated)
    verdict = judge(chosen.local, chosen.federated, chosen.cross_fitted)
    choice = Choice(mix=chosen.mix if verdict.deployed else LOCAL, verdict=verdict, local_lambda=lam)
    popular = np.broadcast_to(popularity(held.buyers), candidates.shape)
    arms = (standardise(arm, candidates) for arm in (own, federated, popular))
    return choice, choice.mix.apply(*arms)
