"""Taking back what has not been unmasked, and letting go of what nobody needs any more.

After an opt-out or an erasure an unsent answer is closed.

Every sealed answer that this node has not unmasked is closed for ever, and so is every answer that was asked
and never sealed: it may be being filled in and hold the customer already, also after its attempt has ended.
Its attempts end here. An answer that was unmasked is in its sum and stays as it is; later rounds may only ask for
that same sum. What a closed answer cost stays spent.

The sealed vector of an answer without noise is this company's exact statistics, and two of them differ by who came
or went in between. It is closed, and its file deleted, when this node holds its sum (:func:`retire`), or when a
customer is erased (:meth:`Withdrawal.close_unmasked`), whichever is earlier. Only a linear check that goes on keeps
the file until its end. One with noise stays: taken out of the sum it leaves the part of the others, and the noise in
it protects a customer as it does in the sum.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from sqlalchemy import Connection

from participant.door import sealing
from participant.door.admission import accepted
from participant.door.attempt_keys import AttemptKeys
from participant.door.words import MASKED_VECTOR
from participant.store.attempts import OPEN_STATES, Attempts, StoredAttempt
from participant.store.checks import Checks
from participant.store.outbox import Outbox
from participant.store.releases import Releases
from participant.store.sealed_answers import SealedAnswers
from protocols.service import durable
from protocols.service.clock import Clock


class Kept(Enum):
    """What a sealed vector is kept for."""

    ANSWERING = auto()
    """Other attempts, and taking it out of its sum."""
    CHECKING = auto()
    """A linear check that goes on; it is closed already."""
    NOTHING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedAnswer:
    """An answer that was closed. In ``rounds`` its masked bytes had been committed, and may have left."""

    answer_id: bytes
    questions: tuple[str, ...]
    rounds: tuple[int, ...]


class Withdrawal:
    """One withdrawal: :meth:`close` in the transaction of its cause, then :meth:`erase` the files."""

    def __init__(self, *, vectors: Path, secrets: AttemptKeys, clock: Clock, reason: str) -> None:
        self._vectors = vectors
        self._secrets = secrets
        self._clock = clock
        self._reason = reason
        self._ended: tuple[tuple[int, int], ...] = ()
        self.closed: tuple[ClosedAnswer, ...] = ()

    def close(self, connection: Connection) -> None:
        """Close every answer that was not unmasked, and end the attempts that wait for it."""
        now, answers, attempts = self._clock.now(), SealedAnswers(connection), Attempts(connection)
        found = {each.answer_id: each.questions for each in answers.unsent()}
        for attempt in attempts.unsealed():
            blocks = accepted(attempt).answer.blocks
            found[attempt.answer_id] = tuple(block.question for block in blocks)
        open_ones = (attempts.find(*key) for key in attempts.open_keys())
        waiting = [each for each in open_ones if each is not None and each.answer_id in found]
        for answer_id, questions in found.items():
            answers.void(answer_id, questions, at=now)
        for attempt in waiting:
            attempts.finish(attempt.round, attempt.attempt, state="Closed", reason=self._reason, at=now)
        self._ended = tuple((attempt.round, attempt.attempt) for attempt in waiting)
        outbox = Outbox(connection)
        self.closed = tuple(
            ClosedAnswer(
                answer_id=answer_id,
                questions=questions,
                rounds=_masked(outbox, attempts.of_answer(answer_id)),
            )
            for answer_id, questions in found.items()
        )

    def close_unmasked(self, connection: Connection) -> None:
        """Close also what was unmasked, where it has no noise; for :func:`erase_closed` to delete."""
        now, answers, attempts = self._clock.now(), SealedAnswers(connection), Attempts(connection)
        for answer in answers.unmasked():
            asked = attempts.of_answer(answer.answer_id)
            if _has_noise(asked):
                continue
            answers.void(answer.answer_id, answer.questions, at=now)
            for attempt in asked:
                if attempt.state in OPEN_STATES:
                    attempts.finish(
                        attempt.round, attempt.attempt, state="Closed", reason=self._reason, at=now
                    )
                    self._ended += ((attempt.round, attempt.attempt),)

    def erase(self) -> None:
        """Delete the closed vectors and the keys of the ended attempts; :func:`sweep` makes up for a crash."""
        for key in self._ended:
            self._secrets.erase(key)
            durable.erase(self._vectors / sealing.masked_name(*key))
        for answer in self.closed:
            durable.erase(self._vectors / sealing.sealed_name(answer.answer_id))


def retire(connection: Connection, *, at: int) -> None:
    """Close every answer without noise whose sum is here: whoever asks for it again can have that sum."""
    answers, attempts = SealedAnswers(connection), Attempts(connection)
    released = {(kept.round, kept.attempt) for kept in Releases(connection).all()}
    for answer in answers.unmasked():
        asked = attempts.of_answer(answer.answer_id)
        is_released = any((each.round, each.attempt) in released for each in asked)
        is_wanted = any(each.state in OPEN_STATES for each in asked)
        if is_released and not is_wanted and not _has_noise(asked):
            answers.void(answer.answer_id, answer.questions, at=at)


def sweep(vectors: Path, connection: Connection) -> None:
    """Delete what a crash left in ``vectors``: half-written files, and vectors whose answer or attempt is over.

    At the start only: a running daemon writes such files.
    """
    answers = SealedAnswers(connection)
    for path in vectors.iterdir():
        never_committed = path.suffix == ".sealed" and answers.find(bytes.fromhex(path.stem)) is None
        if path.suffix == ".partial" or never_committed:
            durable.erase(path)
    erase_closed(vectors, connection)


def erase_closed(vectors: Path, connection: Connection) -> None:
    """Delete the vectors of answers that were closed and of attempts that are over; at any time."""
    attempts = Attempts(connection)
    for path in vectors.iterdir():
        over = False
        if path.suffix == ".sealed":
            over = kept_for(connection, bytes.fromhex(path.stem)) is Kept.NOTHING
        elif path.suffix == ".masked":
            round_number, attempt_number = path.stem.split("-")
            attempt = attempts.find(int(round_number), int(attempt_number))
            over = attempt is not None and attempt.state == "Closed"
        if over:
            durable.erase(path)


def kept_for(connection: Connection, answer_id: bytes) -> Kept:
    """What the sealed vector of an answer is still needed for."""
    answer = SealedAnswers(connection).find(answer_id)
    if answer is None or not answer.voided:
        return Kept.ANSWERING
    checks = (
        Checks(connection).find((each.round, each.attempt))
        for each in Attempts(connection).of_answer(answer_id)
    )
    # A check in which this company only watches seals nothing and needs no vector.
    return Kept.CHECKING if any(check is not None and check.sealed for check in checks) else Kept.NOTHING


def _has_noise(attempts: Iterable[StoredAttempt]) -> bool:
    return any(each.quote.price is not None for each in attempts)


def _masked(outbox: Outbox, attempts: Iterable[StoredAttempt]) -> tuple[int, ...]:
    """The rounds among ``attempts`` in which masked bytes may have left: a courier may have taken a part of them."""
    return tuple(
        sorted({each.round for each in attempts if outbox.find(each.round, each.attempt, MASKED_VECTOR)})
    )
