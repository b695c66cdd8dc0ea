"""Driving rounds: each phase closes when everybody expected is in, else at its signed deadline.

The database is the whole state. A daemon that starts again looks at every open attempt: a phase whose
deadline passed meanwhile closes with whoever is in (deadlines are signed and are not stretched by our
own downtime); where the next phase's deadline has passed as well, the attempt aborts and the next one
starts with new deadlines. Each phase change is one
transaction that looks before it writes, so two drivers or a killed one change nothing twice.
"""

from collections.abc import Iterator
from dataclasses import replace

import structlog
from sqlalchemy import Connection, Engine

from coordinator.audit.evidence import Aborted
from coordinator.audit.log import AuditWriter
from coordinator.errors import DeadlinePassed, PhaseClosed
from coordinator.releases.publishing import Payloads, Publisher
from coordinator.rounds.news import News
from coordinator.rounds.planning import Planner
from coordinator.rounds.settled import Settled, items
from coordinator.rounds.spool import Spool
from coordinator.rounds.summing import Total, total
from coordinator.store.members import Members
from coordinator.store.rounds import FAILED, RELEASED, Attempt, Rounds
from coordinator.store.submissions import Submissions
from protocols.codec import encode
from protocols.errors import AltroveError
from protocols.identity import PartnerId, Signed
from protocols.messages import PHASES, Phase
from protocols.secure_sum.collector import (
    Context,
    Event,
    close_advertise,
    close_check,
    close_mask,
    close_share,
    next_phase,
)
from protocols.service.clock import Clock, iso
from protocols.service.jobs import Stop
from protocols.service.unit_of_work import reading, transaction

LOOK_AGAIN_S = 5.0
"""Longest sleep without a ring: notices a wall clock that was set."""

_log = structlog.get_logger(__name__)


class Driver:
    """Moves every open attempt on. It knows phases and sets of members, and no question."""

    def __init__(
        self,
        db: Engine,
        clock: Clock,
        *,
        planner: Planner,
        audit: AuditWriter,
        publisher: Publisher,
        payloads: Payloads,
        spool: Spool,
        settled: Settled,
        news: News,
    ) -> None:
        self._db = db
        self._clock = clock
        self._planner = planner
        self._audit = audit
        self._publisher = publisher
        self._payloads = payloads
        self._spool = spool
        self._settled = settled
        self._news = news

    def run(self, stop: Stop) -> None:
        """Drive until told to stop; woken by arrivals and deadlines."""
        while not stop:
            wait_s = self.step()
            if wait_s > 0 and not stop:
                self._news.arrivals.wait(min(wait_s, LOOK_AGAIN_S))

    def step(self) -> float:
        """Close what can be closed; returns the seconds until the next deadline, 0 to step again at once."""
        with reading(self._db) as connection:
            attempts = [Rounds(connection).attempts(each.round)[-1] for each in Rounds(connection).open()]
            waiting = {a.config_hash: self._waiting_for(connection, a) for a in attempts}
        left_s = LOOK_AGAIN_S
        for attempt in attempts:
            deadline = attempt.config.deadlines[PHASES.index(attempt.phase)]
            if waiting[attempt.config_hash] and self._clock.now() < deadline:
                left_s = min(left_s, float(deadline - self._clock.now()))
            elif attempt.phase is Phase.UNMASK:
                self._release(attempt)
                left_s = 0.0
            else:
                self._close(attempt)
                left_s = 0.0
        return left_s

    def abort(self, number: int, reason: str) -> None:
        """End a round by hand; there is no retry.

        Raises:
            UnknownRound: there is none.
            PhaseClosed: it is over.
        """
        with transaction(self._db) as connection:
            attempt = Rounds(connection).attempts(Rounds(connection).get(number).round)[-1]
            if attempt.phase not in PHASES:
                raise PhaseClosed(
                    expected="an open round", came=f"round {number}, which is over", do="ask anew"
                )
            self._abort(connection, attempt, "aborted-by-hand", reason, (), retry=False)
        self._spool.end(attempt.config.round, attempt.config.attempt)
        self._news.changed()

    def _waiting_for(self, connection: Connection, attempt: Attempt) -> tuple[PartnerId, ...]:
        """Who is expected in the open phase and not in yet."""
        sent = Submissions(connection, attempt.config.round, attempt.config.attempt)
        arrived = sent.senders(attempt.phase)
        if attempt.phase is Phase.MASK:
            arrived &= sent.vectors().keys()
        return tuple(member for member in attempt.expected if member not in arrived)

    def _close(self, seen: Attempt) -> None:
        """Close the phase in which ``seen`` was, unless somebody did so before."""
        with transaction(self._db) as connection:
            attempt = Rounds(connection).attempt(seen.config.round, seen.config.attempt)
            if attempt.phase is not seen.phase:
                return
            missing = self._waiting_for(connection, attempt)
            try:
                after = self._after(connection, attempt)
                self._check_time_left(after)
            except AltroveError as error:
                self._abort(connection, attempt, error.code, str(error), missing, retry=True)
            else:
                Rounds(connection).move(after, self._clock.now_ms(), after.expected)
                _log.info(
                    "phase opened",
                    round=after.config.round,
                    attempt=after.config.attempt,
                    phase=str(after.phase),
                    members=len(after.expected),
                    missing=[partner.hex() for partner in missing],
                )
        self._end_vectors(seen)
        self._news.changed()

    def _end_vectors(self, seen: Attempt) -> None:
        """Drop half-arrived vectors once the attempt's masking phase is over, whichever way it ended."""
        number, attempt = seen.config.round, seen.config.attempt
        with reading(self._db) as connection:
            is_over = not Rounds(connection).attempt(number, attempt).takes_vectors
        if is_over:
            self._spool.end(number, attempt)

    def _after(self, connection: Connection, attempt: Attempt) -> Attempt:
        """The attempt in its next phase.

        Raises:
            AltroveError: too few members are left, or their messages do not go together.
        """
        config = attempt.config
        sent = Submissions(connection, config.round, config.attempt)
        phase = next_phase(attempt.phase, Event.CLOSE)
        match attempt.phase:
            case Phase.ADVERTISE:
                u1 = close_advertise(config, items(sent, Phase.ADVERTISE))
                return replace(attempt, phase=phase, expected=u1, u1=u1)
            case Phase.SHARE:
                u2 = close_share(config, sent.senders(Phase.SHARE))
                return replace(attempt, phase=phase, expected=u2, u2=u2)
            case Phase.MASK:
                whole = sent.vectors()
                u3 = close_mask(config, [s for s in items(sent, Phase.MASK) if s.signer in whole])
                return replace(attempt, phase=phase, expected=u3, u3=u3)
            case _:
                confirmed = close_check(config, items(sent, Phase.CHECK))
                return replace(attempt, phase=phase, expected=confirmed)

    def _check_time_left(self, after: Attempt) -> None:
        """Refuse to open a phase whose own deadline has passed: nobody could answer in time.

        Raises:
            DeadlinePassed: the daemon was down for too long.
        """
        deadline, now = after.config.deadlines[PHASES.index(after.phase)], self._clock.now()
        if now >= deadline:
            raise DeadlinePassed(
                expected=f"to open {after.phase} before its deadline, {iso(deadline)}",
                came=iso(now),
                do="nothing: the next attempt has new deadlines; keep the daemon up while a round runs",
            )

    def _release(self, seen: Attempt) -> None:
        """Sum outside any transaction, then release in one; a killed daemon starts the sum again."""
        with reading(self._db) as connection:
            sent = Submissions(connection, seen.config.round, seen.config.attempt)
            answers = items(sent, Phase.UNMASK)
            missing = self._waiting_for(connection, seen)
            settled = self._settled.before(connection, seen, Phase.UNMASK)
        try:
            summed = total(seen.config, settled, answers, self._bundles(seen), self._spool)
            sum_hash = self._payloads.keep(summed.elements, summed.parts)
        except AltroveError as error:
            with transaction(self._db) as connection:
                attempt = Rounds(connection).attempt(seen.config.round, seen.config.attempt)
                if attempt.phase is Phase.UNMASK:
                    self._abort(connection, attempt, error.code, str(error), missing, retry=True)
        else:
            self._publish(seen, settled, summed, sum_hash)
        self._news.changed()

    def _bundles(self, seen: Attempt) -> Iterator[Signed]:
        """Everybody's sealed shares, read only where somebody opened a wrong one: there may be a million."""
        with reading(self._db) as connection:
            sent = Submissions(connection, seen.config.round, seen.config.attempt)
            for stored in sent.one_by_one(Phase.SHARE):
                yield from stored.submission.items

    def _publish(self, seen: Attempt, settled: Context, summed: Total, sum_hash: bytes) -> None:
        now = self._clock.now()
        with transaction(self._db) as connection:
            rounds = Rounds(connection)
            attempt = rounds.attempt(seen.config.round, seen.config.attempt)
            if attempt.phase is not Phase.UNMASK:
                return
            release = self._publisher.publish(connection, attempt, settled, sum_hash, now)
            after = replace(
                attempt,
                phase=next_phase(Phase.UNMASK, Event.CLOSE),
                expected=(),
                blamed=summed.unmasking.liars,
            )
            rounds.move(after, self._clock.now_ms(), attempt.config.cohort)
            rounds.end(attempt.config.round, RELEASED, now)
        _log.info(
            "released",
            round=seen.config.round,
            attempt=seen.config.attempt,
            release=release.hex(),
            survivors=len(settled.u3),
            liars=[partner.hex() for partner in summed.unmasking.liars],
        )

    def _abort(
        self,
        connection: Connection,
        attempt: Attempt,
        cause: str,
        why: str,
        missing: tuple[PartnerId, ...],
        *,
        retry: bool,
    ) -> None:
        """End the attempt with its cause, and open the next one where retries are left."""
        rounds, now = Rounds(connection), self._clock.now()
        round_ = rounds.get(attempt.config.round)
        names = {member.partner: member.name for member in Members(connection).all()}
        absent = ", ".join(names.get(partner, partner.hex()) for partner in missing)
        again = retry and round_.retries_left > 0
        next_step = (
            f"attempt {attempt.config.attempt + 1} has started by itself"
            if again
            else "ask again"
            if not absent
            else f"check the nodes of {absent}, then ask again"
        )
        after = replace(
            attempt,
            phase=next_phase(attempt.phase, Event.ABORT),
            expected=(),
            cause=cause,
            reason=f"{attempt.phase}: {why}" + (f"; nothing came from {absent}" if absent else ""),
            blamed=missing,
            next_step=next_step,
        )
        rounds.move(after, self._clock.now_ms(), attempt.config.cohort)
        evidence = Aborted(
            config=attempt.config_hash,
            round=attempt.config.round,
            attempt=attempt.config.attempt,
            phase=str(attempt.phase),
            cause=cause,
            reason=after.reason,
            blamed=missing,
            next_step=next_step,
        )
        self._audit.append(connection, "aborted", encode(evidence))
        if again:
            rounds.spend_retry(attempt.config.round)
            self._planner.retry(connection, attempt, round_.phase_seconds)
        else:
            rounds.end(attempt.config.round, FAILED, now)
        _log.warning(
            "attempt aborted", round=attempt.config.round, cause=cause, reason=after.reason, next=next_step
        )
