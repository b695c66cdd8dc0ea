"""This company's own customers by state and concept, with what kind of customers they are.

It never leaves: what leaves is the ``nonbuyers`` answer, through the door. A profile is of a group of at
least :data:`FEWEST_HERE` customers, so that no page describes a single one.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.nonbuyers.states import States, batch_size, states
from participant.store.records import Records
from participant.store.records_journeys import DAY_S, JourneyBatch
from protocols.questions import nonbuyers
from protocols.vocabulary import Vocabulary

Floats = NDArray[np.float64]

FEWEST_HERE: Final = 10
"""A group of fewer customers gets no profile."""

MONTH_DAYS: Final = 28
TRAITS: Final = ("breadth", "trips", "months", "new", "recent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Means over a group of customers.

    ``breadth``: kinds bought; ``rhythm``: days with a purchase in four weeks; ``appetite``: the share of the
    kinds bought in the last 12 weeks that were new to the customer, in [0, 1].
    """

    breadth: float
    rhythm: float
    appetite: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """``counts``: (states, concepts). ``sums``: (states, concepts, traits), over the customers in each."""

    customers: int
    counts: NDArray[np.int64]
    sums: Floats

    def profile(self, state: str, concept: int | None = None) -> Profile | None:
        """Who is in ``state`` for a concept, or for all together; None for fewer than :data:`FEWEST_HERE`.

        >>> Tally(customers=9, counts=np.full((10, 1), 9), sums=np.ones((10, 1, 5))).profile(
        ...     "buys", 0
        ... ) is None
        True
        """
        row = nonbuyers.STATES.index(state)
        chosen = slice(None) if concept is None else slice(concept, concept + 1)
        n, sums = int(self.counts[row, chosen].sum()), self.sums[row, chosen].sum(axis=0)
        if self.counts[row, chosen].max(initial=0) < FEWEST_HERE:
            return None
        breadth, trips, months, new, recent = sums.tolist()
        return Profile(breadth=breadth / n, rhythm=trips / months, appetite=new / max(recent, 1.0))


def tally(records: Records, vocabulary: Vocabulary, asked: nonbuyers.Parameters) -> Tally:
    """Count this company's customers as ``asked`` says, for every concept of the vocabulary."""
    shelf = records.shelf(vocabulary, since=asked.since, until=asked.until)
    shape = (len(nonbuyers.STATES), len(vocabulary))
    counts, sums, customers = np.zeros(shape, np.int64), np.zeros((*shape, len(TRAITS))), 0
    for batch in records.journeys(
        vocabulary,
        shelf,
        since=asked.since,
        until=asked.until,
        customers_until=asked.customers_until,
        customers_cap=asked.customers_cap,
        batch=batch_size(len(vocabulary)),
    ):
        _add(counts, sums, states(batch, shelf, until=asked.until), traits(batch, until=asked.until))
        customers += len(batch)
    return Tally(customers=customers, counts=counts, sums=sums)


def traits(batch: JourneyBatch, *, until: int) -> Floats:
    """(customers, traits): what :class:`Profile` is made of, in the order of :data:`TRAITS`."""
    n, since = len(batch), until - nonbuyers.RECENT_DAYS * DAY_S
    first = np.full(n, until, np.int64)
    np.minimum.at(first, batch.owner, batch.first)
    recent = batch.last >= since
    # in one's first 12 weeks everything is new, which says nothing about appetite
    known = first[batch.owner] < since
    return np.stack(
        [
            np.bincount(batch.owner, minlength=n),
            batch.trips,
            np.maximum((until - first) / (MONTH_DAYS * DAY_S), 1.0),
            np.bincount(batch.owner, recent & known & (batch.first >= since), n),
            np.bincount(batch.owner, recent & known, n),
        ],
        axis=1,
    ).astype(np.float64)


def _add(counts: NDArray[np.int64], sums: Floats, found: States, of_each: Floats) -> None:
    for code in range(len(counts)):
        inside = found == code
        counts[code] += inside.sum(axis=0)
        sums[code] += inside.T.astype(np.float64) @ of_each
