"""What lists are worth on validation weeks: made as they are served, for customers whose future is known."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.holdout import HoldOut, Mask
from participant.models.node_model import NodeModel
from participant.surprise.dial import Dial
from participant.surprise.lists import Setting, boldest, list_gains, pool, seen, served_lists
from protocols.questions.ranking import TOP, ndcg

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CUSTOMERS: Final = 2_000
"""Validation customers whose lists are made, drawn at random where there are more."""
CHEAP: Final = 0.7
"""The share of customers for whom a bold place is cheap enough. Chosen on validation weeks: leaving out the dearest
three tenths keeps nine tenths of the coverage and saves two fifths of the loss."""
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
