"""New listings: concepts that a company never sold, with a shared concept and without one.

*Shared*: a fifth of the concepts is hidden from each company (seeded by company), as if it had never sold them;
it ranks the hidden ones for its customers, and its customers for each of them. *Unshared*: a fifth of the
concepts is in no vocabulary, and all that is known of a new listing is its text. Either each company never sold
half of those and the others sell them as local items under the same words (the best case for a text), or
nobody ever sold any of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from participant.answers.content import Batch, sums
from participant.encoders import Encoder
from participant.models.content import BASES, GRID, Settings, learn, own_sales
from participant.store.records_items import Item
from protocols.limits import FRACTION_BITS, ROW_BITS
from protocols.questions.content import Content
from protocols.questions.ease import ease
from tests.benchmarks.newcomers_data import Company, Floats, Ints, Mask, Rows, Split, gains, gram, total, unit
from tests.benchmarks.newcomers_report import Gains

BINARY, UNIT = (1000.0, 3000.0), (30.0, 60.0, 120.0)
TEMPERS = (0.0, 0.2)
"""Scores are divided by popularity elsewhere to these powers."""
MIXES = (0.2, 0.4, 0.8)
"""Weights of a customer's standardised liking beside its standardised activity, when customers are ranked."""
LEAST_BUYERS = 5
OWN_RIDGE = 1.0
"""Of own sales by text, where they stand beside what others say."""
ACTIVITY = "activity"
WHOM = 60.0
"""The ridge of the scores by which customers are ranked."""


def hidden(company: int, concepts: int) -> Mask:
    """The fifth of the concepts that ``company`` never sold."""
    mask = np.zeros(concepts, np.bool_)
    mask[np.random.default_rng(company).permutation(concepts)[: concepts // 5]] = True
    return mask


def shared(
    members: list[Company], split: Split, chosen: Mapping[str, str] | None = None
) -> tuple[dict[str, Gains], dict[str, Gains]]:
    """Gains by arm and setting; and by arm and setting the AUC of ranking customers, see :func:`aucs`.

    ``chosen``: the settings to compute, "whom" that of the ranking of customers; None: all.
    """
    concepts = members[0].concepts
    masks = [hidden(k, concepts) for k in range(len(members))]
    rows = [m.rows(0, split.history) * ~mask for m, mask in zip(members, masks, strict=True)]
    future = [m.rows(split.history, split.until)[:, mask] for m, mask in zip(members, masks, strict=True)]
    buyers = [x.sum(0) for x in rows]
    elsewhere = [(np.sum(buyers, axis=0) - buyers[k])[mask] for k, mask in enumerate(masks)]
    arms: dict[str, Gains] = {}
    picks: dict[str, Gains] = {}

    def add(arm: str, setting: str, k: int, scores: NDArray[np.floating]) -> None:
        if chosen is None or chosen[arm] == setting:
            spread = np.broadcast_to(scores, future[k].shape)
            found, _ = gains(spread, future[k], np.ones(spread.shape, np.bool_))
            arms.setdefault(arm, {}).setdefault(setting, []).append(found)

    for k, popular in enumerate(elsewhere):
        add("popularity elsewhere", "", k, popular)
    for scheme, lambdas in (("federated EASE", BINARY), ("federated EASE, unit rows", UNIT)):
        lengths = "unit" in scheme
        made = [unit(x) if lengths else x for x in rows]
        whole = total([gram(x) for x in made])
        for lam in lambdas:
            ranks = lengths and lam == WHOM
            if not ranks and chosen is not None and not chosen[scheme].startswith(f"ridge {lam:g},"):
                continue
            weights = ease(whole, lam)
            for k, mask in enumerate(masks):
                scores = made[k] @ weights[:, mask]
                for power in TEMPERS if lengths else (0.0,):
                    tempered = scores / np.maximum(elsewhere[k], 1.0) ** power
                    add(scheme, f"ridge {lam:g}, popularity^-{power:g}", k, tempered)
                if ranks:
                    mixes = [str(mix) for mix in MIXES] if chosen is None else [chosen["whom"]]
                    for setting, found in aucs(scores, rows[k], future[k], mixes):
                        picks.setdefault(setting, {}).setdefault("", []).append(found)
    return arms, picks


def aucs(scores: Rows, history: Rows, future: Rows, mixes: list[str]) -> Iterator[tuple[str, Floats]]:
    """By mix, and by activity: AUC of ranking customers for each concept with enough buyers, (2, concepts).

    The first is over all pairs of a buyer and another customer, the second over those in the same fifth by activity.
    """
    activity = history.sum(1)
    order = np.argsort(np.argsort(activity, kind="stable"), kind="stable")
    fifth = order * 5 // len(order)
    busy = _standard(np.log1p(activity))
    enough = np.flatnonzero(future.sum(0) >= LEAST_BUYERS)
    for mix in (ACTIVITY, *mixes):
        found = [
            _auc(
                activity if mix == ACTIVITY else busy + float(mix) * _standard(scores[:, concept]),
                future[:, concept] > 0,
                fifth,
            )
            for concept in enough
        ]
        yield mix, np.array(found).T


def _standard(values: NDArray[np.floating]) -> Floats:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-12), np.float64)


def _auc(score: Floats, bought: Mask, fifth: Ints) -> tuple[float, float]:
    wins = pairs = 0.0
    for part in range(5):
        inside = fifth == part
        w, p = _wins(score[inside], bought[inside])
        wins, pairs = wins + w, pairs + p
    won, among = _wins(score, bought)
    return won / among, wins / max(pairs, 1.0)


def _wins(score: Floats, bought: Mask) -> tuple[float, float]:
    n = int(bought.sum())
    if n in {0, len(bought)}:
        return 0.0, 0.0
    return float(rankdata(score)[bought].sum() - n * (n + 1) / 2), float(n * (len(bought) - n))


def unshared(
    members: list[Company],
    texts: tuple[str, ...],
    split: Split,
    encoders: Mapping[str, Encoder],
    *,
    exclusive: bool,
    chosen: Mapping[str, str] | None = None,
) -> dict[str, Gains]:
    """Gains by arm and setting where nothing is known of a new listing but its text.

    Args:
        members: the companies.
        texts: of every concept.
        split: which weeks.
        encoders: by name.
        exclusive: no company sold any of the new listings; otherwise the others sell them under the same words.
        chosen: the settings to compute; None: all.
    """
    concepts, n = members[0].concepts, len(members)
    loose = np.random.default_rng(99).permutation(concepts)[: concepts // 5]
    known = np.setdiff1d(np.arange(concepts), loose)
    halves = [np.random.default_rng(100 + k).permutation(loose)[: len(loose) // 2] for k in range(n)]
    new = [np.sort(part) for part in (np.array_split(loose, n) if exclusive else halves)]
    rows = [m.rows(0, split.history) for m in members]
    for x, listed in zip(rows, new, strict=True):
        x[:, loose if exclusive else listed] = 0
    future = [m.rows(split.history, split.until)[:, listed] for m, listed in zip(members, new, strict=True)]
    buyers = [x.sum(0) for x in rows]
    items = [Item(key=i, name=text, brand="", category="") for i, text in enumerate(texts)]
    arms: dict[str, Gains] = {}

    def due(arm: str, setting: str) -> bool:
        return chosen is None or chosen[arm] == setting

    def add(arm: str, setting: str, k: int, scores: NDArray[np.floating]) -> None:
        if due(arm, setting):
            spread = np.broadcast_to(scores, future[k].shape)
            found, _ = gains(spread, future[k], np.ones(spread.shape, np.bool_))
            arms.setdefault(arm, {}).setdefault(setting, []).append(found)

    if not exclusive:
        weights = ease(total([gram(unit(x)) for x in rows]), 60.0)
        for k, listed in enumerate(new):
            add("as if shared: popularity elsewhere", "", k, (np.sum(buyers, axis=0) - buyers[k])[listed])
            add("as if shared: federated EASE, unit rows", "ridge 60", k, unit(rows[k]) @ weights[:, listed])
    for name, encode in encoders.items():
        vectors = encode(texts)
        released = asked(rows, vectors, known)
        everything = np.ldexp(vectors.astype(np.float64), -ROW_BITS)
        for k, listed in enumerate(new):
            sold = np.flatnonzero(buyers[k] > 0)
            near = unit_length(rows[k] @ everything) @ everything[listed].T
            add(f"likeness of texts ({name})", "", k, near)
            own = everything[sold]
            for ridge in (0.1, 0.3, 1.0, 3.0):
                if due(f"own popularity by text ({name})", f"ridge {ridge:g}"):
                    inner = own.T @ own + ridge * np.eye(own.shape[1])
                    popular = everything[listed] @ np.linalg.solve(inner, own.T @ buyers[k][sold])
                    add(f"own popularity by text ({name})", f"ridge {ridge:g}", k, popular)
            history = rows[k][:, known].astype(np.float64)
            for base in BASES:
                arm = f"content ({name})" if not base.own else f"content and own sales ({name})"
                among = [s for s in GRID if replace(s, boldness=base.boldness) == base and due(arm, say(s))]
                if not among:
                    continue
                model = learn(
                    released,
                    [items[i] for i in listed],
                    [items[i] for i in np.union1d(sold, listed)],
                    encode,
                    mean_row=unit(rows[k][:, known]).mean(0).astype(np.float64),
                    settings=base,
                    own=own_sales(own, buyers[k][sold].astype(np.float64), OWN_RIDGE),
                )
                for settings in among:
                    scores = replace(model, boldness=settings.boldness).scores(history)
                    add(arm, say(settings), k, scores)
    return arms


def say(settings: Settings) -> str:
    """Settings in words."""
    own = f", own sales {settings.own:g}" if settings.own else ""
    return f"share ridge {settings.share_ridge:g}, boldness {settings.boldness:g}{own}"


def asked(rows: list[Rows], vectors: Ints, known: Ints) -> Content:
    """The released sum of the companies' own answers, by the code that makes them."""
    parts = []
    for x in rows:
        indptr = np.concatenate([[0], np.cumsum(x.sum(1))]).astype(np.int64)
        tastes = np.floor(unit(x[:, known]).astype(np.float64) * 2**ROW_BITS)
        tastes = np.hstack([tastes, np.full((len(x), 1), 2.0**ROW_BITS)])
        batch = Batch(indptr=indptr, places=np.nonzero(x)[1].astype(np.int64), tastes=tastes)
        parts.append(sums([batch], vectors, len(known) + 1))
    a, c = (
        np.ldexp(np.sum(part, axis=0).astype(np.float64), -FRACTION_BITS) for part in zip(*parts, strict=True)
    )
    return Content(texts=a, tastes=c[:, :-1], baskets=c[:, -1])


def unit_length(rows: Floats) -> Floats:
    """Rows of length one."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def kept(encode: Encoder, texts: tuple[str, ...]) -> Encoder:
    """``encode``, each text once: a company encodes a catalogue when it changes, not for every list."""
    known = dict(zip(texts, encode(texts), strict=True))
    return lambda wanted: np.stack([known[text] for text in wanted])
