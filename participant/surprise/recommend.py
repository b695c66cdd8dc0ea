"""The list itself: candidates, utility, dial, diversity, the shop's own product, reasons."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.node_model import NodeModel
from participant.store.records_products import Product
from participant.surprise import measures
from participant.surprise.dial import Dial
from participant.surprise.diversity import rerank
from participant.surprise.reasons import Reason, reason
from protocols.errors import BadInput
from protocols.questions.ranking import top_indices

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
POOL: Final = 2
"""Relevance first: of twice as many as asked for, the most likely ones within the dial, surprise then
picks and orders. A wider pool lets faint chances in for their novelty alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One suggestion. ``score`` is its utility, ``surprise`` and ``relevance`` are in [0, 1].

    ``relevance`` is the calibrated chance that the customer buys the concept for the first time
    within a window like the validation weeks.
    """

    item_id: str
    item_name: str
    concept: str
    concept_index: int
    score: float
    surprise: float
    relevance: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationList:
    """The suggestions in order, and how many concepts were left out for which reason."""

    items: tuple[Recommendation, ...]
    filtered: Mapping[str, int]
    degraded: bool


def recommend(
    model: NodeModel,
    concepts: Ints,
    *,
    n: int = 10,
    scenario: str = "surprise",
    dial: Dial | None = None,
    language: str = "en",
    sellable_only: bool = True,
) -> RecommendationList:
    """Suggest ``n`` concepts never bought here, each as the shop's own starter product.

    Args:
        model: what the node serves from.
        concepts: the customer's history, concept indices.
        n: length of the list.
        scenario: "surprise" or "explore".
        dial: bounds of surprise and exponents; None for the defaults.
        language: of the reasons, "en" or "it".
        sellable_only: leave out concepts that this shop has never sold (no product to show).

    Returns:
        Never empty while any candidate is left: where the dial leaves too few, the nearest ones
        fill up and ``degraded`` is set; a customer without a history gets the shop's bestsellers.

    Raises:
        BadInput: an unknown scenario or language, or ``n`` below 1.
    """
    if scenario not in model.scenarios or n < 1:
        raise BadInput(
            expected="n of at least 1 and a scenario of " + ", ".join(model.scenarios),
            came=f"{n}, {scenario!r}",
            do="correct the request",
        )
    dial = dial or Dial()
    candidates, filtered = _candidates(model, concepts, scenario, sellable_only=sellable_only)
    if not candidates.any():
        return RecommendationList(items=(), filtered=filtered, degraded=True)
    view = _View.of(model, concepts, scenario, candidates, dial)
    order, outside = _within_dial(view, candidates, dial, n)
    filtered["outside-dial"] = outside
    likeness = _likeness(model, scenario, order)
    picked = order[rerank(view.utility[order], likeness, n, dial.diversity)]
    items = tuple(_describe(model, view, scenario, int(c), concepts, language) for c in picked)
    degraded = len(concepts) == 0 or not view.inside(dial)[picked].all() or len(items) < n
    return RecommendationList(items=items, filtered=filtered, degraded=bool(degraded))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _View:
    """One customer's measures of every concept, (n_concepts,) each."""

    relevance: Floats
    surprise: Floats
    unexpected: Floats
    appeal: Floats
    utility: Floats

    @classmethod
    def of(
        cls, model: NodeModel, concepts: Ints, scenario: str, candidates: NDArray[np.bool_], dial: Dial
    ) -> "_View":
        part = model.scenarios[scenario]
        if len(concepts):
            scores = model.scores(scenario, concepts, candidates)
            shown = model.local_scores(scenario, concepts)
        else:
            scores = model.popular_scores(candidates)
            shown = model.buyers.astype(np.float32)
        relevance = part.acceptance.probability(scores)
        unexpected = 1.0 - measures.expectedness(np.where(candidates, shown, -np.inf), model.buyers)
        surprising = measures.surprise(measures.novelty(model.buyers), unexpected)
        appeal = (
            measures.appeal_elsewhere(model.buyers, model.elsewhere)
            if part.deployed
            else np.ones(len(candidates))
        )
        exponent = dial.tau if scenario == "surprise" else 0.0
        worth = measures.utility(relevance, surprising, appeal, tau=exponent, beta=dial.beta)
        return cls(
            relevance=relevance, surprise=surprising, unexpected=unexpected, appeal=appeal, utility=worth
        )

    def inside(self, dial: Dial) -> NDArray[np.bool_]:
        return (self.surprise >= dial.minimum) & (self.surprise <= dial.maximum)


def _candidates(
    model: NodeModel, concepts: Ints, scenario: str, *, sellable_only: bool
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    left = np.ones(len(model.buyers), np.bool_)
    filtered: dict[str, int] = {}

    def leave_out(name: str, mask: NDArray[np.bool_]) -> None:
        filtered[name] = int((left & mask).sum())
        left[mask] = False

    bought = np.zeros(len(left), np.bool_)
    bought[concepts] = True
    leave_out("bought-before", bought)
    if scenario == "surprise":
        leave_out("shown-anyway", model.obvious)
    if sellable_only:
        sold = np.zeros(len(left), np.bool_)
        sold[list(model.starters)] = True
        leave_out("not-sold-here", ~sold)
    return left, filtered


def _within_dial(view: _View, candidates: NDArray[np.bool_], dial: Dial, n: int) -> tuple[Ints, int]:
    """The pool: most likely inside the dial; where these are too few, the nearest outside fill up."""
    inside = candidates & view.inside(dial)
    outside = int((candidates & ~inside).sum())
    size = min(POOL * n, int(inside.sum()))
    pool = top_indices(np.where(inside, view.relevance, -np.inf)[None, :], size)[0]
    missing = min(n - size, outside)
    if missing > 0:
        distance = np.maximum(dial.minimum - view.surprise, view.surprise - dial.maximum)
        near = top_indices(np.where(candidates & ~inside, -distance, -np.inf)[None, :], missing)[0]
        pool = np.concatenate([pool, near])
    return pool, outside


def _likeness(model: NodeModel, scenario: str, order: Ints) -> Floats:
    """How alike concepts are: cosine of their columns of weights, negative ones taken as 0."""
    part = model.scenarios[scenario]
    weights = part.federated if part.federated is not None and part.deployed else part.local
    columns = weights[:, order]
    norms = np.maximum(np.sqrt((columns**2).sum(0)), 1e-12)
    cosines = np.clip((columns.T @ columns) / norms[:, None] / norms[None, :], 0.0, 1.0)
    return np.asarray(cosines, np.float64)


def _describe(
    model: NodeModel, view: _View, scenario: str, concept: int, concepts: Ints, language: str
) -> Recommendation:
    product = model.starters.get(concept)
    return Recommendation(
        item_id=product.item_id if product else "",
        item_name=product.name if product else "",
        concept=model.concepts[concept],
        concept_index=concept,
        score=float(view.utility[concept]),
        surprise=float(view.surprise[concept]),
        relevance=float(view.relevance[concept]),
        reasons=_reasons(model, view, scenario, concept, concepts, language, product),
    )


def _reasons(
    model: NodeModel,
    view: _View,
    scenario: str,
    concept: int,
    concepts: Ints,
    language: str,
    product: Product | None,
) -> tuple[Reason, ...]:
    part = model.scenarios[scenario]
    found: list[Reason] = []
    elsewhere, here = int(model.elsewhere[concept]), int(model.buyers[concept])
    if part.deployed and view.appeal[concept] > 1.1:
        found.append(reason("loved-elsewhere", language, support=elsewhere))
    weights = part.federated if part.federated is not None and part.deployed else part.local
    if len(concepts):
        anchor = int(concepts[np.argmax(weights[concepts, concept])])
        if weights[anchor, concept] > 0:
            support = here + elsewhere if part.deployed else here
            found.append(reason("goes-with", language, support=support, anchor=model.concepts[anchor]))
    if view.unexpected[concept] > 0.8 and here > 0:
        found.append(reason("rarely-shown", language, support=here))
    if product is not None and product.starters >= 5 and 2 * product.stayed > product.starters:
        found.append(reason("newcomers-stay", language, support=product.starters))
    return tuple(found) or (reason("popular-here", language, support=here),)
