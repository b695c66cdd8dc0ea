"""What a list is made of: a customer's measures of every concept, the pool, and the order.

Serving and the choice of boldness on validation weeks share this code, so that what is judged is
what is served.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from participant.models.acceptance import Acceptance
from participant.models.boldness import PLACES
from participant.models.node_model import NodeModel, ScenarioModel
from participant.surprise import measures
from participant.surprise.dial import Dial
from participant.surprise.diversity import rerank
from protocols.questions.ranking import TOP, top_indices

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Setting = tuple[float, float, float, int]
"""tau, beta, diversity, bold places in ten: see :class:`participant.models.boldness.Boldness`."""

UNMOVED: Final[Setting] = (0.0, 0.0, 0.0, 0)
"""The order of likelihood: what a customer without a history gets, whatever the node chose for others."""
NOBODY: Final = -1
"""Where a list ends before its length."""
POOL: Final = 2
"""Relevance first: surprise picks and orders among twice as many as asked for. Two is the smallest whole
factor that leaves something to pick; a wider pool lets faint chances in for their novelty alone."""
BOLD_FROM: Final = 0.4
"""Surprise of a suggestion in a bold place, at least. It was chosen on validation weeks among 0.3 to 0.5: most
coverage for the same loss of nDCG."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """One customer's measures of every concept, (n_concepts,) each; ``scores`` are standardised."""

    scores: NDArray[np.float32]
    relevance: Floats
    surprise: Floats
    unexpected: Floats
    appeal: Floats
    own: Floats

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
    """What is the same for all customers of one scenario: ``bestselling`` ranks, ``usual`` scores of the typical one.

    ``sold``: what the shop sells; ``hidden``: what it shows anyway, under *surprise*.
    """

    sold: Mask
    hidden: Mask
    bestselling: Floats
    novel: Floats
    appeal: Floats
    usual: NDArray[np.float32]
    acceptance: Acceptance

    @classmethod
    def of(cls, model: NodeModel, scenario: str) -> "Shop":
        """The shop's side of ``scenario``, kept as long as ``model`` is; see :meth:`make`."""
        kept = _SHOPS.setdefault(model, {})
        if scenario not in kept:
            kept[scenario] = cls.make(model, scenario)
        return kept[scenario]

    @classmethod
    def make(cls, model: NodeModel, scenario: str) -> "Shop":
        """Without a deployed release nothing is known of elsewhere; the typical history is the mean of all."""
        part = model.scenarios[scenario]
        hidden = model.obvious if scenario == "surprise" else np.zeros(len(model.buyers), np.bool_)
        mean = (model.buyers / max(1, int(model.buyers.max(initial=0)))).astype(np.float32)
        usual = model.matrix_scores(scenario, mean[None, :], ((model.buyers > 0) & ~hidden)[None, :])[0]
        sold = np.zeros(len(model.buyers), np.bool_)
        sold[list(model.starters)] = True
        return cls(
            sold=sold,
            hidden=hidden,
            bestselling=measures.ranks(model.buyers.astype(np.float64)),
            novel=measures.novelty(model.buyers),
            appeal=measures.appeal_elsewhere(
                model.buyers, model.elsewhere, model.least_elsewhere, on_sale=model.on_sale
            )
            if part.deployed
            else np.ones(len(model.buyers)),
            usual=usual,
            acceptance=part.acceptance,
        )

    def candidates(self, bought: Mask, denied: Mask | None = None) -> Mask:
        """Never ``bought``, sold here, not ``denied`` (n_concepts,) and, under *surprise*, not shown anyway.

        The shape is that of ``bought``.
        """
        open_here = self.sold & ~self.hidden
        return ~bought & (open_here if denied is None else open_here & ~denied)

    def view(
        self, scores: NDArray[np.float32], shown: NDArray[np.float32], candidates: Mask, kinds: int
    ) -> View:
        """Measures for one customer.

        Args:
            scores: blended and standardised, (n_concepts,).
            shown: what the shop's own model gives each concept, same shape.
            candidates: what may be suggested, same shape.
            kinds: how many concepts the customer has bought.
        """
        expected = measures.expectedness(np.where(candidates, shown, -np.inf), self.bestselling)
        relevance = self.acceptance.probability(scores, kinds)
        return View(
            scores=scores,
            relevance=relevance,
            surprise=measures.surprise(self.novel, 1.0 - expected, candidates),
            unexpected=1.0 - expected,
            appeal=self.appeal,
            own=measures.own(relevance, self.acceptance.probability(self.usual, kinds)),
        )


_SHOPS: Final[WeakKeyDictionary[NodeModel, dict[str, Shop]]] = WeakKeyDictionary()


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


def pick(
    view: View,
    order: Ints,
    likeness: Floats,
    n: int,
    setting: Setting,
    inside: Mask | None = None,
    *,
    cap: float = 1.0,
) -> Ints:
    """The ``n`` concepts that are shown: of the pool ``order``, and in the last places bold ones.

    Args:
        view: the customer's measures.
        order: the pool.
        likeness: of the concepts in it to one another.
        n: how many to show; of ten places ``setting`` keeps some, of fewer accordingly fewer.
        setting: how to choose.
        inside: what may stand in a bold place, (n_concepts,).
        cap: the chance that a bold one may lack beside what it displaces; a dearer one displaces nothing.
    """
    tau, beta, diversity, places = setting
    chosen = order[rerank(view.worth(order, tau=tau, beta=beta), likeness, n, diversity)]
    kept = places * n // PLACES
    if not kept or inside is None:
        return chosen
    last = chosen[n - kept :]
    found = boldest(view, chosen, len(last), inside)
    bold = np.concatenate([found, last[len(found) :]])
    cheap = view.relevance[last] - view.relevance[bold] <= cap
    return np.concatenate([chosen[: n - kept], np.where(cheap, bold, last)])


def boldest(view: View, chosen: Ints, places: int, inside: Mask) -> Ints:
    """At most ``places`` bold concepts, the most own first, that are not ``chosen`` already."""
    bold = inside & (view.surprise >= BOLD_FROM)
    bold[chosen] = False
    found: Ints = top_indices(np.where(bold, view.own, -np.inf)[None, :], min(places, int(bold.sum())))[0]
    return found


def likeness_of(part: ScenarioModel, order: Ints) -> Floats:
    """How alike concepts are: cosine of their columns of weights, negative ones taken as 0."""
    products = part.serving.products(order)
    norms = np.sqrt(np.maximum(np.diagonal(products), 1e-24))
    cosines = np.clip(products / norms[:, None] / norms[None, :], 0.0, 1.0)
    return np.asarray(cosines, np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """Row ``at`` of a history as a list is made from it; ``known``: the customer has bought something."""

    at: int
    known: bool
    view: View
    candidates: Mask


def seen(
    model: NodeModel, history: NDArray[np.float32], scenario: str, denied: Mask | None = None
) -> Iterator[Seen]:
    """The customers of ``history`` with anything to suggest; arguments as for :func:`served_lists`."""
    shop = Shop.of(model, scenario)
    allowed = shop.candidates(history > 0, denied)
    if denied is not None:
        history = np.where(denied, np.float32(0), history)
    scores = model.matrix_scores(scenario, history, allowed)
    shown = model.local_matrix_scores(scenario, history)
    for u in np.flatnonzero(allowed.any(1)):
        kinds = int((history[u] > 0).sum())
        if kinds:
            view = shop.view(scores[u], shown[u], allowed[u], kinds)
        else:
            view = shop.view(model.popular_scores(allowed[u]), model.buyers.astype(np.float32), allowed[u], 0)
        yield Seen(at=int(u), known=kinds > 0, view=view, candidates=allowed[u])


def served_lists(
    model: NodeModel,
    history: NDArray[np.float32],
    scenario: str,
    settings: tuple[Setting, ...],
    denied: Mask | None = None,
    *,
    cap: float = 1.0,
) -> Ints:
    """The lists of many customers as served without a dial: (settings, customers, TOP), NOBODY at the end.

    Args:
        model: what they are served from.
        history: binary rows, (customers, n_concepts).
        scenario: "surprise" or "explore".
        settings: how the pool is ordered; each makes lists of its own.
        denied: concepts that are neither shown nor learned from, (n_concepts,); None for none.
        cap: see :func:`pick`.
    """
    lists = np.full((len(settings), len(history), TOP), NOBODY, np.int64)
    for one in seen(model, history, scenario, denied):
        order, _ = pool(one.view, one.candidates, Dial(), TOP)
        alike = likeness_of(model.scenarios[scenario], order)
        for place, setting in enumerate(settings):
            chosen = setting if one.known else UNMOVED
            found = pick(one.view, order, alike, TOP, chosen, one.candidates, cap=cap)
            lists[place, one.at, : len(found)] = found
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
