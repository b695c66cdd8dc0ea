"""Taking what members submit: verified first, stored once, the same bytes always get the same reply.

Two different submissions where one was allowed are an equivocation: both are kept, signed as they
are, and the log gets an entry. The first one counts. An advertisement that comes too late is verified, kept
and refused: it has no part in the sum, and fills the gap that its counter would leave for a restored node.
"""

import hashlib
from hmac import compare_digest

from sqlalchemy import Connection, Engine

from coordinator.audit.evidence import Doubled
from coordinator.audit.log import AuditWriter
from coordinator.errors import NotInCohort, PhaseClosed
from coordinator.rounds.news import News
from coordinator.rounds.settled import Settled
from coordinator.store.rounds import Attempt, Rounds
from coordinator.store.submissions import Stored, Submissions
from protocols.codec import decode, encode
from protocols.errors import Equivocation, MalformedMessage
from protocols.identity import PartnerId
from protocols.messages import PHASES, Phase, Submission
from protocols.secure_sum.collector import check_submission
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading, transaction


class Reception:
    """Takes submissions for any attempt."""

    def __init__(self, db: Engine, clock: Clock, *, audit: AuditWriter, settled: Settled, news: News) -> None:
        self._db = db
        self._clock = clock
        self._audit = audit
        self._settled = settled
        self._news = news

    def accept(self, sender: PartnerId, number: int, attempt: int, phase: Phase, body: bytes) -> None:
        """Take one submission, or take note that it came before.

        Raises:
            UnknownRound, NotInCohort: nobody waits for it.
            PhaseClosed: the phase is over (a late advertisement is kept all the same), or has not begun.
            Equivocation: other bytes than before; both are kept as evidence.
            AltroveError: whatever ``protocols.secure_sum.collector.check_submission`` finds wrong.
        """
        came = Stored(
            partner=sender, phase=phase, sha256=hashlib.sha256(body).digest(), body=body, at=self._clock.now()
        )
        submission = decode(Submission, body)
        if (submission.round, submission.attempt, submission.phase) != (number, attempt, str(phase)):
            raise MalformedMessage(
                expected=f"a submission for {number}/{attempt}/{phase}",
                came=f"{submission.round}/{submission.attempt}/{submission.phase[:40]}",
                do="send it to its own address",
            )
        with reading(self._db) as connection:
            here = Rounds(connection).attempt(number, attempt)
            before = Submissions(connection, number, attempt).find(sender, phase)
            if before is not None and compare_digest(before.sha256, came.sha256):
                return
            is_late = before is None and phase is Phase.ADVERTISE and here.phase is not phase
            self._admit(connection, here, came, submission, again=before is not None or is_late)
        try:
            if is_late:
                raise _closed(here, phase)
            with transaction(self._db) as connection:
                doubled = self._keep(connection, number, attempt, came, submission)
        except PhaseClosed:
            if phase is Phase.ADVERTISE:  # its counter is used up: whoever signed it may need it to be shown
                with transaction(self._db) as connection:
                    Submissions(connection, number, attempt).add_late(came)
            raise
        if doubled:
            raise Equivocation(
                expected=f"the submission for {phase} that this member sent before",
                came="a different one; both are kept as evidence",
                do="restore the node's database: it must resend the same bytes",
            )
        self._news.arrivals.ring()

    def _admit(
        self, connection: Connection, here: Attempt, came: Stored, submission: Submission, *, again: bool
    ) -> None:
        """Refuse what nobody waits for, and what does not verify."""
        config = here.config
        if came.partner not in config.cohort:
            raise NotInCohort(
                expected="a member of the cohort",
                came=came.partner.hex(),
                do="wait for a round that asks you",
            )
        if not again and came.phase is not here.phase:
            raise _closed(here, came.phase)
        if not again and came.partner not in here.expected:
            raise NotInCohort(
                expected="a member that is still in this attempt",
                came=came.partner.hex(),
                do="it dropped out in an earlier phase: wait for the next attempt",
            )
        check_submission(
            config,
            came.phase,
            submission,
            came.partner,
            roll=self._settled.roll(connection, config),
            context=self._settled.before(connection, here, came.phase),
        )

    def _keep(
        self, connection: Connection, number: int, attempt: int, came: Stored, submission: Submission
    ) -> bool:
        """Store ``came`` if it still is the first; True if it is an equivocation, now on record."""
        sent = Submissions(connection, number, attempt)
        before = sent.find(came.partner, came.phase)
        if before is not None:
            if compare_digest(before.sha256, came.sha256):
                return False
            if sent.add_double(before, came):
                evidence = Doubled(
                    round=number,
                    attempt=attempt,
                    partner=came.partner,
                    phase=str(came.phase),
                    first=before.body,
                    second=came.body,
                )
                self._audit.append(connection, "equivocation", encode(evidence))
            return True
        here = Rounds(connection).attempt(number, attempt)
        if here.phase is not came.phase:
            raise _closed(here, came.phase)
        if came.phase is Phase.ADVERTISE:
            # Others may have advertised the same keys since the first look.
            self._admit(connection, here, came, submission, again=False)
        sent.add(came)
        return False


def _closed(here: Attempt, phase: Phase) -> PhaseClosed:
    over = here.phase not in PHASES or PHASES.index(phase) < PHASES.index(here.phase)
    return PhaseClosed(
        expected=f"a submission for {here.phase}, which is open"
        if here.phase in PHASES
        else "an open attempt",
        came=f"one for {phase}",
        do="wait for the next attempt" if over else "wait until that phase opens",
    )
