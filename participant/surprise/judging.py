"""What lists are worth on validation weeks: made as they are served, for customers whose future is known."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.boldness import PLACES
from participant.models.holdout import HoldOut, Mask
from participant.models.node_model import NodeModel
from participant.models.refit import CUSTOMERS as COMPARED
from participant.models.refit import Comparison
from participant.models.train import Learned, open_to
from participant.models.windows import SCENARIOS
from participant.surprise import measures
from participant.surprise.dial import Dial
from participant.surprise.lists import BOLD_FROM, Setting, Shop, boldest, list_gains, pool, seen, served_lists
from protocols.questions.ranking import TOP, ndcg

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CUSTOMERS: Final = 2_000
"""Validation customers whose lists are made, drawn at random where there are more."""
CHEAP: Final = 0.7
"""The share of customers for whom a bold place is cheap enough. Chosen on validation weeks: leaving out the dearest
three tenths keeps nine tenths of the coverage and saves two fifths of the loss."""
BOLD_PLACES: Final = (2, PLACES)
"""How many bold places are compared: of a list of ten those that a node may choose, and those that a request may ask for."""
SAMPLED: Final = 500
"""Customers who suffice to find that cost."""


def served_gains(
    model: NodeModel,
    held: HoldOut,
    scenario: str,
    tried: tuple[Setting, ...],
    denied: Mask | None = None,
    cap: float = 1.0,
) -> tuple[Floats, Floats]:
    """nDCG@10 of the lists as served, (settings, customers), and of the own local model, (customers,).

    Targets are those of :func:`participant.models.blend.gains` without ``denied``; a target that the shop does
    not sell counts and cannot be found.
    """
    customers, local = seekers(model, held, scenario, denied)
    lists = served_lists(model, held.history[customers], scenario, tried, denied, cap=cap)
    target = held.future[customers] & (held.history[customers] == 0) & ~_excluded(held, scenario, denied)
    return np.stack([list_gains(shown, target) for shown in lists]), local


def affordable(model: NodeModel, held: HoldOut, scenario: str, denied: Mask | None = None) -> float:
    """What a bold suggestion lacks in chance beside the tenth of the list, for all but the customers whom it costs most.

    Chances and not purchases: nothing of the future is looked at.
    """
    known = held.history[held.history.any(1)][:SAMPLED]
    lacks = []
    for one in seen(model, known, scenario, denied):
        order, _ = pool(one.view, one.candidates, Dial(), TOP)
        bold = boldest(one.view, order[:TOP], 1, one.candidates)
        if len(order) >= TOP and len(bold):
            lacks.append(one.view.relevance[order[TOP - 1]] - one.view.relevance[bold[0]])
    return float(np.clip(np.quantile(lacks, CHEAP), 0.0, 1.0)) if lacks else 1.0


def bold_orders(learned: Learned, denied: Mask | None = None) -> Iterator[Comparison]:
    """What a refit moves into bold places, which are filled from any depth, beside the judged sum.

    First places by what is most the customer's own, of all that is bold by the refit; only where a release is deployed.
    """
    model, rehearsal = learned.model, learned.rehearsal
    history = open_to(learned.held.history[:COMPARED], denied)
    kinds = np.count_nonzero(history, axis=1)[:, None]
    for scenario in SCENARIOS:
        if not model.scenarios[scenario].deployed:
            continue
        candidates = np.zeros(history.shape, np.bool_)
        bold, served = np.zeros_like(candidates), np.zeros(history.shape)
        for one in seen(model, history, scenario, denied):
            candidates[one.at] = one.candidates
            bold[one.at] = one.candidates & (one.view.surprise >= BOLD_FROM) & one.known
            served[one.at] = one.view.own
        chance, usual = rehearsal.scenarios[scenario].acceptance, Shop.of(rehearsal, scenario).usual
        scores = rehearsal.matrix_scores(scenario, history, candidates)
        before = measures.own(chance.probability(scores, kinds), chance.probability(usual[None, :], kinds))
        yield Comparison(
            names=model.concepts, served=served, before=(before,), allowed=bold, depths=BOLD_PLACES
        )


def seekers(
    model: NodeModel, held: HoldOut, scenario: str, denied: Mask | None = None
) -> tuple[Ints, Floats]:
    """Row numbers of the customers whose lists are judged, and nDCG@10 of the own local model for each."""
    own = model.local_matrix_scores(scenario, held.history)
    found = ndcg(own, held.history > 0, held.future, _excluded(held, scenario, denied))
    customers, local = found.customers, found.gains
    if len(customers) > CUSTOMERS:
        kept = np.sort(np.random.default_rng(0).permutation(len(customers))[:CUSTOMERS])
        customers, local = customers[kept], local[kept]
    return customers, local


def _excluded(held: HoldOut, scenario: str, denied: Mask | None) -> Mask:
    return held.excluded(scenario) if denied is None else held.excluded(scenario) | denied
