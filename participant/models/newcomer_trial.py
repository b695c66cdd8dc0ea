"""The trial behind :mod:`participant.models.newcomers`: what would have been said of things new in validation weeks.

Texts are tried with the `content` sum of the fit window, which has nothing of what was first sold afterwards. Which
setting is used is chosen on the same customers, so its gain is cross-fitted: each half is judged by what the other chose.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from participant.encoders import Encoder, encoder_named, text_of
from participant.models.blend import wins
from participant.models.content import BASES, BOLDNESS, GRID, TextMap, own_sales, unit
from participant.models.gate import holds_up
from participant.models.holdout import DAY_S, HoldOut, cap_of
from participant.models.newcomers import Newcomers, Rules, chance, soon
from participant.models.refit import Comparison
from participant.models.resampling import interval
from participant.models.train import Learned
from participant.store.records import Records
from participant.store.records_items import Item
from protocols.errors import AltroveError
from protocols.limits import ROW_BITS
from protocols.questions.content import Content
from protocols.questions.ranking import ndcg, top_indices
from protocols.vocabulary import Vocabulary

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

TEXTS: Final = 2_000
"""Texts that are tried at most."""
SHOWN: Final = 500
"""Customers on whom a chance is measured."""
OWN_RIDGES: Final = (0.1, 1.0)
_EXPLORE: Final = "explore"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contents:
    """The `content` sums of the fit window and of the refit, and how they read texts."""

    fitted: Content
    refitted: Content
    encoder: str
    dimensions: int
    noisy: bool
    release: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Texts:
    """The distinct texts of a catalogue.

    ``items``: the first item of each; ``place_of``: the text of every item; ``rows``: (n_texts, dimensions).
    """

    items: tuple[Item, ...]
    place_of: Ints
    rows: Floats

    @classmethod
    def of(cls, catalogue: tuple[Item, ...], encode: Encoder) -> "Texts":
        """Each text is encoded once, however many items have it."""
        places: dict[str, int] = {}
        of = np.array([places.setdefault(text_of(item), len(places)) for item in catalogue], np.int64)
        _, first = np.unique(of, return_index=True)
        rows = np.ldexp(encode(list(places)).astype(np.float64), -ROW_BITS)
        return cls(items=tuple(catalogue[int(at)] for at in first), place_of=of, rows=rows)

    def bought(self, records: Records, catalogue: tuple[Item, ...], **span: int) -> Iterator[csr_array]:
        """Which texts the customers of each batch bought within ``span``, (customers, n_texts)."""
        for batch in records.item_rows(catalogue, **span):
            shape = (len(batch), len(self.items))
            made = csr_array(
                (np.ones(len(batch.indices), np.int32), self.place_of[batch.indices], batch.indptr),
                shape=shape,
            )
            made.sum_duplicates()
            yield made > 0

    def sales(self, records: Records, catalogue: tuple[Item, ...], **span: int) -> Floats:
        """Customers who bought each text within ``span``, (n_texts,)."""
        found = np.zeros(len(self.items))
        for batch in self.bought(records, catalogue, **span):
            found += batch.sum(0)
        return found


def learn_newcomers(
    records: Records, vocabulary: Vocabulary, learned: Learned, contents: Contents | None
) -> Newcomers:
    """Try both kinds on the hold-out of ``learned``; see :mod:`participant.models.newcomers`."""
    found = _try(records, vocabulary, learned, contents)
    rules, windows = found.rules, learned.model.windows
    days = (windows.validation_until - windows.fit_until) / DAY_S
    texts, concepts = soon(rules.text_chance, days), soon(rules.concept_chance, days)
    return replace(found, rules=replace(rules, text_chance=texts, concept_chance=concepts))


def _try(records: Records, vocabulary: Vocabulary, learned: Learned, contents: Contents | None) -> Newcomers:
    catalogue = records.every_item()
    rules = _try_concepts(Rules(), learned, catalogue)
    if contents is None:
        return Newcomers(rules=rules)
    try:
        return _try_texts(rules, records, vocabulary, learned, catalogue, contents)
    except AltroveError as error:  # a model that is not installed here, noise that no ridge of the grid bears
        _log.warning("texts are not used", code=error.code)
        return Newcomers(rules=rules)


def _try_concepts(rules: Rules, learned: Learned, catalogue: tuple[Item, ...]) -> Rules:
    rehearsal, held = learned.rehearsal, learned.held
    new = listed_concepts(catalogue, learned.model.concepts) & (rehearsal.buyers == 0)
    new[list(rehearsal.starters)] = False
    if not rehearsal.release or not new.any() or not len(held.history):
        return rules
    allowed = np.broadcast_to(new, held.history.shape)
    popular = np.broadcast_to(rehearsal.elsewhere.astype(np.float64), allowed.shape)
    best, gain, by_taste = popular, np.zeros(0), False
    if rehearsal.scenarios[_EXPLORE].deployed:
        liked = rehearsal.matrix_scores(_EXPLORE, held.history, np.asarray(allowed)).astype(np.float64)
        gain = _gains(liked, held.future, new) - _gains(popular, held.future, new)
        by_taste = holds_up(gain)
        best = liked if by_taste else popular
    return replace(
        rules,
        by_taste=by_taste,
        concept_gain=interval(gain),
        concept_chance=_chance(best, allowed, held.future),
    )


def _try_texts(
    rules: Rules,
    records: Records,
    vocabulary: Vocabulary,
    learned: Learned,
    catalogue: tuple[Item, ...],
    contents: Contents,
) -> Newcomers:
    windows, held = learned.model.windows, learned.held
    texts = Texts.of(catalogue, encoder_named(contents.encoder, contents.dimensions))
    whole = {"customers_until": windows.customers_until, "since": 0}
    sales = texts.sales(records, catalogue, until=windows.fit_until, **whole)
    span = {**whole, "customers_cap": cap_of(vocabulary)}
    later = {**span, "since": windows.fit_until, "until": windows.validation_until}
    future = _stacked(texts.bought(records, catalogue, **later), len(texts.items))
    new = np.flatnonzero((sales == 0) & (future.sum(0) > 0))
    new = np.sort(np.random.default_rng(0).permutation(new)[:TEXTS])
    target = future[:, new].toarray()
    if not len(new) or len(target) != len(held.history):
        return Newcomers(rules=rules)
    known = np.union1d(np.flatnonzero(sales > 0), new)
    owns = [own_sales(texts.rows, sales, ridge) for ridge in OWN_RIDGES]
    floors = [_gains((texts.rows[new] @ each)[None, :], target) for each in owns]
    floor = int(np.argmax([each.mean() for each in floors]))
    mean_row = unit(held.history.astype(np.float64)).mean(0)
    made = {"mean_row": mean_row, "own": owns[floor]}
    maps = [TextMap.of(contents.fitted, texts.rows[known], settings=base, **made) for base in BASES]
    tried = [replace(each, boldness=boldness) for each in maps for boldness in BOLDNESS]
    history = held.history.astype(np.float64)
    table = np.stack([_gains(each.model(texts.rows[new]).scores(history), target) for each in tried])
    gain = _cross_fitted(table) - floors[floor]
    if not (wins(gain) if contents.noisy else holds_up(gain)):
        return Newcomers(rules=replace(rules, text_gain=interval(gain)))
    best = int(table.mean(1).argmax())
    before = _stacked(texts.bought(records, catalogue, until=windows.fit_until, **span), len(texts.items))
    rules = replace(
        rules,
        release=contents.release,
        encoder=contents.encoder,
        dimensions=contents.dimensions,
        boldness=GRID[best].boldness,
        own=GRID[best].own,
        text_gain=interval(gain),
        text_chance=_text_chance(texts, tried[best], held, before, future, vocabulary),
    )
    since = texts.sales(records, catalogue, until=windows.validation_until, **whole)
    made["own"] = own_sales(texts.rows, since, OWN_RIDGES[floor])
    judged, served = (
        TextMap.of(each, texts.rows, settings=GRID[best], **made)
        for each in (contents.fitted, contents.refitted)
    )
    loose = _loose(texts, served, vocabulary)
    found = compared(texts, loose, judged, served, made["own"], history).risen if len(loose) else None
    return Newcomers(rules=replace(rules, text_risen=found), texts=served if found is None else judged)


def _loose(texts: Texts, known: TextMap, vocabulary: Vocabulary) -> Ints:
    """The likeliest texts without a shared concept, ascending: what would be offered."""
    index = vocabulary.index()
    loose = np.flatnonzero([item.concept_name not in index for item in texts.items])
    return np.sort(loose[np.argsort(-(texts.rows[loose] @ known.shares), kind="stable")[:TEXTS]])


def compared(
    texts: Texts, loose: Ints, judged: TextMap, served: TextMap, own: Floats, history: Floats
) -> Comparison:
    """How a refit moves lists of the ``loose`` texts."""
    rows, history = texts.rows[loose], history[:SHOWN]
    scores, before = (each.model(rows).scores(history) for each in (served, judged))
    return Comparison(
        names=[texts.items[int(at)].name for at in loose],
        served=scores,
        before=(before, np.broadcast_to(rows @ own, scores.shape)),
        allowed=np.ones(scores.shape, np.bool_),
    )


def listed_concepts(catalogue: tuple[Item, ...], concepts: tuple[str, ...]) -> Mask:
    """The shared concepts of which this shop lists an item, (n_concepts,)."""
    named = {item.concept_name for item in catalogue}
    return np.array([concept in named for concept in concepts], np.bool_)


def _gains(scores: Floats, future: Mask, among: Mask | None = None) -> Floats:
    """nDCG@10 of the customers who bought anything ``among`` the candidates, in order."""
    out = np.zeros(future.shape[1], np.bool_) if among is None else ~among
    had = np.zeros(future.shape, np.bool_)
    return ndcg(np.broadcast_to(scores, future.shape), had, future, out).gains


def _cross_fitted(table: Floats) -> Floats:
    """Each customer's gain by the setting that the other half chose; ``table`` is (settings, customers).

    >>> _cross_fitted(
    ...     np.array([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]])
    ... )  # each half chose for the other, badly
    array([0., 0., 0., 0.])
    """
    judged = np.zeros(table.shape[1])
    for half in (0, 1):
        others = table[:, 1 - half :: 2]
        if others.shape[1]:
            judged[half::2] = table[int(others.mean(1).argmax()), half::2]
    return judged


def _chance(scores: Floats, allowed: Mask, future: Mask) -> float:
    """How often the first of the candidates that a customer has was bought, over at most SHOWN of them."""
    drawn = np.random.default_rng(0).permutation(np.flatnonzero(allowed.any(1)))[:SHOWN]
    first = top_indices(np.where(allowed[drawn], scores[drawn], -np.inf), 1)
    return chance(int(np.take_along_axis(future[drawn], first, 1).sum()), len(drawn))


def _text_chance(
    texts: Texts, known: TextMap, held: HoldOut, before: csr_array, future: csr_array, vocabulary: Vocabulary
) -> float:
    """The same over what would be offered: texts without a shared concept that the customer never bought."""
    loose = _loose(texts, known, vocabulary)
    if not len(loose):
        return chance(0, 0)
    drawn = np.random.default_rng(0).permutation(len(held.history))[:SHOWN]
    scores = known.model(texts.rows[loose]).scores(held.history[drawn].astype(np.float64))
    allowed = ~before[drawn][:, loose].toarray()
    return _chance(scores, allowed, future[drawn][:, loose].toarray())


def _stacked(batches: Iterator[csr_array], columns: int) -> csr_array:
    found = list(batches)
    return csr_array(vstack(found, format="csr")) if found else csr_array((0, columns), dtype=np.bool_)
