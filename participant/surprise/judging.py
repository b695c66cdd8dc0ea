"""What lists are worth on validation weeks: made as they are served, for customers whose future is known."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.holdout import HoldOut, Mask
from participant.models.node_model import NodeModel
from participant.models.scoring import linear
from participant.surprise.lists import Setting, list_gains, served_lists
from protocols.questions.ranking import ndcg

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CUSTOMERS: Final = 2_000
"""Validation customers whose lists are made, drawn at random where there are more."""


def served_gains(
    model: NodeModel,
    held: HoldOut,
    scenario: str,
    tried: tuple[Setting, ...],
    denied: Mask | None = None,
) -> tuple[Floats, Floats]:
    """nDCG@10 of the lists as served, (settings, customers), and of the own local model, (customers,).

    Targets are those of :func:`participant.models.blend.gains` without ``denied``; a target that the shop does
    not sell counts and cannot be found.
    """
    customers, local = seekers(model, held, scenario, denied)
    lists = served_lists(model, held.history[customers], scenario, tried, denied)
    target = held.future[customers] & (held.history[customers] == 0) & ~_excluded(held, scenario, denied)
    return np.stack([list_gains(shown, target) for shown in lists]), local


def seekers(
    model: NodeModel, held: HoldOut, scenario: str, denied: Mask | None = None
) -> tuple[Ints, Floats]:
    """Row numbers of the customers whose lists are judged, and nDCG@10 of the own local model for each."""
    own = linear(held.history, model.scenarios[scenario].local)
    found = ndcg(own, held.history > 0, held.future, _excluded(held, scenario, denied))
    customers, local = found.customers, found.gains
    if len(customers) > CUSTOMERS:
        kept = np.sort(np.random.default_rng(0).permutation(len(customers))[:CUSTOMERS])
        customers, local = customers[kept], local[kept]
    return customers, local


def _excluded(held: HoldOut, scenario: str, denied: Mask | None) -> Mask:
    return held.excluded(scenario) if denied is None else held.excluded(scenario) | denied
