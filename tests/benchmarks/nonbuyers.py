"""Do the reasons why customers do not buy foretell who starts to, once the matching thing changes?

``python -m tests.benchmarks.nonbuyers`` assigns every customer's reason for every concept by the product's own code,
twice: on weeks 1-33 to look at weeks 34-40 (where the definitions were chosen) and on weeks 1-40 to look at weeks
41-53. It writes ``results/nonbuyers.json``; ``python -m tests.benchmarks.nonbuyers_table`` makes the tables of it.
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from protocols.questions.nonbuyers import STATES
from tests.benchmarks.consortium import Consortium
from tests.benchmarks.nonbuyers_data import open_source, prepare
from tests.benchmarks.nonbuyers_members import BEFORE, BOUGHT, NEVER, SIMILAR, Member, by_household, member_of
from tests.benchmarks.nonbuyers_rates import Key, Sums, interval, multiplicities, resampled, standardised
from tests.benchmarks.provenance import commit

COMPANIES = 5
RESULTS = Path(__file__).parent / "results" / "nonbuyers.json"
SPLITS = {"test": (40, 53), "validation": (33, 40)}
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

BY_CATEGORY = ("substitute", "out-of-reach")
"""Reasons that only who buys the category can have: compared with non-buyers who buy as much of it."""

Ratios = dict[str, NDArray[np.float64]]
"""Ratios of rates by name, for each resample."""


def first_purchases(sums: Mapping[Key, Sums], state: str, suffix: str = "") -> Ratios:
    """Every ratio of one reason; the others are who never bought, in any other known state."""
    change = MATCHING[state]
    others = [name for name in NEVER if name != state]
    mine = [sums[state + suffix, change, having] for having in (True, False)]
    theirs = []
    for having in (True, False):
        parts = [sums[name + suffix, change, having] for name in others]
        theirs.append(sum(parts[1:], parts[0]))
    return _ratios(standardised([*mine, *theirs]))


def _ratios(rates: list[NDArray[np.float64]]) -> Ratios:
    mine_with, mine_without, others_with, others_without = rates
    return {
        "change_or_not": mine_with / mine_without,
        "others_change_or_not": others_with / others_without,
        "beyond_others": mine_with * others_without / (mine_without * others_with),
        "beside_others": mine_with / others_with,
        "beside_others_unchanged": mine_without / others_without,
    }


def again(sums: Mapping[Key, Sums]) -> Ratios:
    """How often who has bought before buys again, beside who buys; and by a reduction where that was the only way."""
    buys, lapsed, once = (
        sums[name + BEFORE, "reduced", True] + sums[name + BEFORE, "reduced", False]
        for name in ("buys", "lapsed", "tried-once")
    )
    usual, fewer, fewest = standardised([buys, lapsed, once])
    return {"lapsed_beside_buys": fewer / usual, "tried_once_beside_lapsed": fewest / fewer}


def found_in(sums: Mapping[Key, Sums]) -> dict[str, Ratios]:
    """All ratios by group."""
    found = {state: first_purchases(sums, state) for state in MATCHING}
    found |= {state + SIMILAR: first_purchases(sums, state, SIMILAR) for state in BY_CATEGORY}
    pairs = (
        ("never-shown", "shown-not-taken", "shown"),
        ("only-reduced" + BEFORE, "buys" + BEFORE, "reduced"),
    )
    for one, two, change in pairs:
        arms = [sums[name, change, having] for name in (one, two) for having in (True, False)]
        found[f"{one} and {two}"] = _ratios(standardised(arms))
    return found | {"again": again(sums)}


def figures(members: list[Member], seed: int = 7) -> dict[str, Any]:
    """All ratios with their intervals, and the plain rates that they are of."""
    households = sorted({h for m in members for h in m.households})
    keys: list[Key] = [(name, change, having) for name, change in _needed() for having in (True, False)]
    parts = {key: by_household(members, households, *key) for key in keys}
    gathered: dict[str, dict[str, list[NDArray[np.float64]]]] = {}
    for sums in resampled(parts, multiplicities(len(households), seed=seed)):
        for group, ratios in found_in(sums).items():
            for name, values in ratios.items():
                gathered.setdefault(group, {}).setdefault(name, []).append(values)
    rates = {
        f"{name}, {change if having else 'not ' + change}": {
            "purchases": int(part.events.sum()),
            "visits": int(part.visits.sum()),
            "per_1000": 1000 * float(part.events.sum()) / max(1.0, float(part.visits.sum())),
        }
        for (name, change, having), part in parts.items()
    }
    said = {
        group: {name: asdict(interval(np.concatenate(values))) for name, values in ratios.items()}
        for group, ratios in gathered.items()
    }
    return {"ratios": said, "rates": rates}


def _needed() -> list[tuple[str, str]]:
    """States and changes that any ratio is of."""
    changes = sorted(set(MATCHING.values()))
    never = [(name, change) for change in changes for name in NEVER]
    return never + [(name, "reduced") for name in (*BOUGHT, *(name + SIMILAR for name in NEVER))]


def split(db: duckdb.DuckDBPyConnection, consortium: Consortium, last: int, end: int) -> dict[str, Any]:
    """All figures of one division of the weeks."""
    members = []
    for company in range(COMPANIES):
        members.append(member_of(db, consortium, company, last, end))
        print(f"company {company}: {members[-1].seconds:.1f} s", flush=True)
    counts = np.array([[(m.states == code).sum() for code in range(len(STATES))] for m in members])
    return {
        "customers": [len(m.households) for m in members],
        "answer_s": [m.seconds for m in members],
        "shares": {name: float(counts[:, code].sum() / counts.sum()) for code, name in enumerate(STATES)},
        **figures(members),
    }


def main(words: list[str]) -> None:
    """Measure the named splits, or both, and write the results."""
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if words and RESULTS.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        db = open_source(COMPANIES, folder)
        consortium = prepare(db, COMPANIES, folder)
        for label in words or SPLITS:
            found[label] = split(db, consortium, *SPLITS[label]) | {"commit": commit()}
            RESULTS.write_text(json.dumps(found, indent=1) + "\n")
            print(json.dumps(found[label]["ratios"], indent=1), flush=True)
        db.close()


if __name__ == "__main__":
    main(sys.argv[1:])
