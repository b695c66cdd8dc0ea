"""Every arm's gains on the test weeks, company by company, and what its lists look like."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from participant.models import NodeModel
from participant.models.holdout import HoldOut, hold_out
from participant.models.scoring import popularity, standardise
from participant.surprise import recommend
from protocols.questions.ranking import ndcg, top_indices
from tests.benchmarks import disjoint
from tests.benchmarks.consortium import FIT_UNTIL, TEST_UNTIL, VALIDATION_UNTIL, Consortium

Floats = NDArray[np.float64]
POPULARITY, LOCAL, FEDERATED, SERVED = "popularity", "local EASE", "federated EASE", "blend and gate"
DISJOINT, SERVED_DISJOINT = "federated EASE, household-disjoint", "blend and gate, household-disjoint"
LIST = "list as served"
TOP = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lists:
    """One arm at one company: ``gains`` of customers with a target, and the shape of its lists."""

    gains: Floats
    coverage: float
    gini: float
    novelty: float


def held_out(consortium: Consortium, member: int, *, history_until: int, target_until: int) -> HoldOut:
    """A company's rows before and after ``history_until``."""
    return hold_out(
        consortium.members[member],
        consortium.vocabulary,
        history_until=history_until,
        target_until=target_until,
        customers_until=FIT_UNTIL,
    )


def test_weeks(consortium: Consortium, member: int) -> HoldOut:
    """History of weeks 1-40, future of weeks 41-53."""
    return held_out(consortium, member, history_until=VALIDATION_UNTIL, target_until=TEST_UNTIL)


def measure(scores: NDArray[np.floating], held: HoldOut, scenario: str) -> Lists:
    """Gains and list statistics of ``scores`` at one company."""
    excluded, had = held.excluded(scenario), held.history > 0
    gains = ndcg(scores, had, held.future, excluded, top=TOP)
    shown = top_indices(np.where(held.candidates(scenario), scores, -np.inf)[gains.customers], TOP)
    return describe(gains.gains, shown, held)


def describe(gains: Floats, shown: NDArray[np.int64], held: HoldOut) -> Lists:
    """Coverage (share of concepts shown to anybody), Gini of exposure, mean -log2(share of buyers)."""
    exposure = np.bincount(shown.ravel(), minlength=len(held.buyers)).astype(np.float64)
    share = (held.buyers + 1.0) / (len(held.history) + 1.0)
    return Lists(
        gains=gains,
        coverage=float((exposure > 0).mean()),
        gini=gini(exposure),
        novelty=float(-np.log2(share[shown]).mean()) if shown.size else 0.0,
    )


def gini(exposure: Floats) -> float:
    """Gini coefficient of exposures: 0 all alike, towards 1 all on one.

    >>> gini(np.array([1.0, 1.0, 1.0])), gini(np.array([0.0, 0.0, 3.0]))
    (0.0, 0.6666666666666666)
    """
    ordered = np.sort(exposure)
    n = len(ordered)
    if ordered.sum() == 0:
        return 0.0
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * ordered.sum()))


def company(
    consortium: Consortium,
    member: int,
    model: NodeModel,
    inverses: Mapping[int, Floats],
    others: list[NDArray[np.float32]],
) -> dict[str, dict[str, Lists]]:
    """All arms of one company by scenario; ``others`` as in :func:`disjoint.scores`."""
    held = test_weeks(consortium, member)
    table: dict[str, dict[str, Lists]] = {}
    for scenario, part in model.scenarios.items():
        if part.federated is None:
            raise RuntimeError("the benchmark trains with an exchange")
        candidates = held.candidates(scenario)
        apart = disjoint.scores(inverses[part.federated_lambda], held.history, others)
        separate, shared = (
            part.mixture.apply(None, ease, model.everywhere.astype(np.float64), candidates)
            for ease in (apart, part.federated.scores(held.history))
        )
        scores: dict[str, NDArray[np.floating]] = {
            POPULARITY: np.broadcast_to(held.buyers.astype(np.float64), candidates.shape),
            LOCAL: model.local_matrix_scores(scenario, held.history),
            FEDERATED: shared,
            SERVED: model.matrix_scores(scenario, held.history, candidates),
            DISJOINT: separate,
            SERVED_DISJOINT: _served_with(model, scenario, held, separate.astype(np.float32)),
        }
        table[scenario] = {arm: measure(values, held, scenario) for arm, values in scores.items()}
        table[scenario][LIST] = as_served(model, held, scenario)
    return table


def as_served(model: NodeModel, held: HoldOut, scenario: str) -> Lists:
    """The lists that ``recommend`` really returns: boldness as chosen, only what is sold here."""
    target = held.future & held.candidates(scenario)
    customers = np.flatnonzero(target.any(1))
    discounts = 1.0 / np.log2(np.arange(2, TOP + 2))
    ideal = np.cumsum(discounts)
    gains, shown = np.zeros(len(customers)), np.zeros((len(customers), TOP), np.int64)
    for place, u in enumerate(customers):
        history = np.flatnonzero(held.history[u] > 0)
        items = recommend(model, history, n=TOP, scenario=scenario).items
        picked = np.array([item.concept_index for item in items])
        shown[place] = picked
        gains[place] = (
            discounts[: len(picked)] @ target[u, picked] / ideal[min(int(target[u].sum()), TOP) - 1]
        )
    return describe(gains, shown, held)


def _served_with(
    model: NodeModel, scenario: str, held: HoldOut, federated: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What would be served if ``federated`` were the federated scores; mix and gate as chosen."""
    part, candidates = model.scenarios[scenario], held.candidates(scenario)
    local = standardise(model.local_matrix_scores(scenario, held.history), candidates)
    if not part.deployed:
        return local
    popular = standardise(np.broadcast_to(popularity(held.buyers), candidates.shape), candidates)
    return part.mix.apply(local, standardise(federated, candidates), popular)
