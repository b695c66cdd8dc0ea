"""What a list is made of: a customer's measures of every concept, the pool, and the order.

Serving and the choice of boldness on validation weeks share this code, so that what is judged is
what is served.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.acceptance import Acceptance
from participant.models.node_model import NodeModel, ScenarioModel
from participant.surprise import measures
from participant.surprise.dial import Dial
from participant.surprise.diversity import rerank
from protocols.questions.ranking import TOP, top_indices

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Setting = tuple[float, float, float]
"""tau, beta, diversity: see :class:`participant.models.boldness.Boldness`."""

UNMOVED: Final[Setting] = (0.0, 0.0, 0.0)
"""The order of likelihood: what a customer without a history gets, whatever the node chose for others."""
NOBODY: Final = -1
"""Where a list ends before its length."""
POOL: Final = 2
"""Relevance first: surprise picks and orders among twice as many as asked for. Two is the smallest whole
factor that leaves something to pick; a wider pool lets faint chances in for their novelty alone."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """One customer's measures of every concept, (n_concepts,) each; ``scores`` are standardised."""

    scores: NDArray[np.float32]
    relevance: Floats
    surprise: Floats
    unexpected: Floats
    appeal: Floats

    def inside(self, dial: Dial) -> Mask:
        """Which concepts are as surprising as the dial asks."""
        return (self.surprise >= dial.minimum) & (self.surprise <= dial.maximum)

    def worth(self, order: Ints, *, tau: float, beta: float) -> Floats:
        """Utility of the concepts in ``order``."""
        return measures.utility(
            self.relevance[order], self.surprise[order], self.appeal[order], tau=tau, beta=beta
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shop:
    """What is the same for all customers of one scenario."""

    buyers: Ints
    novel: Floats
    appeal: Floats
    acceptance: Acceptance

    @classmethod
    def of(cls, model: NodeModel, scenario: str) -> "Shop":
        """The shop's side of ``scenario``; without a deployed release nothing is known of elsewhere."""
        part = model.scenarios[scenario]
        return cls(
            buyers=model.buyers,
            novel=measures.novelty(model.buyers),
            appeal=measures.appeal_elsewhere(model.buyers, model.elsewhere, model.least_elsewhere)
            if part.deployed
            else np.ones(len(model.buyers)),
            acceptance=part.acceptance,
        )

    def view(self, scores: NDArray[np.float32], shown: NDArray[np.float32], candidates: Mask) -> View:
        """Measures for one customer.

        Args:
            scores: blended and standardised, (n_concepts,).
            shown: what the shop's own model gives each concept, same shape.
            candidates: what may be suggested, same shape.
        """
        expected = measures.expectedness(np.where(candidates, shown, -np.inf), self.buyers)
        return View(
            scores=scores,
            relevance=self.acceptance.probability(scores),
            surprise=measures.surprise(self.novel, 1.0 - expected),
            unexpected=1.0 - expected,
            appeal=self.appeal,
        )


def pool(view: View, candidates: Mask, dial: Dial, n: int) -> tuple[Ints, int]:
    """The most likely inside the dial, best first; where these are too few, the nearest outside fill up.

    Returns:
        At most ``POOL * n`` concepts, and how many candidates lie outside the dial.
    """
    inside = candidates & view.inside(dial)
    outside = int((candidates & ~inside).sum())
    size = min(POOL * n, int(inside.sum()))
    found = top_indices(np.where(inside, view.scores, -np.inf)[None, :], size)[0]
    missing = min(n - size, outside)
    if missing > 0:
        distance = np.maximum(dial.minimum - view.surprise, view.surprise - dial.maximum)
        near = top_indices(np.where(candidates & ~inside, -distance, -np.inf)[None, :], missing)[0]
        found = np.concatenate([found, near])
    return found, outside


def pick(view: View, order: Ints, likeness: Floats, n: int, setting: Setting) -> Ints:
    """The ``n`` concepts of the pool ``order`` that are shown."""
    tau, beta, diversity = setting
    return order[rerank(view.worth(order, tau=tau, beta=beta), likeness, n, diversity)]


def likeness_of(part: ScenarioModel, order: Ints) -> Floats:
    """How alike concepts are: cosine of their columns of weights, negative ones taken as 0."""
    columns = part.serving[:, order]
    norms = np.maximum(np.sqrt((columns**2).sum(0)), 1e-12)
    cosines = np.clip((columns.T @ columns) / norms[:, None] / norms[None, :], 0.0, 1.0)
    return np.asarray(cosines, np.float64)


def candidates_of(model: NodeModel, scenario: str, bought: Mask) -> Mask:
    """Never bought here, sold here and, under *surprise*, not shown anyway; shape of ``bought``."""
    sold = np.zeros(len(model.buyers), np.bool_)
    sold[list(model.starters)] = True
    hidden = model.obvious if scenario == "surprise" else np.zeros(len(sold), np.bool_)
    return np.asarray(~bought & sold & ~hidden, np.bool_)


def served_lists(
    model: NodeModel, history: NDArray[np.float32], scenario: str, settings: tuple[Setting, ...]
) -> Ints:
    """The lists of many customers as served without a dial: (settings, customers, TOP), NOBODY at the end.

    Args:
        model: what they are served from.
        history: binary rows, (customers, n_concepts).
        scenario: "surprise" or "explore".
        settings: how the pool is ordered; each makes lists of its own.
    """
    part, shop, open_dial = model.scenarios[scenario], Shop.of(model, scenario), Dial()
    allowed = candidates_of(model, scenario, history > 0)
    scores, shown = (
        model.matrix_scores(scenario, history, allowed),
        model.local_matrix_scores(scenario, history),
    )
    lists = np.full((len(settings), len(history), TOP), NOBODY, np.int64)
    for u in np.flatnonzero(allowed.any(1)):
        known = bool(history[u].any())
        if known:
            view = shop.view(scores[u], shown[u], allowed[u])
        else:
            view = shop.view(model.popular_scores(allowed[u]), model.buyers.astype(np.float32), allowed[u])
        order, _ = pool(view, allowed[u], open_dial, TOP)
        alike = likeness_of(part, order)
        for place, setting in enumerate(settings):
            found = pick(view, order, alike, TOP, setting if known else UNMOVED)
            lists[place, u, : len(found)] = found
    return lists


def list_gains(lists: Ints, target: Mask) -> Floats:
    """Each list's nDCG, (customers,); ``target`` is (customers, n_concepts), somebody in every row.

    >>> list_gains(np.array([[2, 0, NOBODY]]), np.array([[True, False, False]])).round(3)
    array([0.631])
    """
    rows = np.arange(len(lists))[:, None]
    hits = np.where(lists == NOBODY, False, target[rows, lists])
    discounts = 1.0 / np.log2(np.arange(2, lists.shape[1] + 2))
    best = np.cumsum(discounts)[np.minimum(target.sum(1), lists.shape[1]) - 1]
    return np.asarray((hits * discounts).sum(1) / best, np.float64)
