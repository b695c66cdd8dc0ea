"""The coordinator's part in the linear check: a board on which survivors put two messages after a release.

Every message is verified before it is kept, and one of each kind is kept a member. What is handed out is
complete or nothing: all openings, so that nobody who answers has seen a part of them, and all answers. Whether
the sum passes is not judged here: each member does that for itself.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from coordinator.errors import CheckNotReady, UnknownRelease
from coordinator.rounds.settled import items, roll_of
from coordinator.store.checks import Checks, Said
from coordinator.store.releases import Releases, StoredRelease
from coordinator.store.rounds import Rounds
from coordinator.store.submissions import Submissions
from protocols.codec import decode
from protocols.errors import Equivocation
from protocols.identity import PartnerId, Roll, Signed
from protocols.messages import Confirmation, Phase, RoundConfig
from protocols.secure_sum.linear_check import Claim, Grounds, answered, committed, opened
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading, transaction

KEPT: Final = 8
"""Grounds and complete boards kept in memory: few releases are checked at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the check of a release has come, in roster order; all empty where nobody checks it."""

    opened: tuple[PartnerId, ...]
    answered: tuple[PartnerId, ...]

    @property
    def began(self) -> bool:
        """Whether any survivor checks this release."""
        return bool(self.opened)

    def silent(self, survivors: Sequence[PartnerId]) -> tuple[PartnerId, ...]:
        """Who of ``survivors`` has yet to open, or to answer once all have opened."""
        everybody_opened = len(self.opened) == len(survivors)
        return tuple(
            each for each in survivors if each not in (self.answered if everybody_opened else self.opened)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What every message about one release is verified on. Read once: it grows with the cohort, as do the messages."""

    config: RoundConfig
    claim: Claim
    roll: Roll


class CheckBoards:
    """The boards of all releases. One instance a daemon; safe from any thread."""

    def __init__(self, db: Engine, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._lock = threading.Lock()
        self._grounds: OrderedDict[bytes, _Ground] = OrderedDict()
        self._whole: OrderedDict[tuple[bytes, Said], tuple[Signed, ...]] = OrderedDict()

    def open(self, release: bytes, signed: Signed) -> None:
        """Take a survivor's opening, or take note that it came before.

        Raises:
            UnknownRelease: no such release.
            WrongTranscript: it is for another release than the one published, or opens another rho.
            WrongMembers: by nobody of the sum, or a survivor never confirmed and there is no check.
            Equivocation: another one than before.
        """
        with reading(self._db) as connection:
            ground = self._ground(connection, release)
        opened(ground.claim, ground.config, [signed], ground.roll)
        self._keep(release, Said.OPENING, signed)

    def answer(self, release: bytes, signed: Signed) -> None:
        """Take a survivor's linear answer, or take note that it came before.

        Raises:
            CheckNotReady: not everybody has opened yet.
            WrongTranscript: it answers other openings.
            As :meth:`open`.
        """
        openings = self.openings(release)
        if not openings:
            raise CheckNotReady(
                expected="an answer to the openings of all survivors", came="one too early", do="wait"
            )
        with reading(self._db) as connection:
            ground = self._ground(connection, release)
        answered(ground.claim, ground.config, openings, [signed], ground.roll)
        self._keep(release, Said.ANSWER, signed)

    def grounds(self, release: bytes) -> Grounds:
        """What a member that is not in the sum needs to check it.

        Raises:
            UnknownRelease: no such release.
            WrongMembers: a survivor never confirmed: there is no check.
        """
        with reading(self._db) as connection:
            self._ground(connection, release)
            manifest = _release(connection, release).manifest
            attempt = Rounds(connection).attempt(manifest.round, manifest.attempt)
            said = items(Submissions(connection, manifest.round, manifest.attempt), Phase.CHECK)
        return Grounds(config=attempt.signed, confirmations=said)

    def openings(self, release: bytes) -> tuple[Signed, ...]:
        """The openings of all survivors, or none while one is missing.

        Raises:
            UnknownRelease: no such release.
        """
        return self._all(release, Said.OPENING)

    def answers(self, release: bytes) -> tuple[Signed, ...]:
        """The answers of all survivors, or none while one is missing.

        Raises:
            UnknownRelease: no such release.
        """
        return self._all(release, Said.ANSWER)

    def progress(self, stored: StoredRelease) -> Progress:
        """How far the check of a release has come."""
        with reading(self._db) as connection:
            return progress(connection, stored)

    def _all(self, release: bytes, kind: Said) -> tuple[Signed, ...]:
        with self._lock:
            kept = self._whole.get((release, kind))
        if kept is not None:
            return kept
        with reading(self._db) as connection:
            checks, survivors = Checks(connection), _release(connection, release).manifest.survivors
            if checks.count(release, kind) < len(survivors):
                return ()
            found = checks.all(release, kind)
        with self._lock:
            self._whole[release, kind] = found
            while len(self._whole) > KEPT:
                self._whole.popitem(last=False)
        return found

    def _ground(self, connection: Connection, release: bytes) -> _Ground:
        with self._lock:
            kept = self._grounds.get(release)
        if kept is not None:
            return kept
        config, claim = claim_in(connection, _release(connection, release))
        found = _Ground(config=config, claim=claim, roll=roll_of(connection, config))
        with self._lock:
            self._grounds[release] = found
            while len(self._grounds) > KEPT:
                self._grounds.popitem(last=False)
        return found

    def _keep(self, release: bytes, kind: Said, signed: Signed) -> None:
        with transaction(self._db) as connection:
            checks = Checks(connection)
            before = checks.find(release, kind, signed.signer)
            if before is None:
                checks.add(release, kind, signed, self._clock.now())
            elif before.body != signed.body:
                raise Equivocation(
                    expected=f"the {kind.value} given before",
                    came="another",
                    do="restore the node's database: it must resend the same bytes",
                )


def claim_in(connection: Connection, stored: StoredRelease) -> tuple[RoundConfig, Claim]:
    """What the survivors of a release committed to, from the confirmations that were admitted before it.

    Raises:
        WrongMembers: one of them never confirmed.
    """
    manifest = stored.manifest
    attempt = Rounds(connection).attempt(manifest.round, manifest.attempt)
    sent = items(Submissions(connection, manifest.round, manifest.attempt), Phase.CHECK)
    said: Sequence[Confirmation] = [decode(Confirmation, signed.body) for signed in sent]
    claim = Claim(
        transcript=manifest.transcript,
        release=stored.release,
        commitments=committed(manifest.survivors, said),
    )
    return attempt.config, claim


def progress(connection: Connection, stored: StoredRelease) -> Progress:
    """Who has opened and answered."""
    checks, survivors = Checks(connection), stored.manifest.survivors
    opening = checks.senders(stored.release, Said.OPENING)
    answering = checks.senders(stored.release, Said.ANSWER)
    return Progress(
        opened=tuple(each for each in survivors if each in opening),
        answered=tuple(each for each in survivors if each in answering),
    )


def _release(connection: Connection, release: bytes) -> StoredRelease:
    found = Releases(connection).find(release)
    if found is None:
        raise UnknownRelease(expected="the id of a release", came=release.hex()[:64], do="list the releases")
    return found
