"""Learning a node's model: fit on window A, choose on validation, refit on everything, decide.

The model of window A is kept as a *rehearsal*: on validation weeks it makes the lists that the refitted
model would make, so that how lists are made can be judged as well (:mod:`participant.surprise.choosing`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from participant.models import blend, local, own_rows
from participant.models.blend import LOCAL, Mix
from participant.models.elsewhere import buyers_elsewhere, least_elsewhere
from participant.models.exchange import FITTED, REFITTED, Candidate, Exchange, Own
from participant.models.gate import Verdict, judge
from participant.models.holdout import HoldOut, hold_out
from participant.models.node_model import NodeModel, ScenarioModel
from participant.models.refit import CUSTOMERS, Comparison
from participant.models.scoring import popularity, standardise
from participant.models.weights import Weights
from participant.models.windows import SCENARIOS, Windows
from participant.store.records import Records
from participant.store.records_rows import RowBatch
from participant.tallies.taste import squares
from protocols.limits import FRACTION_BITS, SQUARE_MAX
from protocols.questions.mixture import PLAIN
from protocols.vocabulary import Vocabulary

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What validation decided for one scenario; ``federated`` is None without an exchange."""

    mix: Mix
    verdict: Verdict
    own: local.Setting
    federated: Candidate | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learned:
    """The refitted ``model``; the ``rehearsal`` of window A with the same choices; its hold-out."""

    model: NodeModel
    rehearsal: NodeModel
    held: HoldOut


def learn(
    records: Records,
    vocabulary: Vocabulary,
    *,
    windows: Windows,
    exchange: Exchange | None = None,
    square_max: int = SQUARE_MAX,
    denied: Mask | None = None,
) -> Learned:
    """Learn a node's model; without an ``exchange`` it serves its own local model.

    Validation customers are those first seen before ``windows.customers_until``; purchases from
    ``windows.validation_until`` on are not read. The own model of more than ``square_max`` concepts is read from columns.
    A refit that lifts something unseen does not serve: :func:`as_judged`; ``denied`` as there.
    """
    learned = refitted(records, vocabulary, windows=windows, exchange=exchange, square_max=square_max)
    return learned if exchange is None else as_judged(learned, comparisons(learned, denied))


def refitted(
    records: Records,
    vocabulary: Vocabulary,
    *,
    windows: Windows,
    exchange: Exchange | None,
    square_max: int = SQUARE_MAX,
) -> Learned:
    """What :func:`learn` gives where the refit serves, whatever it lifts."""
    fit, full = (
        _own(records, vocabulary, windows, until, exchange, square_max)
        for until in (windows.fit_until, windows.validation_until)
    )
    held = hold_out(
        records,
        vocabulary,
        history_until=windows.fit_until,
        target_until=windows.validation_until,
        customers_until=windows.customers_until,
    )
    tuned = local.tune(fit.gram, held)
    own: dict[int, Weights] = {}
    scenarios: dict[str, ScenarioModel] = {}
    rehearsed: dict[str, ScenarioModel] = {}
    for scenario in SCENARIOS:
        choice, scores = choose(held, scenario, tuned, fit, exchange)
        made = choice.federated
        if choice.own.lam not in own:
            own[choice.own.lam] = full.gram.weights(float(choice.own.lam))
        early, late = (
            exchange.released(window, scenario, made, mine) if exchange and made else None
            for window, mine in ((FITTED, fit), (REFITTED, full))
        )
        rehearsed[scenario] = ScenarioModel(
            local=tuned.weights[scenario],
            federated=early.ease if early else None,
            local_lambda=choice.own.lam,
            local_tilt=choice.own.tilt,
            federated_lambda=made.lam if made else 0,
            mix=choice.mix,
            verdict=choice.verdict,
            acceptance=held.acceptance(scores, held.candidates(scenario)),
            others_weight=made.weight if made else 0.0,
            encoder=early.encoder if early else None,
            mixture=early.mixture if early else PLAIN,
        )
        scenarios[scenario] = replace(
            rehearsed[scenario],
            local=own[choice.own.lam],
            federated=late.ease if late else None,
            encoder=late.encoder if late else None,
        )

    def assembled(parts: Mapping[str, ScenarioModel], mine: Own, window: str, until: int) -> NodeModel:
        elsewhere, least = _elsewhere(exchange, window, mine)
        return NodeModel(
            vocabulary=vocabulary.digest,
            release=exchange.release if exchange else "",
            windows=windows,
            scenarios=parts,
            buyers=mine.buyers,
            elsewhere=elsewhere,
            least_elsewhere=least,
            starters=records.starter_products(vocabulary, until=until),
            concepts=vocabulary.concepts,
            on_sale=records.on_sale(vocabulary, until=until, customers_until=windows.customers_until),
        )

    return Learned(
        model=assembled(scenarios, full, REFITTED, windows.validation_until),
        rehearsal=assembled(rehearsed, fit, FITTED, windows.fit_until),
        held=held,
    )


def as_judged(learned: Learned, compared: Iterable[Comparison]) -> Learned:
    """The same, the judged sum in place of a refit that lifts something: :mod:`participant.models.refit`."""
    model, rehearsal = learned.model, learned.rehearsal
    found = next((risen for each in compared if (risen := each.risen) is not None), None)
    if found is None:
        return learned
    parts = {
        name: replace(
            part, federated=rehearsal.scenarios[name].federated, encoder=rehearsal.scenarios[name].encoder
        )
        for name, part in model.scenarios.items()
    }
    served = replace(
        model,
        scenarios=parts,
        elsewhere=rehearsal.elsewhere,
        least_elsewhere=rehearsal.least_elsewhere,
        risen=found,
    )
    return replace(learned, model=served)


def comparisons(learned: Learned, denied: Mask | None = None) -> Iterator[Comparison]:
    """Lists that a refit moves: of all concepts, of those sold here, and by popularity elsewhere.

    As they are served: ``denied`` concepts, (n_concepts,), are neither shown nor learned from. Else a lie that counts
    against whoever buys one of them (wine, say) would not be seen, and be served. Not of those concepts alone that
    nobody bought here: they are rare, and honest weeks move them as far as a forged answer.
    """
    model, rehearsal = learned.model, learned.rehearsal
    history = open_to(learned.held.history[:CUSTOMERS], denied)
    sold = np.zeros(len(model.concepts), np.bool_)
    sold[list(model.starters)] = True
    for scenario in SCENARIOS:
        fresh = learned.held.candidates(scenario)[:CUSTOMERS]
        if denied is not None:
            fresh &= ~denied
        own = model.local_matrix_scores(scenario, history)
        for allowed in (fresh, fresh & sold):
            served, judged = (each.matrix_scores(scenario, history, allowed) for each in (model, rehearsal))
            yield Comparison(names=model.concepts, served=served, before=(judged, own), allowed=allowed)
    yield Comparison(
        names=model.concepts,
        served=model.elsewhere[None, :].astype(np.float64),
        before=(rehearsal.elsewhere[None, :].astype(np.float64),),
        allowed=np.ones((1, len(sold)), np.bool_),
    )


def open_to(history: Floats, denied: Mask | None) -> Floats:
    """``history``, (customers, n_concepts), as lists are made from it: without what is ``denied``."""
    return history if denied is None else np.where(denied, np.float32(0), history)


def _own(
    records: Records,
    vocabulary: Vocabulary,
    windows: Windows,
    until: int,
    exchange: Exchange | None,
    square_max: int,
) -> Own:
    """This company's exact statistics until ``until``, in binary rows and as the exchange counts."""
    asked = {"since": 0, "until": until, "customers_until": windows.customers_until}

    def rows() -> Iterator[RowBatch]:
        return records.taste_rows(vocabulary, **asked)

    gram = own_rows.gram(rows, len(vocabulary), square_max=square_max)
    if exchange is None:
        return Own(gram=gram, squares=gram.diagonal.copy())
    found = squares(rows(), len(vocabulary), exchange.row_scheme, exchange.items_cap)
    return Own(gram=gram, squares=np.ldexp(found.astype(np.float64), -FRACTION_BITS))


def _elsewhere(exchange: Exchange | None, window: str, own: Own) -> tuple[Ints, Ints]:
    """Customers of the others for each concept: as estimated, and at the least."""
    if exchange is None:
        return np.zeros_like(own.buyers), np.zeros_like(own.buyers)
    others = exchange.others(window, own)
    return (
        buyers_elsewhere(others.read, own.squares, own.buyers),
        least_elsewhere(others.released, others.sigma, own.squares, own.buyers),
    )


def choose(
    held: HoldOut, scenario: str, tuned: local.TunedLocal, fit: Own, exchange: Exchange | None
) -> tuple[Choice, Floats]:
    """The choice for ``scenario`` and the standardised validation scores that it gives."""
    own, setting = tuned.scores[scenario], tuned.chosen[scenario]
    candidates = held.candidates(scenario)
    if exchange is None:
        own_gains = blend.gains(held, scenario, own)
        choice = Choice(mix=LOCAL, verdict=judge(own_gains, own_gains, own_gains), own=setting)
        return choice, standardise(own, candidates)
    made = exchange.candidates(scenario, setting)
    everywhere = fit.buyers + _elsewhere(exchange, FITTED, fit)[0]
    scores = [
        exchange.released(FITTED, scenario, each, fit).scores(held.history, candidates, everywhere)
        for each in made
    ]
    chosen = blend.choose(held, scenario, own, scores)
    verdict = judge(
        chosen.local,
        chosen.federated,
        chosen.cross_fitted,
        noisy=any(exchange.sigmas),
        prior=exchange.prior(scenario),
    )
    taken = made[chosen.place]
    choice = Choice(
        mix=chosen.mix if verdict.deployed else LOCAL, verdict=verdict, own=setting, federated=taken
    )
    popular = np.broadcast_to(popularity(held.buyers), candidates.shape)
    arms = (standardise(arm, candidates) for arm in (own, scores[chosen.place], popular))
    return choice, choice.mix.apply(*arms)
