"""Handing the evidence of a released sum to any member, who recomputes the sum from it; to each what it sent itself.

Signed messages stay in the database; masked vectors for ``spool_days``. What was not released is not
handed out: before the release an attempt is the business of its cohort, and after an abort of nobody. A member's
own messages are its own in any case: restored from a backup, it learns from them what it has forgotten.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine

from coordinator.errors import EvidenceGone, UnknownRound
from coordinator.rounds.settled import items
from coordinator.rounds.spool import Spool
from coordinator.store.rounds import Attempt, Rounds
from coordinator.store.submissions import Submissions, advertised_by
from protocols.identity import PartnerId
from protocols.messages import Phase
from protocols.participation import PAGE, Participation, Participations
from protocols.secure_sum.recomputation import Evidence
from protocols.service.unit_of_work import reading


class EvidenceDesk:
    """Reads what one released attempt left behind."""

    def __init__(self, db: Engine, *, spool: Spool) -> None:
        self._db = db
        self._spool = spool

    def evidence(self, number: int, attempt: int) -> Evidence:
        """The signed messages.

        Raises:
            UnknownRound: no such attempt, or none that was released.
        """
        with reading(self._db) as connection:
            here = _released(connection, number, attempt)
            sent = Submissions(connection, number, attempt)
            survivors = frozenset(here.u3)
            return Evidence(
                config=here.signed,
                ads=items(sent, Phase.ADVERTISE),
                members=here.u2,
                headers=tuple(each for each in items(sent, Phase.MASK) if each.signer in survivors),
                answers=items(sent, Phase.UNMASK),
            )

    def participations(self, member: PartnerId, *, after: tuple[int, int]) -> Participations:
        """The attempts after ``after`` that ``member`` advertised for, too late or not, with its own ad and header."""
        with reading(self._db) as connection:
            keys = advertised_by(connection, member, after=after, limit=PAGE)
            return Participations(attempts=tuple(_own(connection, member, *key) for key in keys))

    def bundles(self, number: int, attempt: int, dealer: PartnerId) -> bytes:
        """The submission in which ``dealer`` sealed its shares, as it came.

        Raises:
            UnknownRound: no such attempt, or none that was released, or nothing by this member.
        """
        with reading(self._db) as connection:
            _released(connection, number, attempt)
            stored = Submissions(connection, number, attempt).find(dealer, Phase.SHARE)
        if stored is None:
            raise UnknownRound(expected="a member of U2", came=dealer.hex(), do="ask for one of the evidence")
        return stored.body

    def vector(self, number: int, attempt: int, member: PartnerId) -> Path:
        """The file with the masked vector of a survivor.

        Raises:
            UnknownRound: no such attempt, or none that was released, or not one of its survivors.
            EvidenceGone: the vectors are kept for ``spool_days``.
        """
        with reading(self._db) as connection:
            here = _released(connection, number, attempt)
        if member not in here.u3:
            raise UnknownRound(expected="a survivor", came=member.hex(), do="ask for one of the evidence")
        path = self._spool.path(number, attempt, member)
        if not path.is_file():
            raise EvidenceGone(
                expected=f"the masked vector of {member.hex()}",
                came="none any more",
                do="verify a sum within the days for which the coordinator keeps its vectors",
            )
        return path


def _own(connection: Connection, member: PartnerId, number: int, attempt: int) -> Participation:
    sent = Submissions(connection, number, attempt)
    found = (sent.find(member, phase) for phase in (Phase.ADVERTISE, Phase.MASK))
    own = [stored.submission for stored in found if stored is not None]
    late = sent.late(member)
    return Participation(
        config=Rounds(connection).attempt(number, attempt).config,
        messages=tuple(item for each in own or (late and [late]) or () for item in each.items),
    )


def _released(connection: Connection, number: int, attempt: int) -> Attempt:
    here = Rounds(connection).attempt(number, attempt)
    if here.phase is not Phase.RELEASED:
        raise UnknownRound(
            expected="an attempt whose sum was released", came=f"{number}.{attempt}", do="list the releases"
        )
    return here
