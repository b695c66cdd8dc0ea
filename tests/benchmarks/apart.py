"""Federated EASE without the households that are customers of several companies."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from participant.models.holdout import HoldOut
from participant.models.windows import SCENARIOS
from tests.benchmarks import disjoint
from tests.benchmarks.learners import Floats, Sample
from tests.benchmarks.purchases import Shop
from tests.benchmarks.trial import Outcome, here, marked

Rows = NDArray[np.int64]


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
        where=here(),
    )
