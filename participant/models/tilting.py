"""How strongly each factor of a moment tilts a ranking: chosen on own validation visits, 0 where it does not help.

Factors are tried one after the other, each beside those taken before it. Of the strengths tried the one with
the best mean nDCG@10 of a visit is proposed, and taken only if it beats none at all by one standard error of
the paired difference, customers being the unit. A visit's nDCG is averaged over the visits of its customer first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.blend import wins
from participant.models.holdout import CUSTOMERS, HoldOut
from participant.models.node_model import NodeModel
from participant.models.tilt import NAMES, Rhythms, Strength, Tilt, own_rhythm, ratios_of
from participant.models.visits import HeldVisits, held_visits
from participant.models.windows import SCENARIOS
from participant.store.records import Records
from protocols.questions.moments import UNKNOWN
from protocols.questions.ranking import TOP
from protocols.vocabulary import Vocabulary

Floats = NDArray[np.float32]
Gains = NDArray[np.float64]
Mask = NDArray[np.bool_]

STRENGTHS: Final = (0.25, 0.5, 1.0)
"""A quarter, half and all of what Bayes' rule says; more than all is what chance would have to explain."""

VISITS: Final = 6_000
"""Validation visits that are ranked, the first of so many customers as they fit; more change no choice."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """What is ranked: ``scores`` without context, (customers, n_concepts), and what one log ratio is worth in them.

    ``history`` is what the customers had before the visits; ``excluded`` what nobody is shown, (n_concepts,).
    With ``again`` the candidates are what a customer has bought before, and not what it has not.
    """

    scores: Floats
    worth: float
    history: Mask
    excluded: Mask
    again: bool = False


def learn_tilt(
    records: Records, vocabulary: Vocabulary, *, rehearsal: NodeModel, held: HoldOut, rhythms: Rhythms
) -> Tilt:
    """The ratios of everything before the end of validation, and the strengths that its visits ask for.

    Args:
        records: this company's.
        vocabulary: of the model.
        rehearsal: the model of the fit window.
        held: its validation customers.
        rhythms: what the consortium released.
    """
    windows = rehearsal.windows
    fit, full = (
        own_rhythm(records, vocabulary, until=until, customers_until=windows.customers_until)
        for until in (windows.fit_until, windows.validation_until)
    )
    before = ratios_of(fit, rhythms.fitted)
    visits = first_visits(
        held_visits(
            records,
            vocabulary,
            since=windows.fit_until,
            until=windows.validation_until,
            customers_until=windows.customers_until,
            customers_cap=CUSTOMERS,
        )
    )
    strengths = {}
    for scenario in SCENARIOS:
        judged = Judged(
            scores=rehearsal.matrix_scores(scenario, held.history, held.candidates(scenario)),
            worth=rehearsal.scenarios[scenario].acceptance.worth,
            history=held.history > 0,
            excluded=held.excluded(scenario),
        )
        strengths[scenario] = choose(judged, visits, before)
    return Tilt(ratios=ratios_of(full, rhythms.refitted), strengths=strengths)


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


def choose(judged: Judged, visits: HeldVisits, ratios: Mapping[str, Floats]) -> tuple[Strength, ...]:
    """The strength of every factor in ``ratios``, 0 for those that do not help."""
    taken: dict[str, float] = {}
    found: list[Strength] = []
    for factor in NAMES:
        if factor not in ratios or not (visits.bands[NAMES.index(factor)] != UNKNOWN).any():
            continue
        tried = [taken, *({**taken, factor: strength} for strength in STRENGTHS)]
        table = gains(judged, visits, ratios, tried)
        if not table.shape[1]:
            continue
        differences = table[1:] - table[0]
        best = int(np.argmax(differences.mean(1)))
        difference = differences[best]
        strength = STRENGTHS[best] if wins(difference) else 0.0
        if strength:
            taken = {**taken, factor: strength}
        error = float(difference.std(ddof=1)) / len(difference) ** 0.5 if len(difference) > 1 else 0.0
        found.append(
            Strength(
                factor=factor,
                strength=strength,
                gained=float(difference.mean()),
                error=error,
                customers=len(difference),
            )
        )
    return tuple(found)


def gains(
    judged: Judged,
    visits: HeldVisits,
    ratios: Mapping[str, Floats],
    tried: list[dict[str, float]],
) -> Gains:
    """Mean nDCG@10 of each customer's visits for every setting, (settings, customers with a target).

    Args:
        judged: what is ranked.
        visits: when, and what was bought.
        ratios: of each factor.
        tried: the strengths of each setting by factor; factors that are not named are off.
    """
    customers = len(judged.scores)
    total, count = np.zeros((len(tried), customers)), np.zeros(customers)
    for numbers, before, bought in visits.chunks(judged.history):
        rows = visits.customer[numbers]
        hidden = (~judged.history[rows] if judged.again else before) | judged.excluded
        target = bought & ~hidden
        some = np.flatnonzero(target.any(1))
        if not len(some):
            continue
        rows, target = rows[some], target[some]
        base = np.where(hidden[some], -np.inf, judged.scores[rows]).astype(np.float32)
        np.add.at(count, rows, 1)
        bands = visits.bands[:, numbers[some]]
        for place, setting in enumerate(tried):
            tilted = base.copy() if setting else base
            for factor, strength in setting.items():
                at = bands[NAMES.index(factor)]
                known = (at != UNKNOWN)[:, None]
                tilted += np.where(known, judged.worth * strength * ratios[factor][np.maximum(at, 0)], 0)
            np.add.at(total[place], rows, visit_gains(tilted, target))
    seen = count > 0
    return total[:, seen] / count[seen]


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
