"""What each member is handed to act on: the signed messages that its next step needs."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from coordinator.rounds.settled import items, submissions
from coordinator.store.releases import Releases
from coordinator.store.rounds import PhaseChange, Rounds
from coordinator.store.submissions import Submissions
from protocols.codec import encode
from protocols.identity import PartnerId, Signed
from protocols.messages import Phase, PhaseInput
from protocols.secure_sum.collector import shares_for
from protocols.service.unit_of_work import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One phase input, encoded, and the sequence number of its phase change."""

    sequence: int
    body: bytes


class Delivery:
    """Answers "what is next for me?" from the database alone."""

    def __init__(self, db: Engine) -> None:
        self._db = db

    def next(self, partner: PartnerId, after: int) -> Parcel | None:
        """The oldest round's newest phase change after ``after`` that concerns ``partner``, or None.

        ``after`` 0 means "I know nothing": then it is the newest change of all.
        """
        with reading(self._db) as connection:
            changes = [c for c in Rounds(connection).newest_changes(after) if partner in c.recipients]
            if not changes:
                return None
            change = changes[0] if after else changes[-1]
            given = PhaseInput(
                round=change.round,
                attempt=change.attempt,
                phase=str(change.phase),
                items=_items(connection, change, partner),
                reason=change.reason,
            )
            return Parcel(sequence=change.sequence, body=encode(given))


def _items(connection: Connection, change: PhaseChange, partner: PartnerId) -> tuple[Signed, ...]:
    sent = Submissions(connection, change.round, change.attempt)
    attempt = Rounds(connection).attempt(change.round, change.attempt)
    match change.phase:
        case Phase.ADVERTISE:
            return (attempt.signed,)
        case Phase.SHARE:
            return items(sent, Phase.ADVERTISE)
        case Phase.MASK:
            return shares_for(partner, submissions(sent, Phase.SHARE))
        case Phase.CHECK:
            return tuple(signed for signed in items(sent, Phase.MASK) if signed.signer in attempt.u3)
        case Phase.UNMASK:
            return items(sent, Phase.CHECK)
        case Phase.RELEASED:
            release = Releases(connection).of_round(change.round)
            return () if release is None else (release.signed,)
        case Phase.ABORTED:
            return ()
