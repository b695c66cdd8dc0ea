"""The list itself: candidates, utility, dial, diversity, the shop's own product, reasons."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from participant.models.boldness import PLAIN, Boldness
from participant.models.node_model import NodeModel
from participant.store.records_products import Product
from participant.surprise import calibration
from participant.surprise.dial import Dial
from participant.surprise.lists import Shop, View, likeness_of, pick, pool
from participant.surprise.reasons import Reason, reason
from protocols.errors import BadInput

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One suggestion. ``score`` is its utility, ``surprise`` and ``relevance`` are in [0, 1].

    ``relevance`` is the calibrated chance that the customer buys the concept for the first time within 30 days.
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
    denied: Mask | None = None,
    unwanted: Mask | None = None,
    moment: Mapping[str, int] | None = None,
) -> RecommendationList:
    """Suggest ``n`` concepts never bought here, each as the shop's own starter product.

    Args:
        model: what the node serves from.
        concepts: the customer's history, concept indices.
        n: length of the list.
        scenario: "surprise" or "explore".
        dial: bounds of surprise and exponents; None for what the node chose on its validation weeks.
        language: of the reasons, "en" or "it".
        denied: sensitive concepts, (n_concepts,): not suggested, no reason, and not looked at in the history.
        unwanted: what the request does not want to see, (n_concepts,).
        moment: bands by factor of when and where this is shown; it moves the ranking as far as that was found
            to help here. None for no moment in particular.

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
    none = np.zeros(len(model.buyers), np.bool_)
    masks = {
        "sensitive": none if denied is None else denied,
        "by-request": none if unwanted is None else unwanted,
    }
    shop = Shop.of(model, scenario)
    candidates, filtered = _candidates(shop, concepts, scenario, masks)
    if denied is not None:
        concepts = concepts[~denied[concepts]]
    if not candidates.any():
        return RecommendationList(items=(), filtered=filtered, degraded=True)
    part = model.scenarios[scenario]
    view = _view(model, shop, concepts, scenario, candidates, moment or {})
    order, outside = pool(view, candidates, dial, n)
    filtered["outside-dial"] = outside
    # Nothing is known of a customer without a history that could make a bold choice theirs.
    bold = dial.settle(part.boldness) if len(concepts) else PLAIN
    if dial.calibration and len(concepts):
        picked = order[_calibrated(model, view, order, concepts, n, bold, dial.calibration)]
    else:
        setting = (bold.tau, bold.beta, bold.diversity, bold.places)
        inside = candidates & view.inside(dial)
        alike = likeness_of(part, order) if bold.diversity else np.zeros((len(order), len(order)))
        picked = pick(view, order, alike, n, setting, inside, cap=bold.cap)
    worth = view.worth(picked, tau=bold.tau, beta=bold.beta)
    items = tuple(
        _describe(model, view, scenario, int(c), float(score), concepts, language)
        for c, score in zip(picked, worth, strict=True)
    )
    degraded = len(concepts) == 0 or not view.inside(dial)[picked].all() or len(items) < n
    return RecommendationList(items=items, filtered=filtered, degraded=bool(degraded))


def _calibrated(
    model: NodeModel, view: View, order: Ints, concepts: Ints, n: int, bold: Boldness, strength: float
) -> Ints:
    """Places in ``order``: the pool divided between categories as the customer's purchases are."""

    def category(concept: int) -> str:
        product = model.starters.get(concept)
        return product.category if product is not None else ""

    utility = view.worth(order, tau=bold.tau, beta=bold.beta)
    bought = [category(int(c)) for c in concepts]
    return calibration.rerank(utility, [category(int(c)) for c in order], bought, n, strength)


def _view(
    model: NodeModel, shop: Shop, concepts: Ints, scenario: str, candidates: Mask, moment: Mapping[str, int]
) -> View:
    moved = model.swayed(scenario, moment)
    known = len(concepts) > 0
    scores = model.scores(scenario, concepts, candidates) if known else model.popular_scores(candidates)
    shown = model.local_scores(scenario, concepts) if known else model.buyers.astype(np.float32)
    return shop.view(scores if moved is None else scores + moved, shown, candidates, len(concepts))


def _candidates(
    shop: Shop, concepts: Ints, scenario: str, masks: Mapping[str, Mask]
) -> tuple[Mask, dict[str, int]]:
    left = np.ones(len(shop.sold), np.bool_)
    filtered: dict[str, int] = {}

    def leave_out(name: str, mask: Mask) -> None:
        filtered[name] = int((left & mask).sum())
        left[mask] = False

    # First, for everybody alike: a count of what is left of it would tell how much of it this customer bought.
    leave_out("sensitive", masks["sensitive"])
    bought = np.zeros(len(left), np.bool_)
    bought[concepts] = True
    leave_out("bought-before", bought)
    if scenario == "surprise":
        leave_out("shown-anyway", shop.hidden)
    leave_out("not-sold-here", ~shop.sold)
    leave_out("by-request", masks["by-request"])
    return left, filtered


def _describe(
    model: NodeModel,
    view: View,
    scenario: str,
    concept: int,
    score: float,
    concepts: Ints,
    language: str,
) -> Recommendation:
    product = model.starters.get(concept)
    return Recommendation(
        item_id=product.item_id if product else "",
        item_name=product.name if product else "",
        concept=model.concepts[concept],
        concept_index=concept,
        score=score,
        surprise=float(view.surprise[concept]),
        relevance=float(view.relevance[concept]),
        reasons=_reasons(model, view, scenario, concept, concepts, language, product),
    )


def _reasons(
    model: NodeModel,
    view: View,
    scenario: str,
    concept: int,
    concepts: Ints,
    language: str,
    product: Product | None,
) -> tuple[Reason, ...]:
    part = model.scenarios[scenario]
    found: list[Reason] = []
    elsewhere, here = int(model.least_elsewhere[concept]), int(model.buyers[concept])
    if part.deployed and view.appeal[concept] > 1.1:
        found.append(reason("loved-elsewhere", language, support=elsewhere))
    if len(concepts):
        spoken = part.serving.between(concepts, concept)
        anchor = int(concepts[np.argmax(spoken)])
        if spoken.max() > 0:
            support = here + elsewhere if part.deployed else here
            found.append(reason("goes-with", language, support=support, anchor=model.concepts[anchor]))
    if view.unexpected[concept] > 0.8 and here > 0:
        found.append(reason("rarely-shown", language, support=here))
    if product is not None and product.starters >= 5 and 2 * product.stayed > product.starters:
        found.append(reason("newcomers-stay", language, support=product.starters))
    return tuple(found) or (reason("popular-here", language, support=here),)
