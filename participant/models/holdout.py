"""A company's own hold-out: rows of history and of what came after, never leaving the node.

At most :data:`CUSTOMERS` customers are held in memory, of vocabularies beyond 20 thousand concepts fewer; more would
change no choice by anything that matters, and the cap keeps memory bounded for a company and a vocabulary of any size.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.errors import RecordsChanged
from participant.models.acceptance import Acceptance, fit
from participant.store.pairs import paired_rows
from participant.store.records import Records
from protocols.questions.ranking import obvious
from protocols.vocabulary import Vocabulary

CUSTOMERS: Final = 5_000
CELLS: Final = 100_000_000
"""Customers times concepts: 400 MB of history."""
SOON_DAYS: Final = 30.0
DAY_S: Final = 86_400

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HoldOut:
    """History and future of the same customers, both (customers, n_concepts); ``buyers`` of each concept.

    ``near``: what of the future came within 30 days; None where all of it did. ``days``: how long ``near`` is.
    """

    history: NDArray[np.float32]
    future: Mask
    buyers: NDArray[np.int64]
    near: Mask | None = None
    days: float = SOON_DAYS

    @property
    def soon(self) -> Mask:
        """What came within 30 days, or in all of a shorter future."""
        return self.future if self.near is None else self.near

    @property
    def kinds(self) -> NDArray[np.int64]:
        """How many concepts each customer had bought, (customers,)."""
        return np.asarray((self.history > 0).sum(1), np.int64)

    def acceptance(self, scores: NDArray[np.float32], candidates: Mask) -> Acceptance:
        """The curve of P(accept) for standardised ``scores`` of these customers."""
        return fit(scores, candidates, self.soon, self.kinds, stretch=SOON_DAYS / self.days)

    def excluded(self, scenario: str) -> Mask:
        """Concepts that the scenario never shows: under *surprise* the shop's own obvious list."""
        if scenario == "surprise":
            return obvious(self.buyers)
        return np.zeros(len(self.buyers), np.bool_)

    def candidates(self, scenario: str) -> Mask:
        """(customers, n_concepts): never bought before, and not excluded."""
        return np.asarray((self.history == 0) & ~self.excluded(scenario), np.bool_)

    def seekers(self, scenario: str) -> NDArray[np.int64]:
        """Row numbers of the customers with something new to find."""
        return np.flatnonzero((self.future & self.candidates(scenario)).any(1))


def cap_of(vocabulary: Vocabulary) -> int:
    """The most customers of a hold-out over ``vocabulary``."""
    return min(CUSTOMERS, max(1, CELLS // len(vocabulary)))


def hold_out(
    records: Records, vocabulary: Vocabulary, *, history_until: int, target_until: int, customers_until: int
) -> HoldOut:
    """Read the rows before and after ``history_until`` (unix seconds)."""
    pairs = [
        (history, future > 0)
        for history, future in paired_rows(
            records,
            vocabulary,
            history_until=history_until,
            target_until=target_until,
            customers_until=customers_until,
            customers_cap=cap_of(vocabulary),
        )
    ]
    empty = np.zeros((0, len(vocabulary)), np.float32)
    history = np.concatenate([empty, *(pair[0] for pair in pairs)])
    future = np.concatenate([empty > 0, *(pair[1] for pair in pairs)])
    length = target_until - history_until
    near = None
    if length > SOON_DAYS * DAY_S and len(history):
        rows = records.taste_rows(
            vocabulary,
            since=history_until,
            until=history_until + int(SOON_DAYS * DAY_S),
            customers_until=customers_until,
            customers_cap=cap_of(vocabulary),
        )
        near = np.concatenate([empty > 0, *(batch.dense(len(vocabulary)) > 0 for batch in rows)])
        if near.shape != future.shape or (near & ~future).any():
            raise RecordsChanged(
                expected="the same customers in the first 30 days as in all of them",
                came="others: purchases were read in meanwhile",
                do="train again",
            )
    return HoldOut(
        history=history,
        future=future,
        buyers=history.sum(0).astype(np.int64),
        near=near,
        days=min(SOON_DAYS, length / DAY_S),
    )
