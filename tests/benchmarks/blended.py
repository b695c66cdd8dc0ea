"""What nodes would serve: the product's own choice between the exchange, the own model and popularity, and its gate.

`participant.models` chooses on validation windows exactly as a node does; only the reading of purchases is the
benchmark's. The release's ridge is the one that the federated arm of the same run has chosen.
"""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from participant.models import local
from participant.models.exchange import REFITTED, Exchange, Own
from participant.models.holdout import CUSTOMERS, HoldOut
from participant.models.scoring import popularity, standardise, tilted
from participant.models.train import Choice, choose
from participant.models.windows import SCENARIOS
from protocols.questions.ease import ease
from tests.benchmarks import disjoint
from tests.benchmarks.learners import Floats, Sample
from tests.benchmarks.purchases import Shop
from tests.benchmarks.trial import Marked, Outcome, marked

Rows = NDArray[np.int64]


def served(shops: Sequence[Shop], shared: Outcome) -> Outcome:
    """Choose and judge at every company; ``shared`` is the tuned federated EASE."""
    began = time.process_time()
    fits, fulls = ([Sample(getattr(shop, window)) for shop in shops] for window in ("fit", "full"))
    exchange = Exchange(
        fitted=np.sum([each.gram for each in fits], axis=0),
        refitted=np.sum([each.gram for each in fulls], axis=0),
        lambdas={name: int(shared.chosen[0][name]["lambda"]) for name in SCENARIOS},
    )
    test: list[Marked] = []
    chosen = []
    for place, shop in enumerate(shops):
        mine = Own(gram=fits[place].gram, squares=np.diagonal(fits[place].gram))
        later = Own(gram=fulls[place].gram, squares=np.diagonal(fulls[place].gram))
        held = shop.valid.dense(_some(shop))
        tuned = local.tune(mine.gram, held)
        choices = {name: choose(held, name, tuned, mine, exchange)[0] for name in SCENARIOS}
        weights = {lam: ease(later.gram, float(lam)) for lam in {each.lam for each in tuned.chosen.values()}}
        test.append(marked(shop.test, _mixed(choices, weights, exchange, later)))
        chosen.append({name: _said(choice) for name, choice in choices.items()})
    return Outcome(
        test=test,
        valid=[],
        chosen=chosen,
        seeds={name: [float(np.mean([m[name].ndcg.mean() for m in test]))] for name in SCENARIOS},
        fit_s=time.process_time() - began,
        score_ms=0.0,
    )


def _some(shop: Shop) -> Rows:
    """At most as many customers as a node judges with."""
    customers = shop.fit.shape[0]
    return np.sort(np.random.default_rng(0).permutation(customers)[:CUSTOMERS])


def _mixed(choices: dict[str, Choice], weights: dict[int, Floats], exchange: Exchange, own: Own):
    everywhere = np.rint(np.diagonal(exchange.refitted)).astype(np.int64)

    def scores(_rows: Rows, history, held: HoldOut) -> dict[str, Floats]:
        found = {}
        for name, choice in choices.items():
            candidates = held.candidates(name)
            alone = tilted(history @ weights[choice.own.lam], choice.own.tilt, own.buyers)
            local_scores = standardise(alone, candidates)
            if not choice.verdict.deployed or choice.federated is None:
                found[name] = local_scores
                continue
            released = exchange.released(REFITTED, name, choice.federated, own)
            shared = released.scores(held.history, candidates, everywhere)
            popular = standardise(np.broadcast_to(popularity(held.buyers), candidates.shape), candidates)
            found[name] = choice.mix.apply(local_scores, standardise(shared, candidates), popular)
        return found

    return scores


def _said(choice: Choice) -> dict[str, float]:
    return {
        "deployed": float(choice.verdict.deployed),
        "local": choice.mix.local,
        "popularity": choice.mix.popularity,
        "own ridge": choice.own.lam,
        "own tilt": choice.own.tilt,
    }


def apart(shops: Sequence[Shop], shared: Outcome) -> Outcome:
    """Federated EASE with a customer's own rows at other companies left out of the sum, one customer at a time."""
    began = time.process_time()
    gram = np.sum([Sample(shop.full).gram for shop in shops], axis=0)
    inverses = {
        lam: disjoint.inverse_of(gram, lam)
        for lam in {float(shared.chosen[0][name]["lambda"]) for name in SCENARIOS}
    }
    places = [{customer: row for row, customer in enumerate(shop.customers)} for shop in shops]
    test = []
    for mine, shop in enumerate(shops):

        def scores(rows: Rows, history, _held: HoldOut, mine=mine, shop=shop) -> dict[str, Floats]:
            dense = history.toarray()
            others = [
                np.concatenate(
                    [np.zeros((0, dense.shape[1]), np.float32)]
                    + [
                        other.full[places[at][customer]].toarray()
                        for at, other in enumerate(shops)
                        if at != mine and customer in places[at]
                    ]
                )
                for customer in (shop.customers[row] for row in rows)
            ]
            found = {lam: disjoint.scores(inverse, dense, others) for lam, inverse in inverses.items()}
            return {name: found[float(shared.chosen[0][name]["lambda"])] for name in SCENARIOS}

        test.append(marked(shop.test, scores))
    return Outcome(
        test=test,
        valid=[],
        chosen=shared.chosen,
        seeds={name: [float(np.mean([m[name].ndcg.mean() for m in test]))] for name in SCENARIOS},
        fit_s=time.process_time() - began,
        score_ms=0.0,
    )
