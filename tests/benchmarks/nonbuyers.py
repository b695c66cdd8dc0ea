"""Do the reasons why customers do not buy foretell who starts to, once the matching thing changes?

``python -m tests.benchmarks.nonbuyers`` assigns every customer's reason for every concept by the product's own code,
twice: on weeks 1-33 to look at weeks 34-40 (where the definitions were chosen) and on weeks 1-40 to look at weeks
41-53. It writes ``results/nonbuyers.json``; ``python -m tests.benchmarks.nonbuyers_table`` makes the tables of it.
"""

import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from participant.nonbuyers import batch_size, states
from protocols.questions.nonbuyers import STATES
from tests.benchmarks.consortium import FIT_UNTIL, Consortium
from tests.benchmarks.nonbuyers_changes import CHANGES, Exposure, exposures
from tests.benchmarks.nonbuyers_data import open_source, prepare, week_start
from tests.benchmarks.nonbuyers_rates import Visits, contrast, ratio, said, weights
from tests.benchmarks.provenance import commit

COMPANIES = 5
QUINTILES = 5
RESULTS = Path(__file__).parent / "results" / "nonbuyers.json"
SPLITS = {"validation": (33, 40), "test": (40, 53)}
"""Reasons know the weeks until the first; purchases are looked at from then until the second."""

MATCHING = {
    "not-stocked": "stocked",
    "never-shown": "shown",
    "shown-not-taken": "shown",
    "only-reduced": "reduced",
    "out-of-reach": "reduced",
    "substitute": "reduced",
}
"""The change that would matter if a reason were right; none of the others has one that the data shows."""

AGAIN = ("buys", "lapsed", "tried-once")
"""States of who has bought a concept: compared by how often they buy it again."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """One company's customers: households, quintile of activity, states, whether bought before, and what changed."""

    households: list[int]
    active: NDArray[np.int64]
    states: NDArray[np.int8]
    before: NDArray[np.bool_]
    changes: dict[str, Exposure]
    seconds: float


def member_of(
    db: duckdb.DuckDBPyConnection, consortium: Consortium, company: int, last: int, end: int
) -> Member:
    """Reasons on weeks 1 to ``last``, and what changed until week ``end``."""
    records, vocabulary, until = consortium.members[company], consortium.vocabulary, week_start(last + 1)
    began = time.perf_counter()
    shelf = records.shelf(vocabulary, since=0, until=until)
    found, before, lines, keys = [], [], [], []
    for batch in records.journeys(
        vocabulary,
        shelf,
        since=0,
        until=until,
        customers_until=FIT_UNTIL,
        batch=batch_size(len(vocabulary)),
    ):
        found.append(states(batch, shelf, until=until))
        bought = np.zeros(found[-1].shape, np.bool_)
        bought[batch.owner, batch.concept] = True
        before.append(bought)
        lines.append(np.bincount(batch.owner, batch.lines, len(batch)))
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
        changes=dict(exposures(db, company, households, vocabulary.concepts, (last + 1, end))),
        seconds=seconds,
    )


class Pairs:
    """Customers and concepts of all companies, to be chosen by state and change."""

    def __init__(self, members: list[Member]) -> None:
        self._members = members
        self._index = {h: i for i, h in enumerate(sorted({h for m in members for h in m.households}))}
        self.resamples = weights(len(self._index), seed=7)

    def visits(self, state: str | None, change: str, *, having: bool, before: bool = False) -> Visits:
        """Visits with (or without) a change of who is in ``state``; None: in any. ``before``: of who had bought."""
        parts = [self._of(k, m, state, change, having, before) for k, m in enumerate(self._members)]
        return sum(parts[1:], parts[0])

    def others(self, state: str, change: str, *, having: bool) -> Visits:
        """The same of who has never bought and is in any other state."""
        names = [name for name in STATES if name not in {state, "unknown"}]
        parts = [self.visits(name, change, having=having) for name in names]
        return sum(parts[1:], parts[0])

    def _of(
        self, k: int, member: Member, state: str | None, change: str, having: bool, before: bool
    ) -> Visits:
        exposure = member.changes[change]
        visits = exposure.visits_with if having else exposure.visits_without
        events = exposure.bought_with if having else exposure.bought_without
        chosen = (member.before == before) & (visits > 0)
        if state is not None:
            chosen &= member.states == STATES.index(state)
        who, concept = np.nonzero(chosen)
        place = np.array([self._index[h] for h in member.households])
        return Visits(
            household=place[who],
            stratum=(concept * QUINTILES + member.active[who]) * len(self._members) + k,
            events=events[chosen].astype(np.float64),
            visits=visits[chosen].astype(np.float64),
        )


def first_purchases(pairs: Pairs, state: str) -> dict[str, Any]:
    """Of one reason: with the matching change against without, against the other reasons, and more so than theirs."""
    change = MATCHING[state]
    mine = [pairs.visits(state, change, having=having) for having in (True, False)]
    theirs = [pairs.others(state, change, having=having) for having in (True, False)]
    lift, usual = ratio(*mine, pairs.resamples), ratio(*theirs, pairs.resamples)
    return {
        "change": change,
        "rates": {
            name: 1000 * float(part.events.sum()) / max(1.0, float(part.visits.sum()))
            for name, part in zip(
                ("mine_with", "mine_without", "others_with", "others_without"), (*mine, *theirs), strict=True
            )
        },
        "change_or_not": asdict(said(lift, *mine)),
        "others_change_or_not": asdict(said(usual, *theirs)),
        "more_than_others": asdict(said(lift / np.maximum(usual, 1e-9), mine[0], theirs[0])),
        "beside_others": asdict(contrast(mine[0], theirs[0], pairs.resamples)),
        "beside_others_unchanged": asdict(contrast(mine[1], theirs[1], pairs.resamples)),
    }


def again(pairs: Pairs) -> dict[str, Any]:
    """How often who has bought before buys again on a visit, beside those who buy; and by a reduction where only that."""
    both = {
        name: sum(
            (pairs.visits(name, "reduced", having=having, before=True) for having in (False,)),
            pairs.visits(name, "reduced", having=True, before=True),
        )
        for name in AGAIN
    }
    only, usual = (
        [pairs.visits(name, "reduced", having=having, before=True) for having in (True, False)]
        for name in ("only-reduced", "buys")
    )
    lift, beside = ratio(*only, pairs.resamples), ratio(*usual, pairs.resamples)
    return {
        "rates": {
            name: 1000 * float(v.events.sum()) / max(1.0, float(v.visits.sum())) for name, v in both.items()
        },
        "beside_buys": {
            name: asdict(contrast(both[name], both["buys"], pairs.resamples)) for name in AGAIN[1:]
        },
        "only_reduced": asdict(said(lift, *only)),
        "buys": asdict(said(beside, *usual)),
        "more_than_buys": asdict(said(lift / np.maximum(beside, 1e-9), only[0], usual[0])),
    }


def split(db: duckdb.DuckDBPyConnection, consortium: Consortium, last: int, end: int) -> dict[str, Any]:
    """All figures of one division of the weeks."""
    members = [member_of(db, consortium, k, last, end) for k in range(COMPANIES)]
    pairs = Pairs(members)
    counts = np.array([[(m.states == code).sum() for code in range(len(STATES))] for m in members])
    result: dict[str, Any] = {
        "customers": [len(m.households) for m in members],
        "answer_s": [m.seconds for m in members],
        "shares": {name: float(counts[:, code].sum() / counts.sum()) for code, name in enumerate(STATES)},
        "reasons": {},
    }
    for state in MATCHING:
        result["reasons"][state] = first_purchases(pairs, state)
        print(last, state, json.dumps(result["reasons"][state]), flush=True)
    result["shown_and_never_shown"] = asdict(
        contrast(
            pairs.visits("never-shown", "shown", having=True),
            pairs.visits("shown-not-taken", "shown", having=True),
            pairs.resamples,
        )
    )
    result["again"] = again(pairs)
    print(last, json.dumps(result["again"]), json.dumps(result["shown_and_never_shown"]), flush=True)
    return result


def main() -> None:
    """Measure and write the results."""
    found: dict[str, Any] = {"commit": commit(), "companies": COMPANIES, "changes": list(CHANGES)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        db = open_source(COMPANIES, folder)
        consortium = prepare(db, COMPANIES, folder)
        for label, (last, end) in SPLITS.items():
            found[label] = split(db, consortium, last, end)
        db.close()
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
