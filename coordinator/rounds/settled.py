"""What the closed phases of an attempt have settled, read back from the stored messages.

Once a phase is open, what came before it never changes: the result is kept in memory by attempt and
phase, so that a thousand submissions do not decode a thousand advertisements each. Neither does an
advertisement that is stored, nor a roster at its height.
"""

import threading
from collections import OrderedDict
from dataclasses import replace

from sqlalchemy import Connection

from coordinator.errors import NoRoster
from coordinator.store.rosters import Rosters
from coordinator.store.rounds import Attempt
from coordinator.store.submissions import Submissions
from protocols.codec import decode
from protocols.identity import PartnerId, Roll, Signed
from protocols.messages import Advertisement, Phase, RoundConfig, Submission
from protocols.roster import roll
from protocols.secure_sum.collector import Context, context

KEPT = 8
"""Attempts and phases kept in memory: rounds run one after another."""


class Settled:
    """Contexts of attempts. One instance a daemon; safe from any thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[bytes, Phase], Context] = OrderedDict()
        self._ads: dict[PartnerId, Advertisement] = {}
        self._ads_of = b""
        self._roll: Roll = {}
        self._roll_of = b""
        self._lock = threading.Lock()

    def before(self, connection: Connection, attempt: Attempt, phase: Phase) -> Context:
        """What is settled while ``phase`` is open (for ADVERTISE: what has come so far)."""
        key = (attempt.config_hash, phase)
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None:
            return kept
        if phase is Phase.ADVERTISE:
            return replace(context(attempt.config), ads=self._so_far(connection, attempt))
        found = self._read(connection, attempt, phase)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def roll(self, connection: Connection, config: RoundConfig) -> Roll:
        """The keys pinned by the roster that ``config`` names.

        Raises:
            NoRoster: that version is not in the database.
        """
        with self._lock:
            if self._roll_of != config.roster_hash:
                self._roll = roll_of(connection, config)
                self._roll_of = config.roster_hash
            return self._roll

    def _so_far(self, connection: Connection, attempt: Attempt) -> dict[PartnerId, Advertisement]:
        """The advertisements stored until now; each is read once."""
        sent = Submissions(connection, attempt.config.round, attempt.config.attempt)
        stored = sent.senders(Phase.ADVERTISE)
        with self._lock:
            if self._ads_of != attempt.config_hash:
                self._ads, self._ads_of = {}, attempt.config_hash
            for sender in stored - self._ads.keys():
                found = sent.find(sender, Phase.ADVERTISE)
                if found is not None:
                    self._ads[sender] = decode(Advertisement, found.submission.items[0].body)
            return {sender: self._ads[sender] for sender in stored}

    def _read(self, connection: Connection, attempt: Attempt, phase: Phase) -> Context:
        config = attempt.config
        sent = Submissions(connection, config.round, config.attempt)
        ads = items(sent, Phase.ADVERTISE)
        if phase is Phase.SHARE:
            return context(config, ads=ads)
        if phase is Phase.MASK:
            return context(config, ads=ads, u2=attempt.u2)
        headers = [signed for signed in items(sent, Phase.MASK) if signed.signer in attempt.u3]
        return context(config, ads=ads, u2=attempt.u2, headers=headers)


def items(sent: Submissions, phase: Phase) -> tuple[Signed, ...]:
    """Every signed message that was sent for ``phase``, in order of the senders' ids."""
    return tuple(item for submission in submissions(sent, phase) for item in submission.items)


def submissions(sent: Submissions, phase: Phase) -> tuple[Submission, ...]:
    """Every submission for ``phase``, in order of the senders' ids."""
    return tuple(stored.submission for stored in sent.of_phase(phase))


def roll_of(connection: Connection, config: RoundConfig) -> Roll:
    """The keys pinned by the roster that ``config`` names.

    Raises:
        NoRoster: that version is not in the database.
    """
    signed = Rosters(connection).at_height(config.roster_height)
    if signed is None:
        raise NoRoster(
            expected=f"roster {config.roster_height}", came="none", do="restore the database from a backup"
        )
    return roll(signed.claimed)
