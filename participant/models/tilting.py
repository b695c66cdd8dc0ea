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
from protocols.questions.ranking import TOP, ndcg
from protocols.vocabulary import Vocabulary

Floats = NDArray[np.float32]
Gains = NDArray[np.float64]
Mask = NDArray[np.bool_]

STRENGTHS: Final = (0.25, 0.5, 1.0)
"""A quarter, half and all of what Bayes' rule says; more than all is what chance would have to explain."""

VISITS: Final = 4_000
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
        had = ~judged.history[rows] if judged.again else before
        open_to = bought & ~had & ~judged.excluded
        with_target = np.flatnonzero(open_to.any(1))
        if not len(with_target):
            continue
        rows, had, open_to = rows[with_target], had[with_target], open_to[with_target]
        base = judged.scores[rows]
        np.add.at(count, rows, 1)
        moved = _moved(visits.bands[:, numbers[with_target]], ratios, tried)
        for place, setting in enumerate(tried):
            tilted = base.astype(np.float64)
            for factor, strength in setting.items():
                tilted += judged.worth * strength * moved[factor]
            np.add.at(total[place], rows, ndcg(tilted, had, open_to, judged.excluded, top=TOP).gains)
    seen = count > 0
    return total[:, seen] / count[seen]


def _moved(
    bands: NDArray[np.int64], ratios: Mapping[str, Floats], tried: list[dict[str, float]]
) -> dict[str, Floats]:
    """The ratios of each visit, (visits, n_concepts), of every factor that any setting names."""
    moved: dict[str, Floats] = {}
    for factor in {name for setting in tried for name in setting}:
        at = bands[NAMES.index(factor)]
        moved[factor] = np.where((at == UNKNOWN)[:, None], np.float32(0), ratios[factor][np.maximum(at, 0)])
    return moved
