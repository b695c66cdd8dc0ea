"""Payloads, committed once: the next state of an attempt and what to send are one transaction's.

Asked again with the same input the door gives the same bytes; asked with another input it refuses. The
transaction is the caller's, and so is the moment at which bytes may move: after it.
"""

from hashlib import sha256
from typing import Final

from sqlalchemy import Connection

from participant.door import words
from participant.door.attempt_keys import AttemptKeys
from participant.door.steps import Step
from participant.store.attempts import Attempts, StoredAttempt
from participant.store.checks import Checks, StoredCheck
from participant.store.outbox import Outbox
from participant.store.sealed_answers import SealedAnswer, SealedAnswers
from protocols.codec import decode, digest, encode
from protocols.errors import Equivocation
from protocols.identity import Signed
from protocols.ledger import NO_QUOTE, Quote
from protocols.limits import LINEAR_CHECK_S
from protocols.messages import Phase, RoundConfig, Submission
from protocols.secure_sum import states
from protocols.service import durable
from protocols.service.clock import Clock

ARMED: Final = "Armed"
"""State of a linear check whose release has not come yet."""


class Payloads:
    """Commits what leaves, under the keys of attempts."""

    def __init__(self, *, secrets: AttemptKeys, check_secrets: AttemptKeys, clock: Clock) -> None:
        self._secrets = secrets
        self._check_secrets = check_secrets
        self._clock = clock

    def again(
        self, connection: Connection, key: tuple[int, int], phase: Phase, asked: bytes
    ) -> Submission | None:
        """The payload committed for this phase before, if any: the same bytes, or a refusal.

        Raises:
            Equivocation: it was made for another input.
        """
        earlier = Outbox(connection).find(*key, phase.value)
        if earlier is None:
            return None
        if earlier.input_hash != asked:
            raise _second(phase.value)
        return decode(Submission, earlier.body)

    def open(
        self,
        connection: Connection,
        signed: Signed,
        config: RoundConfig,
        state: states.Advertised,
        message: Signed,
        *,
        asked: bytes,
        concepts: int,
        quote: Quote,
    ) -> Submission:
        """Open an attempt with its first payload, the advertisement; ``quote`` is what its answer costs."""
        name, plain = type(state).__name__, encode(state)
        Attempts(connection).open(
            StoredAttempt(
                round=config.round,
                attempt=config.attempt,
                answer_id=config.answer_id,
                config=encode(signed),
                config_hash=digest(config),
                state=name,
                sealed_state=self._secrets.seal((config.round, config.attempt), name, plain),
                transcript=b"",
                survivors=(),
                reason="",
                opened_at=self._clock.now(),
                concepts=concepts,
                quote=quote,
            )
        )
        return self._add(connection, config, Phase.ADVERTISE, asked, (message,), quote=quote)

    def sealed(
        self,
        connection: Connection,
        attempt: StoredAttempt,
        config: RoundConfig,
        name: str,
        written: durable.Written,
    ) -> None:
        """Commit that the answer of ``attempt`` lies sealed in the file ``name``."""
        now = self._clock.now()
        SealedAnswers(connection).add(
            SealedAnswer(
                answer_id=config.answer_id,
                questions=tuple(block.question for block in config.answer.blocks),
                file=name,
                sha256=written.sha256,
                vector_bytes=written.size_bytes,
                sealed_at=now,
                voided=False,
                bound_to=(),
            )
        )
        Outbox(connection).add(
            words.record(
                config,
                words.SEALED_VECTOR,
                quote=attempt.quote,
                input_hash=config.answer_id,
                body=b"",
                file=name,
                sha256=written.sha256,
                size_bytes=written.size_bytes,
                at=now,
            )
        )

    def commit(
        self,
        connection: Connection,
        attempt: StoredAttempt,
        config: RoundConfig,
        phase: Phase,
        asked: bytes,
        step: Step,
    ) -> Submission:
        """Commit one step: its payload, its masked vector if there is one, and the state after it."""
        quote, survivors = attempt.quote, len(step.survivors)
        submission = self._add(connection, config, phase, asked, step.items, quote=quote, survivors=survivors)
        if step.masked is not None:
            Outbox(connection).add(
                words.record(
                    config,
                    words.MASKED_VECTOR,
                    quote=quote,
                    input_hash=asked,
                    body=b"",
                    file=step.masked.name,
                    sha256=step.masked.written.sha256,
                    size_bytes=step.masked.written.size_bytes,
                    at=self._clock.now(),
                )
            )
        self._move(connection, config, step)
        return submission

    def vote(self, connection: Connection, config: RoundConfig, release: bytes, signed: Signed) -> Signed:
        """Commit a signed vote; the one that was committed before if it is the same.

        Raises:
            Equivocation: this node voted otherwise before.
        """
        earlier = Outbox(connection).find(config.round, config.attempt, words.VOTE)
        if earlier is None:
            return self.say(connection, config, words.VOTE, release, signed)
        if earlier.body != encode(signed):
            raise _second(words.VOTE)
        return decode(Signed, earlier.body)

    def said(self, connection: Connection, key: tuple[int, int], kind: str, asked: bytes) -> Signed | None:
        """The one message of this kind that was committed before, if any.

        Raises:
            Equivocation: it answered another input.
        """
        earlier = Outbox(connection).find(*key, kind)
        if earlier is None:
            return None
        if earlier.input_hash != asked:
            raise _second(kind)
        return decode(Signed, earlier.body)

    def say(
        self, connection: Connection, config: RoundConfig, kind: str, asked: bytes, signed: Signed
    ) -> Signed:
        """Commit a single signed message about an attempt; there is one of each kind, for ever."""
        body, attempt = encode(signed), Attempts(connection).find(config.round, config.attempt)
        Outbox(connection).add(
            words.record(
                config,
                kind,
                quote=NO_QUOTE if attempt is None else attempt.quote,
                input_hash=asked,
                body=body,
                sha256=sha256(body).digest(),
                size_bytes=len(body),
                at=self._clock.now(),
            )
        )
        return signed

    def _add(
        self,
        connection: Connection,
        config: RoundConfig,
        phase: Phase,
        asked: bytes,
        items: tuple[Signed, ...],
        *,
        quote: Quote,
        survivors: int = 0,
    ) -> Submission:
        submission = Submission(round=config.round, attempt=config.attempt, phase=phase.value, items=items)
        body = encode(submission)
        Outbox(connection).add(
            words.record(
                config,
                phase.value,
                quote=quote,
                input_hash=asked,
                body=body,
                sha256=sha256(body).digest(),
                size_bytes=len(body),
                at=self._clock.now(),
                survivors=survivors,
            )
        )
        return submission

    def _move(self, connection: Connection, config: RoundConfig, step: Step) -> None:
        attempts, key = Attempts(connection), (config.round, config.attempt)
        sealed = b"" if step.final else self._secrets.seal(key, step.state, step.plain)
        attempts.move(
            *key, state=step.state, sealed_state=sealed, transcript=step.transcript, survivors=step.survivors
        )
        if step.armed:
            sealed = self._check_secrets.seal(key, ARMED, step.armed)
            until = config.deadlines[-1] + LINEAR_CHECK_S
            # Of a release that was published before this company unmasked it only watched the check so far.
            Checks(connection).end(key)
            Checks(connection).add(
                StoredCheck(
                    round=config.round, attempt=config.attempt, state=ARMED, sealed=sealed, until=until
                )
            )
        if step.final:
            now = self._clock.now()
            SealedAnswers(connection).bind(config.answer_id, step.survivors, at=now)
            attempts.finish(*key, state=step.state, reason="unmasked", at=now)


def _second(what: str) -> Equivocation:
    return Equivocation(
        expected=f"the same question for {what} as before",
        came="another one",
        do="refuse it and keep both as evidence; nothing was sent",
    )
