"""What this company is told about who does not buy: its own counts, and the consortium's share as a band beside them."""

import threading
from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy import Engine

from participant.errors import NoData
from participant.nonbuyers.tally import Profile, Tally, tally
from participant.release_shelf import ReleaseShelf, open_stored
from participant.store.membership import Membership
from participant.store.records import Records
from participant.store.releases import Releases
from protocols.errors import BadInput, WrongVocabulary
from protocols.questions import nonbuyers, say_privacy
from protocols.questions.bands import Band, band_of
from protocols.questions.taste import sum_sigma
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading
from protocols.vocabulary import Vocabulary

REMEMBER_S: Final = 600.0
"""How long own counts are remembered; an opt-out or an erasure shows after that at the latest."""

STANDOUTS: Final = 10
"""Concepts named where this shop stands out."""


class UnknownConcept(BadInput, code="unknown-concept", status=404):
    """No concept of this name in the consortium's vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One state: this company's own ``customers`` and ``share``, the consortium's band in words, who they are."""

    state: str
    meaning: str
    customers: int
    share: float
    consortium: str
    beside: str
    profile: Profile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standout:
    """A concept that fails for one reason more often here than the consortium's band says."""

    concept: str
    state: str
    share: float
    consortium: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Who buys ``concept`` and who does not; "" for all concepts together, where ``share`` is of all pairs.

    Attributes:
        hypothesis: what a reason is, in words that go wherever a reason goes.
        since, until: the purchases that were looked at, unix seconds.
        customers: of this company.
        release: hex id of the consortium's sum, "" before the first; ``privacy`` of one customer in it.
        rows: every state that anybody here is in.
        standouts: where this shop stands out; for all concepts together only.
    """

    concept: str
    hypothesis: str
    since: int
    until: int
    customers: int
    release: str
    privacy: str
    rows: tuple[Row, ...]
    standouts: tuple[Standout, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Released:
    """The newest sum of the question, the noise of its cells, and what was asked."""

    release: str
    privacy: str
    sigma: float
    asked: nonbuyers.Parameters
    reading: nonbuyers.NonBuyers


class NonBuyersDesk:
    """Makes reports; safe to share between threads."""

    def __init__(self, *, db: Engine, records: Records, releases: ReleaseShelf, clock: Clock) -> None:
        self._db = db
        self._records = records
        self._releases = releases
        self._clock = clock
        self._lock = threading.Lock()
        self._held: tuple[nonbuyers.Parameters, Vocabulary, Tally, float] | None = None

    def report(self, concept: str = "") -> Report:
        """Who buys ``concept`` and who does not, and why.

        Raises:
            NoData: nothing was read in yet, or there is no vocabulary.
            UnknownConcept: the vocabulary has no such concept.
        """
        with reading(self._db) as connection:
            vocabulary = Membership(connection).vocabulary()
        if vocabulary is None or self._records.n_customers() == 0:
            raise NoData(
                expected="purchases and a vocabulary",
                came="neither or one",
                do="run `altrove-node connect` first",
            )
        if concept and concept not in vocabulary.index():
            raise UnknownConcept(
                expected="a concept of the consortium's vocabulary",
                came=repr(concept)[:80],
                do="write it as the catalogue does, letter for letter",
            )
        released = self._released()
        asked = self._own_window() if released is None else released.asked
        own = self._tally(vocabulary, asked)
        at = vocabulary.index()[concept] if concept else None
        return Report(
            concept=concept,
            hypothesis=nonbuyers.HYPOTHESIS,
            since=asked.since,
            until=asked.until,
            customers=own.customers,
            release=released.release if released is not None else "",
            privacy=released.privacy if released is not None else "",
            rows=tuple(_row(state, at, own, released) for state in nonbuyers.STATES if _here(own, state, at)),
            standouts=() if at is not None or released is None else _standouts(own, released, vocabulary),
        )

    def _tally(self, vocabulary: Vocabulary, asked: nonbuyers.Parameters) -> Tally:
        with self._lock:
            held, now = self._held, self._clock.monotonic_s()
            if held is None or held[0] != asked or held[1] != vocabulary or now - held[3] > REMEMBER_S:
                held = (asked, vocabulary, tally(self._records, vocabulary, asked), now)
                self._held = held
            return held[2]

    def _own_window(self) -> nonbuyers.Parameters:
        return nonbuyers.parse({"until": self._records.span()[1] + 1})

    def _released(self) -> _Released | None:
        """None before the first release, and where the newest is over another vocabulary."""
        with reading(self._db) as connection:
            found = Releases(connection).newest(nonbuyers.NONBUYERS.name)
        if found is None:
            return None
        manifest = open_stored(found.manifest)
        try:
            readings = self._releases.readings(found.release)
        except WrongVocabulary:
            return None
        for block, said in zip(manifest.answer.blocks, readings, strict=True):
            if isinstance(said, nonbuyers.NonBuyers):
                return _Released(
                    release=found.release.hex(),
                    privacy=say_privacy(manifest.answer),
                    sigma=sum_sigma(block, len(manifest.survivors)),
                    asked=nonbuyers.NONBUYERS.open(block.parameters),
                    reading=said,
                )
        return None


def _here(own: Tally, state: str, at: int | None) -> bool:
    counts = own.counts[nonbuyers.STATES.index(state)]
    return bool(counts.any() if at is None else counts[at])


def _row(state: str, at: int | None, own: Tally, released: _Released | None) -> Row:
    counts = own.counts[nonbuyers.STATES.index(state)]
    n, of = (int(counts.sum()), counts.size) if at is None else (int(counts[at]), 1)
    share = n / max(1, own.customers * of)
    band = None if released is None else _band(state, at, released)
    return Row(
        state=state,
        meaning=nonbuyers.WORDS[state],
        customers=n,
        share=share,
        consortium="" if band is None else band.words,
        beside="" if band is None else band.beside(share),
        profile=own.profile(state, at),
    )


def _band(state: str, at: int | None, released: _Released) -> Band:
    """Of one concept, or the mean share over all concepts asked about."""
    said = released.reading
    if at is not None:
        return said.band(state, at, released.sigma)
    size = len(said.concepts)
    mean = float(said.counts[nonbuyers.STATES.index(state)].sum()) / size
    return band_of(mean, said.customers, released.sigma / np.sqrt(size))


def _standouts(own: Tally, released: _Released, vocabulary: Vocabulary) -> tuple[Standout, ...]:
    """Concepts that most more customers fail to buy for a reason than the top of the band would have it."""
    found: list[tuple[float, Standout]] = []
    for state in nonbuyers.STATES:
        if state in {nonbuyers.BUYS, "unknown"}:
            continue
        shares = own.counts[nonbuyers.STATES.index(state)] / max(1, own.customers)
        for at in released.reading.concepts.tolist():
            band = released.reading.band(state, at, released.sigma)
            if band.said and shares[at] > band.high:
                concept, share = vocabulary.concepts[at], float(shares[at])
                found.append(
                    (
                        share - band.high,
                        Standout(concept=concept, state=state, share=share, consortium=band.words),
                    )
                )
    found.sort(key=lambda each: (-each[0], each[1].concept))
    return tuple(each for _, each in found[:STANDOUTS])
