"""Restart or restore? A restart goes on at once; a restored node answers nothing until its peers have attested.

At the daemon's start the database is compared with the mark outside the backups. If it is older, the door is
locked with a fresh challenge, and stays locked over restarts. The officer asks as many other members as
:func:`protocols.restoring.needed` says for attestations (locked nodes still attest for others), which prove how
far this node had come. What it answered since the backup is then looked up (`participant.forgotten`). In one
transaction every attempt that the backup holds open ends, every answer that was not unmasked or that only others
remember is closed, and all of them are booked in the ledger. Where others know more than this database, the
officer gives those answers up by word.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine

from participant.door import Door, booking
from participant.door.admission import open_roster, present
from participant.forgotten import Recollection
from participant.peer_counters import PeerCounters
from participant.store.membership import Membership
from participant.store.outbox import Outbox
from participant.store.outbox_mark import OutboxMark
from participant.store.rosters import Rosters
from participant.store.sealed_answers import SealedAnswers
from protocols.errors import MustAbandon
from protocols.identity import PartnerId, Signed
from protocols.ledger import Debit
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
    """What was closed and booked when the door was opened again.

    ``missing`` counts advertisements of which nobody showed anything; ``trouble`` is why, where the coordinator
    said so.
    """

    forgotten: tuple[bytes, ...]
    closed: int
    booked: tuple[Debit, ...] = ()
    missing: int = 0
    trouble: str = ""


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
        recollection: Recollection,
        clock: Clock,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._db = db
        self._door = door
        self._me = me
        self._policy = policy
        self._mark = mark
        self._recollection = recollection
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
        """Close what may have been answered, book what it cost, and unlock the door.

        Closing and booking are one transaction; killed before the door is unlocked, it is asked again and books
        nothing twice.

        Raises:
            TooFewAttestations, BehindRoster, UnknownSigner, BadSignature, WrongTranscript: the door stays locked.
            MustAbandon: others know more, and the officer has not given it up; nothing was booked.
        """
        lock = self.lock()
        if lock is None:
            return Settled(forgotten=(), closed=0)
        said = self._remembered(attestations, lock)
        found = self._recollection.since(lock.counter, proven=said.counter)
        now = self._clock.now()
        owed, untold = self._recollection.owed(found.took, now)
        missing = found.missing + untold
        forgotten = self._unknown_here((*found.answers, *said.answers))
        reached = max(said.counter, found.counter)
        if (reached > lock.counter or forgotten) and not abandon:
            raise MustAbandon(
                expected=f"nobody that saw more than {lock.counter} advertisements of this node",
                came=f"{reached}, and {len(forgotten)} answers that this database does not know; "
                + _shown(len(owed), missing, found.trouble),
                do="give them up with --abandon: they are closed for ever, and what they cost is booked",
            )
        withdrawal = self._door.withdrawal(REASON)
        with transaction(self._db) as connection:
            booked = booking.book(
                connection, self._policy, owed, unknown=missing > 0, since=_known_until(connection), now=now
            )
            withdrawal.close(connection)
            for answer in forgotten:
                SealedAnswers(connection).void(answer, (), at=now)
            Rosters(connection).count_from(reached)
        withdrawal.erase()
        self._door.linear.end_all()
        durable.erase(self._path)
        return Settled(
            forgotten=forgotten,
            closed=len(withdrawal.closed),
            booked=booked,
            missing=missing,
            trouble=found.trouble if missing else "",
        )

    def _remembered(self, attestations: Sequence[Signed], lock: Lock) -> Remembered:
        with reading(self._db) as connection:
            version = open_roster(present(Rosters(connection).in_force()))
        keys, own = roll(version), self._recollection.keys()
        return remembered(
            [
                open_attestation(
                    signed,
                    keys,
                    consortium=version.consortium,
                    subject=self._me,
                    keys=own,
                    challenge=lock.challenge,
                )
                for signed in attestations
            ],
            lock.needed,
            version.height,
        )

    def _unknown_here(self, answers_named: Sequence[bytes]) -> tuple[bytes, ...]:
        """Answers that others saw this node begin, and that this database neither unmasked nor closed."""
        with reading(self._db) as connection:
            answers = SealedAnswers(connection)
            known = {each: answers.find(each) for each in answers_named}
        return tuple(each for each, found in known.items() if found is None)

    @property
    def _path(self) -> Path:
        return self._door.switch.lock


def _shown(owed: int, missing: int, trouble: str) -> str:
    if not missing:
        return f"the coordinator shows them all, and {owed} answers would be booked"
    why = f" ({trouble})" if trouble else ""
    return (
        f"of {missing} advertisements it shows nothing{why}, for which all that is left of every budget since the "
        "backup would be booked"
    )


def _known_until(connection: Connection) -> int:
    """The last thing that this database knows of (unix seconds): its backup was made then or later."""
    newest = Outbox(connection).recent(1)
    return newest[0].committed_at if newest else Membership(connection).get().joined_at
