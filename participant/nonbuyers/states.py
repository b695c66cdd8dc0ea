"""Which of the states of ``protocols.questions.nonbuyers`` each customer is in for each concept.

A state is read off the customer's own purchases and the company's shelves. No other customer moves it, whatever
batch it is in: every comparison is made row by row.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from participant.store.records_journeys import DAY_S, JourneyBatch
from participant.store.records_shelf import Shelf
from protocols.questions import nonbuyers as asked

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
States = NDArray[np.int8]
"""(customers, concepts): indices into ``protocols.questions.nonbuyers.STATES``."""

CELLS: Final = 2**21
"""Customers times concepts held at a time: some ten arrays of 8 MiB."""

CODE: Final = {name: np.int8(code) for code, name in enumerate(asked.STATES)}


def batch_size(n_concepts: int) -> int:
    """Customers in a batch.

    >>> batch_size(2221), batch_size(20_000)
    (944, 104)
    """
    return max(1, CELLS // max(1, n_concepts))


def states(batch: JourneyBatch, shelf: Shelf, *, until: int) -> States:
    """The state of every customer of ``batch`` for every concept; "the last 12 weeks" end at ``until``."""
    own = _Own.of(batch, shelf)
    found = _by_shelf(batch, shelf)
    for name, holds in (
        ("only-reduced", own.habitually_reduced()),
        ("substitute", own.loyal_to_another()),
        ("out-of-reach", own.out_of_reach(shelf.price)),
        ("not-stocked", _not_stocked(batch, shelf)),
    ):
        found[holds] = CODE[name]
    found[batch.owner, batch.concept] = _bought(batch, until)
    return found


def _bought(batch: JourneyBatch, until: int) -> States:
    """The state of every entry of ``batch``: concepts that were bought."""
    recent = batch.last >= until - asked.RECENT_DAYS * DAY_S
    state = np.where(batch.days > 1, CODE["lapsed"], CODE["tried-once"])
    state = np.where(recent, CODE["buys"], state)
    always = (batch.reduced == batch.lines) & (batch.days >= asked.REDUCED_DAYS)
    return np.where(always, CODE["only-reduced"], state).astype(np.int8)


def _by_shelf(batch: JourneyBatch, shelf: Shelf) -> States:
    """What the shelves alone say: shown or not while the customer was there, or not known."""
    shape = (len(batch), len(shelf.category))
    seen = _binary(batch.saw_owner, batch.saw_spell, (shape[0], shelf.shown.shape[0]))
    found = np.where((seen @ shelf.shown).toarray() > 0, CODE["shown-not-taken"], CODE["never-shown"])
    unknown = np.ones(shape[0], np.bool_)
    unknown[batch.saw_owner] = False
    found[unknown] = CODE["unknown"]
    return found.astype(np.int8)


def _not_stocked(batch: JourneyBatch, shelf: Shelf) -> Flags:
    """No store that the customer came to stocks it; nothing is said of who came to a store that is not known."""
    came = _binary(batch.came_owner, batch.came_store, (len(batch), len(shelf.stores)))
    absent: Flags = (came @ shelf.stocked).toarray() == 0
    absent[batch.elsewhere] = False
    return absent


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Own:
    """A customer's purchases by category, spread over concepts: (customers, concepts) unless said otherwise."""

    in_category: Floats
    reduced_in_category: Floats
    most_of_one: Floats
    dearest: Floats
    choices: NDArray[np.int64]
    lines: NDArray[np.int64]
    reduced: NDArray[np.int64]

    @classmethod
    def of(cls, batch: JourneyBatch, shelf: Shelf) -> "_Own":
        n, category = len(batch), shelf.category
        kinds = int(category.max(initial=-1)) + 1
        at = (batch.owner, category[batch.concept])
        lines, reduced, most = (np.zeros((n, kinds), np.float32) for _ in range(3))
        dearest = np.full((n, kinds), np.nan, np.float32)
        np.add.at(lines, at, batch.lines)
        np.add.at(reduced, at, batch.reduced)
        np.maximum.at(most, at, batch.lines)
        np.fmax.at(dearest, at, batch.dearest.astype(np.float32))
        return cls(
            in_category=lines[:, category],
            reduced_in_category=reduced[:, category],
            most_of_one=most[:, category],
            dearest=dearest[:, category],
            choices=np.bincount(category, minlength=kinds)[category],
            lines=np.bincount(batch.owner, batch.lines, n).astype(np.int64),
            reduced=np.bincount(batch.owner, batch.reduced, n).astype(np.int64),
        )

    def habitually_reduced(self) -> Flags:
        """Nearly everything of the category reduced, its share drawn towards the customer's own over all."""
        usual = (self.reduced / np.maximum(self.lines, 1))[:, None]
        share = (self.reduced_in_category + asked.PRIOR_LINES * usual) / (
            self.in_category + asked.PRIOR_LINES
        )
        found: Flags = (share >= asked.REDUCED_SHARE) & (self.lines >= asked.LINES_MIN)[:, None]
        return found

    def loyal_to_another(self) -> Flags:
        """Buys the category, and four of five times one other concept of it."""
        found: Flags = (
            (self.in_category >= asked.LOYAL_LINES)
            & (self.most_of_one >= asked.LOYAL_SHARE * self.in_category)
            & (self.choices >= asked.CATEGORY_CONCEPTS)
        )
        return found

    def out_of_reach(self, price: NDArray[np.float64]) -> Flags:
        """Its usual price is beyond the most that was paid in the category; never where either is not known."""
        found: Flags = price >= asked.REACH * self.dearest.astype(np.float64)
        return found


def _binary(rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
