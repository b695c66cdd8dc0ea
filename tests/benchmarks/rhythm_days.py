"""What a customer's own rhythm tells of when it comes next: which weekday, and which hours, to invite for.

From the visits of weeks 1-40 a weekday (or an hour band) is foretold for each customer: the one with the most
of its visits, shrunk towards the company's. It is judged on weeks 41-53 by the share of the customer's visits,
and of its first purchases, that fall there. Baselines: the company's own busiest one for everybody, and the
foretold ones handed out to other customers at random.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from participant.models.sway import NAMES
from participant.models.visits import HeldVisits, held_visits
from participant.store.records import Records
from protocols.questions.moments import FACTORS
from protocols.vocabulary import Vocabulary
from tests.benchmarks import summary
from tests.benchmarks.consortium import FIT_UNTIL, TEST_UNTIL, VALIDATION_UNTIL

PRIOR = 5.0
"""Visits at the company's own shares that are added to a customer's: chosen beforehand, not tuned."""
SHOWN = ("weekday", "hour")
ARMS = ("own rhythm", "busiest for everybody", "others' rhythm")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Days:
    """Shares by customer: (arm, what falls there) for each factor."""

    shares: dict[str, dict[str, dict[str, np.ndarray]]]


def company(records: Records, vocabulary: Vocabulary) -> Days:
    """Foretell from the weeks before and judge on the test weeks."""
    span = {"customers_until": FIT_UNTIL, "customers_cap": 1_000_000}
    before = held_visits(records, vocabulary, since=0, until=VALIDATION_UNTIL, **span)
    after = held_visits(records, vocabulary, since=VALIDATION_UNTIL, until=TEST_UNTIL, **span)
    customers = records.n_customers(first_seen_before=FIT_UNTIL)
    new = first_purchases(before, after, customers, len(vocabulary))
    shares: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for factor in SHOWN:
        past = table(before, factor, customers, np.ones(len(before)))
        common = past.sum(0) / past.sum()
        foretold = np.argmax(past + PRIOR * common, axis=1)
        other = np.random.default_rng(0).permutation(foretold)
        picked = dict(zip(ARMS, (foretold, np.full(customers, int(np.argmax(common))), other), strict=True))
        shares[factor] = {}
        for what, weights in (("visits", np.ones(len(after))), ("first purchases", new.astype(np.float64))):
            found = table(after, factor, customers, weights)
            some = found.sum(1) > 0
            parts = found[some] / found[some].sum(1, keepdims=True)
            shares[factor][what] = {
                arm: parts[np.arange(len(parts)), chosen[some]] for arm, chosen in picked.items()
            }
    return Days(shares=shares)


def table(visits: HeldVisits, factor: str, customers: int, weights: np.ndarray) -> np.ndarray:
    """Weight of each customer's visits by band, (customers, bands)."""
    found = np.zeros((customers, len(FACTORS[factor])))
    np.add.at(found, (visits.customer, visits.bands[NAMES.index(factor)]), weights)
    return found


def first_purchases(before: HeldVisits, after: HeldVisits, customers: int, concepts: int) -> np.ndarray:
    """How many concepts each later visit brought its customer for the first time, (visits,)."""
    history = np.zeros((customers, concepts), np.bool_)
    owners = np.repeat(before.customer, np.diff(before.indptr))
    history[owners, before.concepts] = True
    new = np.zeros(len(after), np.int64)
    for numbers, had, bought in after.chunks(history):
        new[numbers] = (bought & ~had).sum(1)
    return new


def report(days: Sequence[Days]) -> list[dict[str, object]]:
    """One row for each factor, kind of purchase and arm."""
    rows: list[dict[str, object]] = []
    for factor in SHOWN:
        for what in ("visits", "first purchases"):
            base = [one.shares[factor][what][ARMS[1]] for one in days]
            for arm in ARMS:
                found = [one.shares[factor][what][arm] for one in days]
                rows.append(
                    {
                        "factor": factor,
                        "what": what,
                        "arm": arm,
                        **asdict(summary.figure(found)),
                        "difference": asdict(
                            summary.figure([a - b for a, b in zip(found, base, strict=True)])
                        ),
                    }
                )
    return rows
