"""Recommendations for one customer: the model in use, or what sells best here when there is none.

The answer is never empty: without a model, without a history, or for a customer who opted out, it is
the shop's own bestsellers, and says ``degraded``.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from participant.errors import NoData
from participant.models import SCENARIOS, NodeModel
from participant.moment import NOW, Moment, in_words
from participant.store.membership import Membership
from participant.store.records import Records, UnknownCustomer
from participant.store.records_products import Product
from participant.surprise import Dial, Reason, Recommendation, recommend
from participant.surprise.reasons import reason
from participant.training import Trainer
from protocols.errors import BadInput
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading
from protocols.vocabulary import Vocabulary

Ints = npt.NDArray[np.int64]
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
    language: str = "en"
    without_items: frozenset[str] = frozenset()
    without_concepts: frozenset[str] = frozenset()
    moment: Moment = NOW

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
        bought = tuple(vocabulary.concepts[c] for c in known) if known is not None else ()
        if in_use is None:
            return self._bestsellers(wish, vocabulary, known if known is not None else _none(), POPULAR)
        version, model = in_use
        dial = Dial(minimum=wish.minimum, maximum=wish.maximum)
        moment = self._moment(wish, model)
        spare = len(wish.without_items) + len(wish.without_concepts)
        found = recommend(
            model,
            known if known is not None else _none(),
            n=wish.n + spare,
            scenario=wish.scenario,
            dial=dial,
            language=wish.language,
            moment=moment,
        )
        kept = tuple(item for item in found.items if not _unwanted(wish, item))
        filtered = dict(found.filtered) | {"by-request": len(found.items) - len(kept)}
        if not kept:
            return self._bestsellers(wish, vocabulary, known if known is not None else _none(), version)
        return Served(
            items=kept[: wish.n],
            bought=bought,
            model_version=version,
            filtered=filtered,
            degraded=found.degraded or known is None,
            moved_by=in_words(moment),
        )

    def _moment(self, wish: Wish, model: NodeModel) -> dict[str, int]:
        """Bands by factor, of those factors that move anything here; usually that is nothing to look up."""
        moving = () if model.tilt is None else model.tilt.moving(wish.scenario)
        if not moving:
            return {}
        bands = wish.moment.bands(self._records, self._clock.now())
        return {factor: bands[factor] for factor in moving if factor in bands}

    def warm(self) -> None:
        """Load the model in use, so that the first request does not wait for it."""
        self._trainer.in_use()

    def _history(self, customer: str, vocabulary: Vocabulary) -> Ints | None:
        """Concepts that the customer bought; None for a stranger or one who opted out."""
        try:
            found = self._records.history(customer, vocabulary)
        except UnknownCustomer:
            return None
        return None if found.opted_out else found.concepts

    def _bestsellers(self, wish: Wish, vocabulary: Vocabulary, bought: Ints, version: str) -> Served:
        popular = self._counted(vocabulary)
        order = [int(c) for c in np.argsort(-popular.buyers, kind="stable") if c in popular.starters]
        fresh = [c for c in order if c not in set(bought.tolist())] or order
        items = tuple(_bestseller(popular, concept, wish.language) for concept in fresh)
        wanted = tuple(item for item in items if not _unwanted(wish, item)) or items
        if not wanted:
            raise _nothing()
        return Served(
            items=wanted[: wish.n],
            bought=tuple(vocabulary.concepts[c] for c in bought),
            model_version=version,
            filtered={"bought-before": len(order) - len(fresh), "by-request": len(items) - len(wanted)},
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


def _none() -> Ints:
    return np.zeros(0, np.int64)


def _nothing() -> NoData:
    return NoData(
        expected="purchases and a catalogue with shared concepts",
        came="none yet",
        do="run `altrove-node connect` with purchases and a catalogue",
    )
