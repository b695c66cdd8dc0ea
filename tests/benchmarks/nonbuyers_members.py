"""One company's customers for the benchmark of reasons: what state each is in, and what became of it."""

import time
from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from participant.nonbuyers import batch_size, states
from participant.store.records_journeys import JourneyBatch
from protocols.questions.nonbuyers import STATES
from tests.benchmarks.consortium import FIT_UNTIL, Consortium
from tests.benchmarks.nonbuyers_changes import Exposure, exposures
from tests.benchmarks.nonbuyers_data import week_start
from tests.benchmarks.nonbuyers_rates import ByHousehold

QUINTILES = 5
BEFORE = " before"
SIMILAR = " in category"
"""Suffix: only of who buys the concept's category, in strata by how often instead of by activity."""

LINES = (1, 3, 6, 11)
"""Lines of a category from which on the next stratum begins."""

NEVER = (
    "not-stocked",
    "out-of-reach",
    "substitute",
    "only-reduced",
    "never-shown",
    "shown-not-taken",
)
"""States of who has never bought a concept, as far as the shelves are known."""

BOUGHT = tuple(name + BEFORE for name in ("only-reduced", "buys", "lapsed", "tried-once"))
"""States of who has."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """Customers in order: household, quintile of activity, states, whether each concept was bought before, how much of its
    category (a place among :data:`LINES`, 0 for nothing), changes.

    ``seconds``: to read the shelves and to say the states of all customers.
    """

    households: list[int]
    active: NDArray[np.int64]
    states: NDArray[np.int8]
    before: NDArray[np.bool_]
    category: NDArray[np.int8]
    changes: dict[str, Exposure]
    seconds: float


def member_of(
    db: duckdb.DuckDBPyConnection, consortium: Consortium, company: int, last: int, end: int
) -> Member:
    """Reasons on weeks 1 to ``last``, and what changed until week ``end``."""
    records, vocabulary, until = consortium.members[company], consortium.vocabulary, week_start(last + 1)
    began = time.perf_counter()
    shelf = records.shelf(vocabulary, since=0, until=until)
    found, before, lines, similar, keys = [], [], [], [], []
    for batch in records.journeys(
        vocabulary, shelf, since=0, until=until, customers_until=FIT_UNTIL, batch=batch_size(len(vocabulary))
    ):
        found.append(states(batch, shelf, until=until))
        bought = np.zeros(found[-1].shape, np.bool_)
        bought[batch.owner, batch.concept] = True
        before.append(bought)
        lines.append(np.bincount(batch.owner, batch.lines, len(batch)))
        similar.append(_in_category(batch, shelf.category))
        keys += batch.customer_keys.tolist()
    seconds = time.perf_counter() - began
    names = consortium.households(company)
    households = [int(names[key]) for key in keys]
    rank = np.argsort(np.argsort(np.concatenate(lines), kind="stable"), kind="stable")
    return Member(
        households=households,
        active=rank * QUINTILES // len(rank),
        states=np.vstack(found),
        before=np.vstack(before),
        category=np.vstack(similar),
        changes=dict(exposures(db, company, households, vocabulary.concepts, (last + 1, end))),
        seconds=seconds,
    )


def _in_category(batch: JourneyBatch, category: NDArray[np.int64]) -> NDArray[np.int8]:
    lines = np.zeros((len(batch), int(category.max()) + 1), np.int64)
    np.add.at(lines, (batch.owner, category[batch.concept]), batch.lines)
    return np.searchsorted(LINES, lines, side="right").astype(np.int8)[:, category]


def by_household(
    members: list[Member], households: list[int], state: str, change: str, having: bool
) -> ByHousehold:
    """Purchases and visits with (or without) a change of who is in ``state``, by household and stratum."""
    index = {household: place for place, household in enumerate(households)}
    columns: list[NDArray[np.int64]] = []
    rows, events, visits = [], [], []
    for k, member in enumerate(members):
        exposure = member.changes[change]
        came = exposure.visits_with if having else exposure.visits_without
        bought = exposure.bought_with if having else exposure.bought_without
        chosen = (member.before == state.endswith(BEFORE)) & (came > 0)
        chosen &= member.states == STATES.index(state.removesuffix(BEFORE).removesuffix(SIMILAR))
        if state.endswith(SIMILAR):
            chosen &= member.category > 0
        who, concept = np.nonzero(chosen)
        rows.append(np.array([index[h] for h in member.households])[who])
        alike = member.category[who, concept] if state.endswith(SIMILAR) else member.active[who]
        columns.append((concept * QUINTILES + alike) * len(members) + k)
        events.append(bought[chosen].astype(np.float32))
        visits.append(came[chosen].astype(np.float32))
    shape = (len(households), members[0].states.shape[1] * QUINTILES * len(members))
    place = (np.concatenate(rows), np.concatenate(columns))
    all_events, all_visits = np.concatenate(events), np.concatenate(visits)
    some = all_events > 0
    return ByHousehold(
        events=sparse.csc_matrix((all_events[some], (place[0][some], place[1][some])), shape=shape),
        visits=sparse.csc_matrix((all_visits, place), shape=shape),
    )
