"""The door itself: every payload is made here, in this order, and nowhere else.

STOP, policy and configuration, encoding within bounds, sealed vector on disk, the contributor's side of
the secure sum, outbox record. A payload is committed before its first byte moves. Asked again with the
same input the door gives the same bytes; asked with another input it refuses. There is no differential
privacy in this version, and every record says so.

The door knows no customer and reads no record: an answer comes in as an array of integers.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine

from participant.door import admission, sealing, words
from participant.door.admission import accepted
from participant.door.attempt_keys import AttemptKeys
from participant.door.carrying import Carrier, DoorPaths
from participant.door.steps import Step, Steps
from participant.door.withdrawal import Withdrawal, sweep
from participant.store.attempts import OPEN_STATES, Attempts, StoredAttempt
from participant.store.outbox import Outbox
from participant.store.rosters import Rosters, StoredRoster
from participant.store.sealed_answers import SealedAnswer, SealedAnswers
from participant.switch import StopSwitch
from protocols import policy as policies
from protocols import ring
from protocols.codec import decode, digest, encode
from protocols.errors import Equivocation, IllegalMove
from protocols.identity import IdentityKey, PartnerId, Signed
from protocols.messages import Phase, PhaseInput, RoundConfig, Submission
from protocols.policy import Policy
from protocols.questions import check_answer
from protocols.release import Vote
from protocols.secure_sum import contributor, states
from protocols.service import durable
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading, transaction
from protocols.vocabulary import Vocabulary


class Door(Carrier):
    """One company's exit. Every method may be called again after a crash; none sends anything itself."""

    def __init__(
        self,
        *,
        paths: DoorPaths,
        db: Engine,
        me: PartnerId,
        key: IdentityKey,
        policy: Policy,
        clock: Clock,
        entropy: Callable[[int], bytes],
    ) -> None:
        super().__init__(switch=StopSwitch(paths.switch), vectors=paths.vectors, db=db, clock=clock)
        self._me = me
        self._key = key
        self._policy = policy
        self._entropy = entropy
        self._secrets = AttemptKeys(paths.secrets, entropy)
        self._steps = Steps(me=me, key=key, policy=policy, vectors=paths.vectors, entropy=entropy)

    def recover(self) -> None:
        """Erase what a crash left of attempts and answers that are over. Once, at the daemon's start."""
        with reading(self._db) as connection:
            needed = Attempts(connection).open_keys()
            sweep(self._vectors, connection)
        self._secrets.sweep(needed)

    def look_at(self, signed: Signed) -> RoundConfig:
        """The configuration inside ``signed``, verified under the roster in force; nothing is decided.

        Raises:
            NoRoster, BadSignature, UnknownSigner, NotInCohort: it is not the coordinator's, or not ours.
        """
        with reading(self._db) as connection:
            version = admission.open_roster(admission.present(Rosters(connection).in_force()))
        return admission.open_config(signed, version)

    def advertise(
        self, signed: Signed, *, vocabulary: Vocabulary, proof: Sequence[bytes], customers: int
    ) -> Submission:
        """Accept a configuration and return this company's advertisement (phase 0).

        ``customers`` is how many stand behind the answer; ``proof`` joins the audit log last seen and the
        one that the configuration names.

        Raises:
            Stopped, PolicyRefusal, PeerFault: nothing was committed and nothing may leave.
        """
        self.switch.require_open()
        asked = words.input_hash(Phase.ADVERTISE, (signed,))
        with transaction(self._db) as connection:
            stored = admission.present(Rosters(connection).in_force())
            version = admission.open_roster(stored)
            config = admission.open_config(signed, version)
            earlier = self._again(connection, config.round, config.attempt, Phase.ADVERTISE, asked)
            if earlier is not None:
                return earlier
            policies.check_config(self._policy, config, len(version.entries))
            policies.check_customers(self._policy, customers)
            ring.check_overflow(config)
            admission.check_cohort(config, self._me, version)
            check_answer(config.answer, vocabulary, len(config.cohort))
            counter, closed = self._admit(connection, config, stored, proof)
            state, message = contributor.advertise(
                config, self._me, self._key, counter=counter, rand=self._entropy(contributor.RAND_ADVERTISE)
            )
            submission = self._open(connection, signed, config, state, message, asked)
            self.switch.require_open()
        for key in closed:
            self._forget(key)
        return submission

    def needs_answer(self, answer_id: bytes) -> bool:
        """True until a vector is sealed for this answer. An answer is computed once, never again."""
        with reading(self._db) as connection:
            return SealedAnswers(connection).find(answer_id) is None

    def seal(self, round_number: int, attempt: int, answer: npt.NDArray[np.int64]) -> None:
        """Encode ``answer`` (int64 fixed point, shape ``(elements,)``) and seal it for its answer id.

        If a vector is sealed already, that one stays and ``answer`` is dropped.

        Raises:
            Stopped: STOP was pressed.
            AnswerVoided: the answer was closed while it was being filled in; nothing of it is kept.
            IllegalMove: this node has not accepted such an attempt.
            OutOfBounds: a cell beyond its block's bound, or another shape.
            StorageFull: nothing half-written remains.
        """
        self.switch.require_open()
        with reading(self._db) as connection:
            config = accepted(self._attempt(connection, round_number, attempt))
        if not self.needs_answer(config.answer_id):
            return
        name = sealing.sealed_name(config.answer_id)
        encoded = (part.tobytes() for part in ring.encode_parts(answer, config.answer))
        written = durable.write(self._vectors / name, encoded)
        now = self._clock.now()
        with transaction(self._db) as connection:
            found = SealedAnswers(connection).find(config.answer_id)
            if found is not None and found.voided:
                durable.erase(self._vectors / name)
            if found is not None:
                self._steps.check_answer(config, found)
                raise IllegalMove(
                    expected="one sealing of an answer at a time", came="two", do="run one daemon per home"
                )
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
                    input_hash=config.answer_id,
                    body=b"",
                    file=name,
                    sha256=written.sha256,
                    size_bytes=written.size_bytes,
                    at=now,
                )
            )

    def answer(self, given: PhaseInput) -> Submission:
        """Take the next step (share, mask, confirm or unmask) and return what to submit.

        The payload, the new state, the outbox record and, at unmask, the binding of the answer to its
        survivors are one transaction. The secrets of an unmasked attempt are erased right after it.

        Raises:
            Stopped, PolicyRefusal: our own refusal; nothing was committed.
            PeerFault: what came breaks the protocol.
            AnswerMissing: masking needs :meth:`seal` first.
            SecretsErased: this attempt is over for this node.
        """
        self.switch.require_open()
        phase = Phase(given.phase)
        key = (given.round, given.attempt)
        asked = words.input_hash(phase, given.items)
        with transaction(self._db) as connection:
            earlier = self._again(connection, *key, phase, asked)
            if earlier is not None:
                return earlier
            attempt = self._attempt(connection, *key)
            config = accepted(attempt)
            admission.check_open(attempt, config, self._clock.now())
            version = admission.open_roster(admission.present(Rosters(connection).at(config.roster_height)))
            sealed = SealedAnswers(connection)
            step = self._steps.take(
                phase,
                config=config,
                version=version,
                state=self._secrets.open(key, attempt.state, attempt.sealed_state),
                items=given.items,
                answer=sealed.find(config.answer_id),
                unmasked=sealed.unmasked_sets(tuple(block.question for block in config.answer.blocks)),
            )
            submission = self._commit(connection, config, phase, asked, step)
            self._move(connection, config, step)
            self.switch.require_open()  # masking takes a while: what STOP came before is not committed
        if step.final:
            self._secrets.erase(key)
        return submission

    def close(self, round_number: int, attempt: int, reason: str) -> None:
        """End an attempt for this node: its secrets and its masked vector are erased."""
        with transaction(self._db) as connection:
            found = Attempts(connection).find(round_number, attempt)
            if found is not None and found.state in OPEN_STATES:
                Attempts(connection).finish(
                    round_number, attempt, state="Closed", reason=reason, at=self._clock.now()
                )
        self._forget((round_number, attempt))

    def withdrawal(self, reason: str) -> Withdrawal:
        """What an opt-out needs of the door: closes every answer that was not unmasked yet."""
        return Withdrawal(vectors=self._vectors, secrets=self._secrets, clock=self._clock, reason=reason)

    def vote(self, config: RoundConfig, release: bytes, *, accept: bool, reason: str) -> Signed:
        """Sign this company's vote on a release; a second, different vote is refused.

        Raises:
            Stopped: STOP was pressed.
            Equivocation: this node voted otherwise before.
        """
        self.switch.require_open()
        vote = Vote(release=release, accept=accept, reason=reason, voter=self._me)
        signed = self._key.sign(self._me, vote)
        body = encode(signed)
        with transaction(self._db) as connection:
            earlier = Outbox(connection).find(config.round, config.attempt, words.VOTE)
            if earlier is None:
                Outbox(connection).add(
                    words.record(
                        config,
                        words.VOTE,
                        input_hash=release,
                        body=body,
                        sha256=sha256(body).digest(),
                        size_bytes=len(body),
                        at=self._clock.now(),
                    )
                )
                return signed
        if earlier.body != body:
            raise _second("vote")
        return decode(Signed, earlier.body)

    def _admit(
        self, connection: Connection, config: RoundConfig, stored: StoredRoster, proof: Sequence[bytes]
    ) -> tuple[int, set[tuple[int, int]]]:
        """Numbers, audit log and answer; closes every earlier attempt. Returns the counter and what was closed."""
        attempts, rosters = Attempts(connection), Rosters(connection)
        known = attempts.of_round(config.round)
        admission.check_number(config, known, attempts.highest_round())
        size, head = admission.check_seen(config, stored, rosters.seen(), proof)
        self._steps.check_answer(config, SealedAnswers(connection).find(config.answer_id))
        still_open = attempts.open_keys()
        for key in still_open:
            reason = f"round {config.round}.{config.attempt} began"
            attempts.finish(*key, state="Closed", reason=reason, at=self._clock.now())
        closed = {*still_open, *((earlier.round, earlier.attempt) for earlier in known)}
        return rosters.advance(size=size, head=head), closed

    def _open(
        self,
        connection: Connection,
        signed: Signed,
        config: RoundConfig,
        state: states.Advertised,
        message: Signed,
        asked: bytes,
    ) -> Submission:
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
            )
        )
        step = Step(
            state=name, plain=plain, items=(message,), transcript=b"", survivors=(), masked=None, final=False
        )
        return self._commit(connection, config, Phase.ADVERTISE, asked, step)

    def _again(
        self, connection: Connection, round_number: int, attempt: int, phase: Phase, asked: bytes
    ) -> Submission | None:
        """The payload committed for this phase before, if any: the same bytes, or a refusal."""
        earlier = Outbox(connection).find(round_number, attempt, phase.value)
        if earlier is None:
            return None
        if earlier.input_hash != asked:
            raise _second(phase.value)
        return decode(Submission, earlier.body)

    def _commit(
        self, connection: Connection, config: RoundConfig, phase: Phase, asked: bytes, step: Step
    ) -> Submission:
        submission = Submission(
            round=config.round, attempt=config.attempt, phase=phase.value, items=step.items
        )
        body, now, outbox = encode(submission), self._clock.now(), Outbox(connection)
        outbox.add(
            words.record(
                config,
                phase.value,
                input_hash=asked,
                body=body,
                sha256=sha256(body).digest(),
                size_bytes=len(body),
                at=now,
                survivors=len(step.survivors),
            )
        )
        if step.masked is not None:
            outbox.add(
                words.record(
                    config,
                    words.MASKED_VECTOR,
                    input_hash=asked,
                    body=b"",
                    file=step.masked.name,
                    sha256=step.masked.written.sha256,
                    size_bytes=step.masked.written.size_bytes,
                    at=now,
                )
            )
        return submission

    def _move(self, connection: Connection, config: RoundConfig, step: Step) -> None:
        attempts, key = Attempts(connection), (config.round, config.attempt)
        if step.final:
            now = self._clock.now()
            SealedAnswers(connection).bind(config.answer_id, step.survivors, at=now)
            attempts.move(
                *key, state=step.state, sealed_state=b"", transcript=step.transcript, survivors=step.survivors
            )
            attempts.finish(*key, state=step.state, reason="unmasked", at=now)
            return
        sealed = self._secrets.seal(key, step.state, step.plain)
        attempts.move(
            *key, state=step.state, sealed_state=sealed, transcript=step.transcript, survivors=step.survivors
        )

    def _attempt(self, connection: Connection, round_number: int, attempt: int) -> StoredAttempt:
        found = Attempts(connection).find(round_number, attempt)
        if found is None:
            raise IllegalMove(
                expected="an attempt that this node has accepted",
                came=f"round {round_number}, attempt {attempt}",
                do="let it pass; the node joins at the next attempt",
            )
        return found

    def _forget(self, key: tuple[int, int]) -> None:
        self._secrets.erase(key)
        durable.erase(self._vectors / sealing.masked_name(*key))


def _second(what: str) -> Equivocation:
    return Equivocation(
        expected=f"the same question for {what} as before",
        came="another one",
        do="refuse it and keep both as evidence; nothing was sent",
    )
