"""What is new on the shelves, for one customer: items without a shared concept, and concepts nobody bought here yet.

A list of ten has one place for them, its last: what nobody was ever shown cannot prove itself, and the last place
costs least. Which item stands there, and why, comes from :mod:`participant.models.newcomers`; where a rule did not hold
up on validation weeks, or the policy does not allow the `content` question, its kind of item is not offered.

The catalogue is read again whenever something was read in, so that what was listed yesterday is offered today without
training. A request waits for that only once, for the first list after a start.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from participant.encoders import encoder_named
from participant.models.content import ContentModel
from participant.models.newcomer_trial import Texts, listed_concepts
from participant.models.newcomers import Rules
from participant.models.node_model import NodeModel
from participant.store.records import History, Records
from participant.store.records_items import Item
from participant.surprise.dial import Dial
from participant.surprise.measures import MINIMUM_ELSEWHERE, novelty
from participant.surprise.reasons import Reason, reason
from participant.surprise.recommend import Recommendation
from protocols.errors import QuestionNotAllowed
from protocols.questions.ranking import top_indices

TEXTS: Final = 1_000
"""Texts that are offered at most, those of the largest shares: at 20,000 concepts they take 80 MB."""
ONE_IN: Final = 10
SHORTEST: Final = 5
"""A list of fewer has no place for what nobody knows."""

NO_CONCEPT: Final = -1
"""The index of an item that no concept of the vocabulary describes."""

DESCRIBED_HERE: Final = "described-here"

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_log = structlog.get_logger(__name__)


def places_of(n: int) -> int:
    """How many of ``n`` places are for what is new.

    >>> places_of(4), places_of(5), places_of(10), places_of(25)
    (0, 1, 1, 2)
    """
    return max(1, n // ONE_IN) if n >= SHORTEST else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for: of which ``scenario``, how many ``places``, how surprising, in which language.

    ``denied`` concepts are not offered, (n_concepts,). ``refuses`` says of an item that it may not be offered; it is
    asked from the likeliest on, until places are full.
    """

    scenario: str
    places: int
    dial: Dial
    language: str
    denied: Mask
    refuses: Callable[[Item], bool]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Loose:
    """Items without a shared concept, one of each text: scores, buyers here, and the place of every item's text."""

    items: tuple[Item, ...]
    scored: ContentModel
    buyers: Ints
    surprise: NDArray[np.float64]
    usual: Mask
    place_of: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ready:
    """What one catalogue and one model make: ``concepts`` new here with an item each."""

    version: str
    stamp: tuple[int, int]
    loose: _Loose | None
    concepts: Mapping[int, Item]


class NewcomerShelf:
    """Offers for the last places of a list; safe to share between threads."""

    def __init__(self, *, records: Records, reads_texts: bool) -> None:
        self._records = records
        self._reads_texts = reads_texts
        self._lock = threading.Lock()
        self._held: _Ready | None = None

    def refresh(self, version: str, model: NodeModel) -> None:
        """Read the catalogue again if it or the model has changed."""
        held = self._held
        if held is None or held.version != version or held.stamp != self._records.catalogue.stamp():
            with self._lock:
                self._held = self._read(version, model)

    def offers(
        self,
        version: str,
        model: NodeModel,
        known: History,
        asked: Asked,
    ) -> tuple[Recommendation, ...]:
        """At most ``asked.places`` suggestions, the likeliest kind first."""
        if model.newcomers is None or asked.places == 0:
            return ()
        ready = self._held
        if ready is None or ready.version != version:
            self.refresh(version, model)
            ready = self._held
        if ready is None:
            return ()
        rules = model.newcomers.rules
        found = [
            *_new_concepts(ready.concepts, model, rules, known, asked),
            *_loose_items(ready.loose, rules, known, asked),
        ]
        return tuple(sorted(found, key=lambda item: -item.score)[: asked.places])

    def _read(self, version: str, model: NodeModel) -> _Ready:
        stamp, catalogue = self._records.catalogue.stamp(), self._records.every_item()
        new = listed_concepts(catalogue, model.concepts)
        new[list(model.starters)] = False
        index = {name: at for at, name in enumerate(model.concepts)}
        concepts: dict[int, Item] = {}
        for item in catalogue if model.release else ():
            at = index.get(item.concept_name or "")
            if at is not None and new[at]:
                concepts.setdefault(at, item)
        loose = tuple(item for item in catalogue if item.concept_name not in index)
        return _Ready(
            version=version,
            stamp=stamp,
            loose=self._loose(model, loose) if loose else None,
            concepts=concepts,
        )

    def _loose(self, model: NodeModel, catalogue: tuple[Item, ...]) -> _Loose | None:
        kept = model.newcomers
        if kept is None or kept.texts is None or not self._reads_texts:
            return None
        try:
            encode = encoder_named(kept.rules.encoder, kept.rules.dimensions)
        except QuestionNotAllowed as error:  # it was there when the model was trained
            _log.warning("texts are not used", code=error.code)
            return None
        texts = Texts.of(catalogue, encode)
        until = self._records.span()[1] + 1
        span = {"since": 0, "until": until, "customers_until": until}
        buyers = texts.sales(self._records, catalogue, **span).astype(np.int64)
        best = np.sort(top_indices((texts.rows @ kept.texts.shares)[None, :], TEXTS)[0])
        place = np.full(len(texts.items), -1)
        place[best] = np.arange(len(best))
        obvious = model.buyers[model.obvious].min(initial=np.iinfo(np.int64).max)
        return _Loose(
            items=tuple(texts.items[int(at)] for at in best),
            scored=kept.texts.model(texts.rows[best]).packed(),
            buyers=buyers[best],
            surprise=novelty(np.concatenate([model.buyers, buyers[best]]))[len(model.buyers) :],
            usual=np.asarray(buyers[best] >= max(int(obvious), 1), np.bool_),
            place_of={
                item.key: int(place[at])
                for item, at in zip(catalogue, texts.place_of, strict=True)
                if place[at] >= 0
            },
        )


def _loose_items(loose: _Loose | None, rules: Rules, known: History, asked: Asked) -> list[Recommendation]:
    if loose is None:
        return []
    allowed = (loose.surprise >= asked.dial.minimum) & (loose.surprise <= asked.dial.maximum)
    allowed[[loose.place_of[key] for key in known.item_keys.tolist() if key in loose.place_of]] = False
    if asked.scenario == "surprise":
        allowed &= ~loose.usual
    scores = np.where(allowed, loose.scored.scores_of(known.concepts), -np.inf)
    found = _first(scores, allowed, asked, lambda at: loose.items[at])
    code = described(rules, by_taste=len(known.concepts) > 0)
    return [
        Recommendation(
            item_id=item.external_id,
            item_name=item.name,
            concept=item.concept_name or item.category or item.name,
            concept_index=NO_CONCEPT,
            score=rules.text_chance,
            surprise=float(loose.surprise[at]),
            relevance=rules.text_chance,
            reasons=_reasons(
                code,
                asked.language,
                int(loose.buyers[at] if code == DESCRIBED_HERE else loose.scored.shares[at]),
                int(loose.buyers[at]),
            ),
        )
        for at, item in found
    ]


def described(rules: Rules, *, by_taste: bool) -> str:
    """The code of why an item is offered by its text: what ordered the list, taste, everybody's sales or own ones.

    >>> described(Rules(boldness=1.0, own=1.0), by_taste=True), described(Rules(own=0.5), by_taste=True)
    ('described-like', 'described-popular')
    >>> described(Rules(boldness=1.0, own=1.0), by_taste=False)  # nothing from elsewhere is in it
    'described-here'
    """
    if rules.boldness and by_taste:
        return "described-like"
    return DESCRIBED_HERE if rules.own == 1.0 else "described-popular"


def _new_concepts(
    concepts: Mapping[int, Item], model: NodeModel, rules: Rules, known: History, asked: Asked
) -> list[Recommendation]:
    allowed = np.zeros(len(model.concepts), np.bool_)
    allowed[list(concepts)] = True
    allowed[known.concepts] = False
    allowed &= ~asked.denied
    if not allowed.any() or asked.dial.maximum < 1.0:  # what nobody bought here is as surprising as can be
        return []
    by_taste = rules.by_taste and len(known.concepts) > 0
    scores = (
        model.scores(asked.scenario, known.concepts, allowed)
        if by_taste
        else model.elsewhere.astype(np.float64)
    )
    found = _first(np.where(allowed, scores, -np.inf), allowed, asked, lambda at: concepts[at])
    return [
        Recommendation(
            item_id=item.external_id,
            item_name=item.name,
            concept=model.concepts[at],
            concept_index=at,
            score=rules.concept_chance,
            surprise=1.0,
            relevance=rules.concept_chance,
            reasons=_reasons(
                "loved-elsewhere", asked.language, int(model.least_elsewhere[at]), 0, least=MINIMUM_ELSEWHERE
            ),
        )
        for at, item in found
    ]


def _first(
    scores: NDArray[np.floating], allowed: Mask, asked: Asked, item_of: Callable[[int], Item]
) -> list[tuple[int, Item]]:
    """The likeliest places that are allowed and not refused, with their items."""
    order = top_indices(np.asarray(scores)[None, :], int(allowed.sum()))[0]
    offered = ((int(at), item_of(int(at))) for at in order)
    return list(islice((each for each in offered if not asked.refuses(each[1])), asked.places))


def _reasons(code: str, language: str, elsewhere: int, here: int, *, least: int = 0) -> tuple[Reason, ...]:
    """Why: ``code`` where at least ``least`` stand behind it elsewhere, and that it is new where nobody bought it."""
    why = [reason(code, language, support=elsewhere)] if elsewhere >= least else []
    if here == 0:
        why.append(reason("new-here", language, support=0))
    return tuple(why)
