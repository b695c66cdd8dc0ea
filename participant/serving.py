"""Recommendations for one customer: the model in use, or what sells best here when there is none.

The answer is never empty: without a model, without a history, or for a customer who opted out, it is
the shop's own bestsellers, and says ``degraded``.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from participant.appetites import AppetiteDesk
from participant.errors import NoData
from participant.models import SCENARIOS, NodeModel
from participant.moment import NOW, Moment, in_words
from participant.newcomer_shelf import Asked, places_of
from participant.store.membership import Membership
from participant.store.records import History, Records, UnknownCustomer
from participant.store.records_items import Item
from participant.store.records_products import Product
from participant.surprise import Dial, Reason, Recommendation, recommend
from participant.surprise.reasons import reason
from participant.surprise.sensitive import Sensitive
from participant.training import Trainer
from protocols.errors import BadInput
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading
from protocols.vocabulary import Vocabulary

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
POPULAR: Final = "popularity"
REMEMBER_S: Final = 600.0
"""How long bestsellers are remembered before they are counted again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for: ``minimum`` and ``maximum`` are the surprise dial in [0, 1], ``moment`` when it is shown."""

    customer: str
    scenario: str = "surprise"
    n: int = 10
    minimum: float = 0.0
    maximum: float = 1.0
    places: int | None = None
    calibration: float = 0.0
    language: str = "en"
    without_items: frozenset[str] = frozenset()
    without_concepts: frozenset[str] = frozenset()
    moment: Moment = NOW

    @property
    def is_open(self) -> bool:
        """Whether no dial was asked."""
        return (self.minimum, self.maximum) == (0.0, 1.0)

    def __post_init__(self) -> None:
        if self.scenario not in SCENARIOS or not 0 < self.n <= 100:
            raise BadInput(
                expected=f"a scenario of {' or '.join(SCENARIOS)} and n of 1 to 100",
                came=f"{self.scenario[:40]!r} and {self.n}",
                do="correct the request",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The suggestions in order; ``bought`` are the customer's own concepts, for local pages only.

    ``moved_by``: the bands of the moment that the order was moved by, by factor; empty where none was.
    """

    items: tuple[Recommendation, ...]
    bought: tuple[str, ...]
    model_version: str
    filtered: Mapping[str, int]
    degraded: bool
    moved_by: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Popular:
    """Bestsellers: buyers of every concept, and the product that stands for it."""

    vocabulary: Vocabulary
    buyers: Ints
    starters: Mapping[int, Product]
    counted_at: float


class Recommender:
    """Serves from whatever is in use; safe to share between threads."""

    def __init__(self, *, db: Engine, records: Records, trainer: Trainer, clock: Clock) -> None:
        self._db = db
        self._records = records
        self._trainer = trainer
        self._clock = clock
        self._appetites = AppetiteDesk(db=db, trainer=trainer, clock=clock)
        self._lock = threading.Lock()
        self._popular: _Popular | None = None
        self._words: tuple[bytes, Vocabulary] | None = None

    def serve(self, wish: Wish) -> Served:
        """Suggestions for ``wish``.

        Raises:
            BadInput: an unknown scenario or dial.
            NoData: this shop has no purchases at all, so there is nothing to show.
        """
        in_use = self._trainer.in_use()
        # A model keeps serving in its own vocabulary after the consortium's has moved on.
        vocabulary = self._vocabulary(in_use[1].vocabulary if in_use is not None else None)
        if vocabulary is None:
            raise _nothing()
        known = self._history(wish.customer, vocabulary)
        concepts = known.concepts if known is not None else _none()
        bought = tuple(vocabulary.concepts[c] for c in concepts)
        if in_use is None:
            return self._bestsellers(wish, vocabulary, concepts, POPULAR)
        version, model = in_use
        places = wish.places
        if places is None and wish.is_open and known is not None:
            places = self._by_appetite(wish, model)
        dial = Dial(
            minimum=wish.minimum,
            maximum=wish.maximum,
            places=places,
            cheap=wish.places is None,
            calibration=wish.calibration,
        )
        moment = self._moment(wish, model)
        rules, denied = self._trainer.guard.now(vocabulary, model.starters)
        found = recommend(
            model,
            concepts,
            n=wish.n,
            scenario=wish.scenario,
            dial=dial,
            language=wish.language,
            denied=denied,
            unwanted=_unwanted_of(wish, model),
            moment=moment,
        )
        if not found.items:
            return self._bestsellers(wish, vocabulary, concepts, version)
        new: tuple[Recommendation, ...] = ()
        if known is not None:
            rest = replace(known, concepts=concepts[~denied[concepts]])
            new = self._new_here(wish, in_use, rest, rules, denied)
        return Served(
            items=(*found.items[: wish.n - len(new)], *new),
            bought=bought,
            model_version=version,
            filtered=dict(found.filtered),
            degraded=found.degraded or known is None,
            moved_by=in_words(moment),
        )

    def _moment(self, wish: Wish, model: NodeModel) -> dict[str, int]:
        """Bands by factor, of those factors that move anything here; usually that is nothing to look up."""
        moving = () if model.sway is None else model.sway.moving(wish.scenario)
        if not moving:
            return {}
        bands = wish.moment.bands(self._records, self._clock.now())
        return {factor: bands[factor] for factor in moving if factor in bands}

    def _new_here(
        self, wish: Wish, in_use: tuple[str, NodeModel], known: History, rules: Sensitive, denied: Mask
    ) -> tuple[Recommendation, ...]:
        """What is new on the shelves, for the last places of the list; not what the guard or the request refuses."""

        def refuses(item: Item) -> bool:
            concept, category = item.concept_name or "", item.category or ""
            named = {concept, category, item.name}
            return (
                rules.denies(concept, category, item.name)
                or item.external_id in wish.without_items
                or not named.isdisjoint(wish.without_concepts)
            )

        return self._trainer.newcomers.offers(
            *in_use,
            known,
            Asked(
                scenario=wish.scenario,
                places=places_of(wish.n),
                dial=Dial(minimum=wish.minimum, maximum=wish.maximum),
                language=wish.language,
                denied=denied,
                refuses=refuses,
            ),
        )

    def _by_appetite(self, wish: Wish, model: NodeModel) -> int | None:
        """Bold places of a customer for whom no dial was asked; None: as for everybody."""
        by = model.scenarios[wish.scenario].boldness.by_appetite
        appetite = self._appetites.of(wish.customer)[0] if by else None
        return None if appetite is None else by[appetite.level]

    def warm(self) -> None:
        """Load the model in use and what is new on the shelves, so that the first request does not wait for it."""
        deployed = self._trainer.in_use()
        if deployed is not None:
            self._trainer.newcomers.refresh(*deployed)

    def _history(self, customer: str, vocabulary: Vocabulary) -> History | None:
        """What the customer bought; None for a stranger or one who opted out."""
        try:
            found = self._records.history(customer, vocabulary)
        except UnknownCustomer:
            return None
        return None if found.opted_out else found

    def _bestsellers(self, wish: Wish, vocabulary: Vocabulary, bought: Ints, version: str) -> Served:
        popular = self._counted(vocabulary)
        denied = self._trainer.guard.denied(vocabulary, popular.starters)
        sold = [int(c) for c in np.argsort(-popular.buyers, kind="stable") if c in popular.starters]
        order = [c for c in sold if not denied[c]]
        if sold and not order:
            raise _all_denied()
        fresh = [c for c in order if c not in set(bought.tolist())] or order
        items = tuple(_bestseller(popular, concept, wish.language) for concept in fresh)
        wanted = tuple(item for item in items if not _unwanted(wish, item))
        if not items:
            raise _nothing()
        return Served(
            items=wanted[: wish.n],
            bought=tuple(vocabulary.concepts[c] for c in bought),
            model_version=version,
            filtered={
                "sensitive": len(sold) - len(order),
                "bought-before": len(order) - len(fresh),
                "by-request": len(items) - len(wanted),
            },
            degraded=True,
        )

    def _counted(self, vocabulary: Vocabulary) -> _Popular:
        with self._lock:
            held, now = self._popular, self._clock.monotonic_s()
            if held is not None and held.vocabulary is vocabulary and now - held.counted_at < REMEMBER_S:
                return held
            until = self._records.span()[1] + 1
            buyers = np.zeros(len(vocabulary), np.int64)
            for batch in self._records.taste_rows(vocabulary, since=0, until=until, customers_until=until):
                buyers += np.bincount(batch.indices, minlength=len(vocabulary)).astype(np.int64)
            starters = self._records.starter_products(vocabulary, until=until)
            self._popular = _Popular(vocabulary=vocabulary, buyers=buyers, starters=starters, counted_at=now)
            return self._popular

    def _vocabulary(self, named: bytes | None = None) -> Vocabulary | None:
        """The vocabulary ``named``, or the one in use; decoded once."""
        held = self._words
        if held is not None and held[0] == named:
            return held[1]
        with reading(self._db) as connection:
            membership = Membership(connection)
            digest = membership.vocabulary_digest() if named is None else named
            if held is None or held[0] != digest:
                found = membership.vocabulary_named(digest)
                if found is None:
                    return None
                self._words = held = (digest, found)
        return held[1]


def _bestseller(popular: _Popular, concept: int, language: str) -> Recommendation:
    product = popular.starters[concept]
    share = float(popular.buyers[concept]) / max(1, int(popular.buyers.max(initial=0)))
    why: Sequence[Reason] = (reason("popular-here", language, support=int(popular.buyers[concept])),)
    return Recommendation(
        item_id=product.item_id,
        item_name=product.name,
        concept=popular.vocabulary.concepts[concept],
        concept_index=concept,
        score=share,
        surprise=0.0,
        relevance=share,
        reasons=tuple(why),
    )


def _unwanted(wish: Wish, item: Recommendation) -> bool:
    return item.item_id in wish.without_items or item.concept in wish.without_concepts


def _unwanted_of(wish: Wish, model: NodeModel) -> Mask | None:
    """The concepts that the request does not want, by name or by the product that stands for them."""
    if not wish.without_items and not wish.without_concepts:
        return None
    mask = np.array([concept in wish.without_concepts for concept in model.concepts], np.bool_)
    for at, product in model.starters.items():
        mask[at] |= product.item_id in wish.without_items
    return mask


def _none() -> Ints:
    return np.zeros(0, np.int64)


def _all_denied() -> NoData:
    return NoData(
        expected="something that is not sensitive to suggest",
        came="a shop of which everything is denied",
        do="if this shop sells nothing else, its officer allows the group: `altrove-node sensitive allow GROUP`",
    )


def _nothing() -> NoData:
    return NoData(
        expected="purchases and a catalogue with shared concepts",
        came="none yet",
        do="run `altrove-node connect` with purchases and a catalogue",
    )
