"""What each member is handed to act on: the signed messages that its next step needs."""

import threading
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from coordinator.rounds.settled import items
from coordinator.store.releases import Releases
from coordinator.store.rounds import PhaseChange, Rounds
from coordinator.store.submissions import Submissions
from protocols.codec import encode
from protocols.identity import PartnerId, Signed
from protocols.messages import Phase, PhaseInput
from protocols.secure_sum.collector import shares_by_recipient
from protocols.service.unit_of_work import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One phase input, encoded, and the sequence number of its phase change."""

    sequence: int
    body: bytes


class Delivery:
    """Answers "what is next for me?" from the database alone.

    Kept in memory, since a thousand members ask for it and a phase that is open never changes what came
    before it: the newest input that all members are handed alike, and the sealed shares of the newest attempt
    in MASK by recipient.
    """

    def __init__(self, db: Engine) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._dealt_in = (0, 0)
        self._dealt: dict[PartnerId, tuple[Signed, ...]] = {}
        self._alike = Parcel(sequence=0, body=b"")

    def next(self, partner: PartnerId, after: int) -> Parcel | None:
        """The oldest round's newest phase change after ``after`` that concerns ``partner``, or None.

        ``after`` 0 means "I know nothing": then it is the newest change of all.
        """
        with reading(self._db) as connection:
            changes = [c for c in Rounds(connection).newest_changes(after) if partner in c.recipients]
            if not changes:
                return None
            change = changes[0] if after else changes[-1]
            if change.phase is Phase.MASK:
                return self._parcel(connection, change, partner)
            with self._lock:
                if self._alike.sequence != change.sequence:
                    self._alike = self._parcel(connection, change, partner)
                return self._alike

    def _parcel(self, connection: Connection, change: PhaseChange, partner: PartnerId) -> Parcel:
        given = PhaseInput(
            round=change.round,
            attempt=change.attempt,
            phase=str(change.phase),
            items=self._items(connection, change, partner),
            reason=change.reason,
        )
        return Parcel(sequence=change.sequence, body=encode(given))

    def _items(self, connection: Connection, change: PhaseChange, partner: PartnerId) -> tuple[Signed, ...]:
        sent = Submissions(connection, change.round, change.attempt)
        attempt = Rounds(connection).attempt(change.round, change.attempt)
        match change.phase:
            case Phase.ADVERTISE:
                return (attempt.signed,)
            case Phase.SHARE:
                return items(sent, Phase.ADVERTISE)
            case Phase.MASK:
                return self._shares(sent, change).get(partner, ())
            case Phase.CHECK:
                return tuple(signed for signed in items(sent, Phase.MASK) if signed.signer in attempt.u3)
            case Phase.UNMASK:
                return items(sent, Phase.CHECK)
            case Phase.RELEASED:
                release = Releases(connection).of_round(change.round)
                return () if release is None else (release.signed,)
            case Phase.ABORTED:
                return ()

    def _shares(self, sent: Submissions, change: PhaseChange) -> dict[PartnerId, tuple[Signed, ...]]:
        with self._lock:
            if self._dealt_in != (change.round, change.attempt):
                self._dealt = shares_by_recipient(each.submission for each in sent.one_by_one(Phase.SHARE))
                self._dealt_in = (change.round, change.attempt)
            return self._dealt
