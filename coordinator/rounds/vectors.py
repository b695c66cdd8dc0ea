"""Taking masked vectors by either route, courier or upload: the first whole and valid one counts."""

from contextlib import AbstractContextManager

from sqlalchemy import Engine

from coordinator.errors import AttemptGone, NoHeaderYet, NotInCohort
from coordinator.rounds.news import News
from coordinator.rounds.spool import Arrival, Spool
from coordinator.store.rounds import Rounds
from coordinator.store.submissions import Submissions, Vector
from protocols.codec import decode
from protocols.identity import PartnerId
from protocols.messages import PHASES, InputHeader, Phase
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading, transaction

DOCK = "dock"
UPLOAD = "upload"


class Vectors:
    """Takes vectors against the accepted, signed header of their sender."""

    def __init__(self, db: Engine, clock: Clock, *, spool: Spool, news: News) -> None:
        self._db = db
        self._clock = clock
        self._spool = spool
        self._news = news

    def expect(self, partner: PartnerId, number: int, attempt: int) -> InputHeader | None:
        """The header that the bytes must fit, or None when a valid vector is there already.

        Raises:
            UnknownRound, NotInCohort: nobody waits for it.
            NoHeaderYet: the header has not been accepted so far; send the bytes again later.
            AttemptGone: the attempt takes no vectors any more.
        """
        with reading(self._db) as connection:
            here = Rounds(connection).attempt(number, attempt)
            sent = Submissions(connection, number, attempt)
            if partner not in here.config.cohort:
                raise NotInCohort(expected="a member of the cohort", came=partner.hex(), do="send nothing")
            if partner in sent.vectors():
                return None
            if here.phase not in PHASES or PHASES.index(here.phase) > PHASES.index(Phase.MASK):
                raise _gone(number, attempt)
            stored = sent.find(partner, Phase.MASK)
        if stored is None:
            raise NoHeaderYet(
                expected="the signed header first",
                came="masked bytes",
                do="send the header, then the bytes again",
            )
        return decode(InputHeader, stored.submission.items[0].body)

    def receive(self, number: int, attempt: int, header: InputHeader) -> AbstractContextManager[Arrival]:
        """Begin to take the bytes that ``header`` announces."""
        return self._spool.receive(number, attempt, header)

    def accept(self, arrival: Arrival, number: int, attempt: int, header: InputHeader, route: str) -> None:
        """Make the vector durable and count it.

        Raises:
            BadChunk: bytes are missing.
            AttemptGone: the phase closed while the bytes came; they are dropped.
            StorageFull: no room; nothing remains.
        """
        arrival.finish()
        with transaction(self._db) as connection:
            sent = Submissions(connection, number, attempt)
            known = header.sender in sent.vectors()
            is_open = Rounds(connection).attempt(number, attempt).phase is Phase.MASK
            if not known and is_open:
                sent.add_vector(
                    Vector(
                        partner=header.sender,
                        route=route,
                        size_bytes=arrival.size_bytes,
                        at=self._clock.now(),
                    )
                )
        if not known and not is_open:
            self._spool.path(number, attempt, header.sender).unlink(missing_ok=True)
            raise _gone(number, attempt)
        self._news.arrivals.ring()


def _gone(number: int, attempt: int) -> AttemptGone:
    return AttemptGone(
        expected="an attempt that takes vectors",
        came=f"{number}.{attempt}, which is past that",
        do="drop the bytes",
    )
