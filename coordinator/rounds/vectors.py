"""Taking masked vectors by either route, courier or upload, in as many pieces as it takes.

Both routes feed the same file, and the first whole and valid vector counts. What has arrived is told at
every piece, so that whoever carries goes on from there: another try, another run, or the other route.
"""

from dataclasses import dataclass

from sqlalchemy import Engine

from coordinator.errors import AttemptGone, NoHeaderYet, NotInCohort
from coordinator.rounds.news import News
from coordinator.rounds.partial import vector_bytes
from coordinator.rounds.spool import Arrival, Spool
from coordinator.store.rounds import Rounds
from coordinator.store.submissions import Submissions, Vector
from protocols.codec import decode
from protocols.identity import PartnerId
from protocols.messages import InputHeader, Phase
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading, transaction

DOCK = "dock"
UPLOAD = "upload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A vector that a member owes: ``header`` is None once all ``size_bytes`` are here and counted."""

    round: int
    attempt: int
    size_bytes: int
    header: InputHeader | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many verified bytes of a vector are here, from its beginning on, and how many there are."""

    have_bytes: int
    size_bytes: int


class Vectors:
    """Takes vectors against the accepted, signed header of their sender."""

    def __init__(self, db: Engine, clock: Clock, *, spool: Spool, news: News) -> None:
        self._db = db
        self._clock = clock
        self._spool = spool
        self._news = news

    def expect(self, partner: PartnerId, number: int, attempt: int) -> Expected:
        """What the bytes must fit.

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
            size_bytes = here.config.answer.vector_bytes
            if partner in sent.vectors():
                return Expected(round=number, attempt=attempt, size_bytes=size_bytes, header=None)
            if not here.takes_vectors:
                raise _gone(number, attempt)
            stored = sent.find(partner, Phase.MASK)
        if stored is None:
            raise NoHeaderYet(
                expected="the signed header first",
                came="masked bytes",
                do="send the header, then the bytes again",
            )
        header = decode(InputHeader, stored.submission.items[0].body)
        return Expected(round=number, attempt=attempt, size_bytes=vector_bytes(header), header=header)

    def progress(self, expected: Expected, route: str) -> Progress:
        """How much is here; a vector whose last chunk came before its way broke is counted now.

        Raises:
            AttemptGone, StorageFull: as :meth:`accept`.
        """
        if expected.header is None:
            return Progress(have_bytes=expected.size_bytes, size_bytes=expected.size_bytes)
        partial = self._spool.partial(expected.round, expected.attempt, expected.header)
        if partial.is_complete and partial.settle():
            self._count(expected, expected.header, route)
        return Progress(have_bytes=partial.have_bytes, size_bytes=expected.size_bytes)

    def receive(self, expected: Expected, header: InputHeader, offset: int) -> Arrival:
        """Begin to take the bytes that ``header`` announces, from ``offset`` on.

        Raises:
            AttemptGone: the phase has closed.
        """
        return self._spool.receive(expected.round, expected.attempt, header, offset)

    def accept(self, arrival: Arrival, expected: Expected, header: InputHeader, route: str) -> Progress:
        """Make what came durable, and count the vector once it is whole.

        Raises:
            BadChunk: the bytes end within a chunk, or there are none.
            AttemptGone: the phase closed while the bytes came; they are dropped.
            StorageFull: no room; nothing remains.
        """
        if arrival.finish():
            self._count(expected, header, route)
        return Progress(have_bytes=arrival.partial.have_bytes, size_bytes=expected.size_bytes)

    def _count(self, expected: Expected, header: InputHeader, route: str) -> None:
        number, attempt = expected.round, expected.attempt
        with transaction(self._db) as connection:
            sent = Submissions(connection, number, attempt)
            known = header.sender in sent.vectors()
            is_open = Rounds(connection).attempt(number, attempt).phase is Phase.MASK
            if not known and is_open:
                sent.add_vector(
                    Vector(
                        partner=header.sender,
                        route=route,
                        size_bytes=expected.size_bytes,
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
