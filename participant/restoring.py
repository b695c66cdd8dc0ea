"""Restart or restore? A restart goes on at once; a restored node answers nothing until its peers have attested.

At the daemon's start the database is compared with the mark outside the backups. If it is older, the door is
locked with a fresh challenge, and stays locked over restarts. The officer asks as many other members as
:func:`protocols.restoring.needed` says for attestations (locked nodes still attest for others). Then every attempt that the backup holds
open ends, every answer that was not unmasked is closed, and so is every answer that the peers name and this
database does not know. Where they know more than this database, the officer gives those answers up by word.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from participant.door import Door
from participant.door.admission import open_roster, present
from participant.peer_counters import PeerCounters
from participant.store.outbox_mark import OutboxMark
from participant.store.rosters import Rosters
from participant.store.sealed_answers import SealedAnswers
from protocols.errors import MustAbandon
from protocols.identity import PartnerId, Signed
from protocols.policy import Policy
from protocols.restoring import CHALLENGE_BYTES, Remembered, needed, open_attestation, remembered
from protocols.roster import roll
from protocols.service import durable
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading, transaction

REASON = "the node was restored from a backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A restore that is not settled: the challenge for peers, and how many of them are needed."""

    challenge: bytes
    needed: int
    counter: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was closed when the door was opened again."""

    forgotten: tuple[bytes, ...]
    closed: int


class Restoring:
    """One node's memory of how far it had come."""

    def __init__(
        self,
        *,
        db: Engine,
        door: Door,
        me: PartnerId,
        policy: Policy,
        mark: OutboxMark,
        peers: PeerCounters,
        clock: Clock,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._db = db
        self._door = door
        self._me = me
        self._policy = policy
        self._mark = mark
        self._clock = clock
        self._entropy = entropy
        self.peers = peers

    def begin(self) -> bool:
        """Once, at the daemon's start, before anything is answered. False: the door is locked.

        Raises:
            StorageFull: nothing was started.
        """
        if not self._path.exists() and self._mark.is_older():
            challenge = self._entropy(CHALLENGE_BYTES).hex()
            durable.write(self._path, [json.dumps({"challenge": challenge}).encode("ascii")])
        self._mark.follow()
        return not self._path.exists()

    def lock(self) -> Lock | None:
        """What is to be done, or None where nothing is."""
        if not self._path.exists():
            return None
        with reading(self._db) as connection:
            members = len(open_roster(present(Rosters(connection).in_force())).entries)
            counter = Rosters(connection).seen().counter
        return Lock(
            challenge=bytes.fromhex(json.loads(self._path.read_text(encoding="ascii"))["challenge"]),
            needed=needed(members, colluders=self._policy.colluders_of(members)),
            counter=counter,
        )

    def settle(self, attestations: Sequence[Signed], *, abandon: bool) -> Settled:
        """Close what may have been answered, and unlock the door.

        Raises:
            TooFewAttestations, UnknownSigner, BadSignature, WrongTranscript: the door stays locked.
            MustAbandon: the peers know more, and the officer has not given it up.
        """
        lock = self.lock()
        if lock is None:
            return Settled(forgotten=(), closed=0)
        said = self._remembered(attestations, lock)
        forgotten = self._forgotten(said)
        if (said.counter > lock.counter or forgotten) and not abandon:
            raise MustAbandon(
                expected=f"peers that saw no more than {lock.counter} advertisements of this node",
                came=f"{said.counter}, and {len(forgotten)} answers that this database does not know",
                do="give them up with --abandon: they are closed for ever. What they cost is in no ledger here: lower "
                "epsilon_quarter and epsilon_lifetime in the node's policy by it",
            )
        withdrawal = self._door.withdrawal(REASON)
        with transaction(self._db) as connection:
            withdrawal.close(connection)
            for answer in forgotten:
                SealedAnswers(connection).void(answer, (), at=self._clock.now())
            Rosters(connection).count_from(said.counter)
        withdrawal.erase()
        self._door.linear.end_all()
        durable.erase(self._path)
        return Settled(forgotten=forgotten, closed=len(withdrawal.closed))

    def _remembered(self, attestations: Sequence[Signed], lock: Lock) -> Remembered:
        with reading(self._db) as connection:
            version = open_roster(present(Rosters(connection).in_force()))
        keys = roll(version)
        return remembered(
            [
                open_attestation(
                    signed,
                    keys,
                    consortium=version.consortium,
                    subject=self._me,
                    challenge=lock.challenge,
                )
                for signed in attestations
            ],
            lock.needed,
        )

    def _forgotten(self, said: Remembered) -> tuple[bytes, ...]:
        """Answers that peers saw asked of this node, and that this database neither unmasked nor closed."""
        with reading(self._db) as connection:
            answers = SealedAnswers(connection)
            known = {each: answers.find(each) for each in said.answers}
        return tuple(each for each, found in known.items() if found is None)

    @property
    def _path(self) -> Path:
        return self._door.switch.lock
