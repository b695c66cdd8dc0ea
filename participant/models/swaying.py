"""How strongly each factor of a moment sways a ranking: fitted on own validation visits, 0 where it says nothing.

What a visit brought is modelled as a choice among everything that it could have brought (conditional logit,
McFadden 1974): the log-odds are ``scale`` times the score without context, plus for each factor its strength
times the log ratio of the moment's band. All are fitted together by likelihood, which uses every purchase;
nDCG@10 sees the few that come near the top, and would choose by chance. A factor stays only if its strength
is :data:`SURE` standard errors above none. What is left moves nothing unless it raises the mean nDCG@10 of
those visits too: the rule of the gate, customers being the unit.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.gate import holds_up
from participant.models.holdout import HoldOut, cap_of
from participant.models.logit import Logit, fit
from participant.models.node_model import NodeModel
from participant.models.sway import NAMES, Rhythms, Strength, Strengths, Sway, own_rhythm, ratios_of
from participant.models.visits import HeldVisits, held_visits
from participant.models.windows import SCENARIOS
from participant.store.records import Records
from protocols.questions.moments import UNKNOWN
from protocols.questions.ranking import TOP
from protocols.vocabulary import Vocabulary

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Gains = NDArray[np.float64]
Mask = NDArray[np.bool_]

SURE: Final = 2.0
"""Standard errors by which a strength has to be above none: chance alone is taken once in 40 times."""

VISITS: Final = 6_000
"""Validation visits that are looked at, the first of so many customers as they fit; more change no choice."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """What is ranked: ``scores`` without context, (customers, n_concepts).

    ``history`` is what the customers had before the visits; ``excluded`` what nobody is shown, (n_concepts,).
    With ``again`` the candidates are what a customer has bought before, and not what it has not.
    """

    scores: Floats
    history: Mask
    excluded: Mask
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranked:
    """Some visits that brought something to be found.

    ``rows``: their customers; ``base``: scores without context, minus infinity for what is no candidate;
    ``target``: what was bought; ``bands``: of FACTORS, (len(FACTORS), visits).
    """

    rows: Ints
    base: Floats
    target: Mask
    bands: Ints

    def ratios(self, factor: str, ratios: Mapping[str, Floats]) -> Floats:
        """The log ratios of one factor at each visit, (visits, n_concepts); 0 where its band is unknown."""
        at = self.bands[NAMES.index(factor)]
        known = (at != UNKNOWN)[:, None]
        return np.where(known, ratios[factor][np.maximum(at, 0)], np.float32(0))


def learn_sway(
    records: Records,
    vocabulary: Vocabulary,
    *,
    rehearsal: NodeModel,
    held: HoldOut,
    rhythms: Rhythms,
    denied: Mask | None = None,
) -> Sway:
    """The ratios of everything before the end of validation, and the strengths that its visits ask for.

    Args:
        records: this company's.
        vocabulary: of the model.
        rehearsal: the model of the fit window.
        held: its validation customers.
        rhythms: what the consortium released.
        denied: concepts that are never suggested, (n_concepts,).
    """
    windows = rehearsal.windows
    before, full = (
        ratios_of(own_rhythm(records, vocabulary, until=until, customers_until=windows.customers_until), sums)
        for until, sums in (
            (windows.fit_until, rhythms.fitted),
            (windows.validation_until, rhythms.refitted),
        )
    )
    visits = first_visits(
        held_visits(
            records,
            vocabulary,
            since=windows.fit_until,
            until=windows.validation_until,
            customers_until=windows.customers_until,
            customers_cap=cap_of(vocabulary),
        )
    )
    strengths = {}
    for scenario in SCENARIOS:
        judged = Judged(
            scores=rehearsal.matrix_scores(scenario, held.history, held.candidates(scenario)),
            history=held.history > 0,
            excluded=held.excluded(scenario) | (False if denied is None else denied),
        )
        strengths[scenario] = choose(judged, visits, before)
    return Sway(ratios=full, strengths=strengths)


def first_visits(visits: HeldVisits, most: int = VISITS) -> HeldVisits:
    """The visits of the first customers, all visits of each, about ``most`` together."""
    if len(visits) <= most:
        return visits
    cut = int(np.searchsorted(visits.customer, visits.customer[most], side="left")) or most
    return HeldVisits(
        customer=visits.customer[:cut],
        indptr=visits.indptr[: cut + 1],
        concepts=visits.concepts[: visits.indptr[cut]],
        bands=visits.bands[:, :cut],
    )


def choose(judged: Judged, visits: HeldVisits, ratios: Mapping[str, Floats]) -> Strengths:
    """The strength of every factor in ``ratios`` that some visit knows, 0 for those that say nothing."""
    tried = [f for f in NAMES if f in ratios and (visits.bands[NAMES.index(f)] != UNKNOWN).any()]
    found = likeliest(judged, visits, ratios, tried)
    sure = [f for f, z in zip(tried, found.strengths / found.errors, strict=True) if z >= SURE]
    kept = found if sure == tried else likeliest(judged, visits, ratios, sure)
    taken = dict(zip(sure, kept.strengths.tolist(), strict=True))
    worth = 1.0 / kept.scale
    each = tuple(
        Strength(factor=factor, strength=taken.get(factor, 0.0), error=float(error))
        for factor, error in zip(tried, found.errors, strict=True)
    )
    if not taken:
        return Strengths(worth=worth, each=each, taken=False, gained=0.0, error=0.0, customers=0)
    off, on = gains(judged, visits, ratios, [{}, {factor: worth * s for factor, s in taken.items()}])
    difference = on - off
    return Strengths(
        worth=worth,
        each=each,
        taken=holds_up(difference),
        gained=float(difference.mean()) if len(difference) else 0.0,
        error=float(difference.std(ddof=1)) / len(difference) ** 0.5 if len(difference) > 1 else 0.0,
        customers=len(difference),
    )


def likeliest(
    judged: Judged, visits: HeldVisits, ratios: Mapping[str, Floats], factors: Sequence[str]
) -> Logit:
    """Scale and strengths of ``factors`` under which what the visits brought is likeliest."""

    def parts() -> Iterator[tuple[Floats, list[Floats], Mask]]:
        for part in ranked(judged, visits):
            yield part.base, [part.ratios(factor, ratios) for factor in factors], part.target

    return fit(parts, len(factors))


def gains(
    judged: Judged,
    visits: HeldVisits,
    ratios: Mapping[str, Floats],
    tried: Sequence[Mapping[str, float]],
) -> Gains:
    """Mean nDCG@10 of each customer's visits for every setting, (settings, customers with a target).

    Args:
        judged: what is ranked.
        visits: when, and what was bought.
        ratios: of each factor.
        tried: for each setting and factor what a log ratio is worth in scores; factors that are not named are off.
    """
    customers = len(judged.scores)
    total, count = np.zeros((len(tried), customers)), np.zeros(customers)
    for part in ranked(judged, visits):
        np.add.at(count, part.rows, 1)
        for place, setting in enumerate(tried):
            swayed = part.base.copy() if setting else part.base
            for factor, worth in setting.items():
                swayed += np.float32(worth) * part.ratios(factor, ratios)
            np.add.at(total[place], part.rows, visit_gains(swayed, part.target))
    seen = count > 0
    return total[:, seen] / count[seen]


def ranked(judged: Judged, visits: HeldVisits) -> Iterator[Ranked]:
    """The visits that brought something that could have been suggested, some at a time."""
    for numbers, before, bought in visits.chunks(judged.history):
        rows = visits.customer[numbers]
        hidden = (~judged.history[rows] if judged.again else before) | judged.excluded
        target = bought & ~hidden
        some = np.flatnonzero(target.any(1))
        if len(some):
            yield Ranked(
                rows=rows[some],
                base=np.where(hidden[some], -np.inf, judged.scores[rows[some]]).astype(np.float32),
                target=target[some],
                bands=visits.bands[:, numbers[some]],
            )


def visit_gains(scores: Floats, target: Mask) -> Gains:
    """nDCG@10 of each row, as :func:`protocols.questions.ranking.ndcg` has it, from the ranks of the targets alone.

    Args:
        scores: (visits, n_concepts), minus infinity for what is no candidate.
        target: what was bought, same shape, somebody in every row.

    >>> visit_gains(np.array([[0.5, 0.9, 0.5]], np.float32), np.array([[False, False, True]]))  # ties: rank 3
    array([0.5])
    """
    row, concept = np.nonzero(target)
    own, beside = scores[row, concept][:, None], scores[row]
    rank = (beside > own).sum(1)
    tied = np.flatnonzero((beside == own).sum(1) > 1)
    before = np.arange(scores.shape[1]) < concept[tied][:, None]
    rank[tied] += ((beside[tied] == own[tied]) & before).sum(1)
    discounts = 1.0 / np.log2(np.arange(2, TOP + 2))
    found = np.bincount(row, np.where(rank < TOP, discounts[np.minimum(rank, TOP - 1)], 0.0), len(scores))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])
    result: Gains = found / ideal[np.minimum(target.sum(1), TOP)]
    return result
