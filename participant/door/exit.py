"""The door itself: every payload is made here, in this order, and nowhere else.

STOP, policy and configuration, budget, noise and encoding within bounds, sealed vector on disk, debit, the
contributor's side of the secure sum, outbox record. A payload is committed before its first byte moves.
Asked again with the same input the door gives the same bytes; asked with another input it refuses. Where a
question has no noise there is no differential privacy, and every record says so.

The door knows no customer and reads no record: an answer comes in as an array of integers.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine

from participant.door import admission, sealing, words
from participant.door.admission import accepted
from participant.door.attempt_keys import AttemptKeys
from participant.door.carrying import Carrier, DoorPaths
from participant.door.linear import LinearDoor
from participant.door.payloads import Payloads
from participant.door.purse import Purse
from participant.door.steps import Steps
from participant.door.withdrawal import Withdrawal, erase_closed, retire, sweep
from participant.errors import AnswerMissing, AnswerVoided
from participant.store.attempts import OPEN_STATES, Attempts, StoredAttempt
from participant.store.rosters import Rosters, StoredRoster
from participant.store.sealed_answers import SealedAnswers
from participant.switch import StopSwitch
from protocols import policy as policies
from protocols import ring
from protocols.codec import digest
from protocols.errors import IllegalMove
from protocols.identity import IdentityKey, PartnerId, Signed
from protocols.messages import AnswerSpec, Phase, PhaseInput, RoundConfig, Submission
from protocols.policy import Policy
from protocols.questions import check_answer
from protocols.release import Vote
from protocols.secure_sum import contributor
from protocols.secure_sum.encapsulation import Encapsulate
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
        encapsulate: Encapsulate,
    ) -> None:
        super().__init__(switch=StopSwitch(paths.switch), vectors=paths.vectors, db=db, clock=clock)
        self._me = me
        self._key = key
        self._policy = policy
        self._entropy = entropy
        self._secrets = AttemptKeys(paths.secrets, entropy)
        self._purse = Purse(policy=policy, clock=clock)
        check_secrets = AttemptKeys(paths.secrets, entropy, "check")
        self._payloads = Payloads(secrets=self._secrets, check_secrets=check_secrets, clock=clock)
        self.linear = LinearDoor(
            switch=self.switch,
            vectors=paths.vectors,
            db=db,
            key=key,
            secrets=check_secrets,
            payloads=self._payloads,
        )
        self._steps = Steps(
            me=me, key=key, policy=policy, vectors=paths.vectors, entropy=entropy, encapsulate=encapsulate
        )

    def recover(self) -> None:
        """Erase what a crash left of attempts and answers that are over. Once, at the daemon's start."""
        self.retire()
        with reading(self._db) as connection:
            needed = Attempts(connection).open_keys()
            sweep(self._vectors, connection)
        self._secrets.sweep(needed)
        self.linear.recover()

    def look_at(self, signed: Signed) -> RoundConfig:
        """The configuration inside ``signed``, verified under the roster in force; nothing is decided.

        Raises:
            NoRoster, BadSignature, UnknownSigner, NotInCohort: it is not the coordinator's, or not ours.
        """
        with reading(self._db) as connection:
            version = admission.open_roster(admission.present(Rosters(connection).in_force()))
        return admission.open_config(signed, version)

    def advertise(
        self,
        signed: Signed,
        *,
        vocabulary: Vocabulary,
        proof: Sequence[bytes],
        customers: int,
        at_cap: bool = True,
    ) -> Submission:
        """Accept a configuration and return this company's advertisement (phase 0).

        ``customers`` is how many stand behind the answer, ``at_cap`` whether the company has as many as the
        question's public cap; ``proof`` joins the audit log last seen and the one that the configuration names.

        Raises:
            Stopped, PolicyRefusal, PeerFault, SuiteUnavailable: nothing was committed and nothing may leave.
        """
        self.switch.require_open()
        asked = words.input_hash(Phase.ADVERTISE, (signed,))
        with transaction(self._db) as connection:
            stored = admission.present(Rosters(connection).in_force())
            version = admission.open_roster(stored)
            config = admission.open_config(signed, version)
            earlier = self._payloads.again(connection, (config.round, config.attempt), Phase.ADVERTISE, asked)
            if earlier is not None:
                return earlier
            policies.check_config(self._policy, config, len(version.entries))
            policies.check_customers(self._policy, customers)
            ring.check_overflow(config)
            admission.check_cohort(config, self._me, version)
            check_answer(config.answer, vocabulary, len(config.cohort))
            counter, closed = self._admit(connection, config, stored, proof)
            quote = self._purse.quote(connection, config, vocabulary, at_cap=at_cap)
            state, message = contributor.advertise(
                config, self._me, self._key, counter=counter, rand=self._entropy(contributor.RAND_ADVERTISE)
            )
            submission = self._payloads.open(
                connection,
                signed,
                config,
                state,
                message,
                asked=asked,
                concepts=len(vocabulary),
                quote=quote,
            )
            self.switch.require_open()
        for key in closed:
            self._forget(key)
        return submission

    def needs_answer(self, answer_id: bytes) -> bool:
        """True until a vector is sealed for this answer. An answer is computed once, never again."""
        with reading(self._db) as connection:
            return SealedAnswers(connection).find(answer_id) is None

    def seal(self, round_number: int, attempt: int, answer: npt.NDArray[np.int64], *, at_cap: bool) -> None:
        """Add the noise to ``answer`` (int64 fixed point, shape ``(elements,)``), encode, seal and pay for it.

        ``at_cap`` is as in :meth:`advertise`, and of the records that ``answer`` was made from: they may be others
        than those that it was priced for.
        The noise is drawn here, once, and its key forgotten. Sealed vector, debit and outbox record are one
        transaction, the vector synced before it; after it nobody draws again. If a vector is sealed already,
        that one stays and ``answer`` is dropped.

        Raises:
            Stopped: STOP was pressed.
            AnswerVoided: the answer was closed while it was being filled in; nothing of it is kept.
            PriceRose: it costs more than was quoted; a later attempt quotes anew.
            BudgetSpent, TooManyUnreleased: since the advertisement; nothing was committed.
            IllegalMove: this node has not accepted such an attempt.
            OutOfBounds: a cell beyond its block's bound, or another shape.
            StorageFull: nothing half-written remains.
        """
        self.switch.require_open()
        with reading(self._db) as connection:
            asked = self._attempt(connection, round_number, attempt)
        config = accepted(asked)
        if not self.needs_answer(config.answer_id):
            return
        self._purse.check_quote(asked, at_cap=at_cap)
        noise = sealing.noise_for(config.answer, asked.concepts, self._entropy)
        name = sealing.sealed_name(config.answer_id)
        written = sealing.write_sealed(self._vectors / name, answer, config.answer, noise)
        with transaction(self._db) as connection:
            found = SealedAnswers(connection).find(config.answer_id)
            if found is not None and found.voided:
                durable.erase(self._vectors / name)
            if found is not None:
                self._steps.check_answer(config, found)
                raise IllegalMove(
                    expected="one sealing of an answer at a time", came="two", do="run one daemon per home"
                )
            self._payloads.sealed(connection, asked, config, name, written)
            if self._attempt(connection, round_number, attempt).state in OPEN_STATES:
                self._purse.pay(connection, asked)  # an attempt that ended meanwhile owes nothing

    def answer(self, given: PhaseInput) -> Submission:
        """Take the next step (share, mask, confirm or unmask) and return what to submit.

        The payload, the new state, the outbox record and, at unmask, the binding of the answer to its
        survivors are one transaction. The secrets of an unmasked attempt are erased right after it, but for
        what a linear check of its release needs (:class:`LinearDoor`).

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
            earlier = self._payloads.again(connection, key, phase, asked)
            if earlier is not None:
                return earlier
            attempt = self._attempt(connection, *key)
            config = accepted(attempt)
            admission.check_open(attempt, config, self._clock.now())
            version = admission.open_roster(admission.present(Rosters(connection).at(config.roster_height)))
            if phase is Phase.MASK:
                self._purse.pay(connection, attempt)  # again, if an earlier attempt gave the debit back
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
            submission = self._payloads.commit(connection, attempt, config, phase, asked, step)
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
                self._purse.give_back(connection, found.answer_id, reason)
        self._forget((round_number, attempt))

    def own_part(self, spec: AnswerSpec) -> ring.Fixed:
        """This company's part of a sum as it was sealed, noise and all, shape ``(spec.elements,)``, ring units.

        Taken out of a released sum it leaves the part of the others.

        Raises:
            AnswerMissing: this node never sealed such an answer, or a restore forgot it.
            AnswerVoided: it was closed, or its file is gone.
        """
        with reading(self._db) as connection:
            sealed = SealedAnswers(connection).find(digest(spec))
        if sealed is None:
            raise AnswerMissing(
                expected="an answer that this node sealed", came="none", do="read the sum as a whole"
            )
        if sealed.voided:
            raise AnswerVoided(
                expected="an answer that is still kept",
                came="one that was closed",
                do="read the sum as a whole",
            )
        return sealing.read_sealed(self._vectors, sealed, spec.ring_bits)

    def withdrawal(self, reason: str) -> Withdrawal:
        """What an opt-out needs of the door: closes every answer that was not unmasked yet."""
        return Withdrawal(vectors=self._vectors, secrets=self._secrets, clock=self._clock, reason=reason)

    def retire(self) -> None:
        """A release was kept: let go of the sealed vectors that this leaves of no use."""
        with transaction(self._db) as connection:
            retire(connection, at=self._clock.now())
        self.erase_closed()

    def erase_closed(self) -> None:
        """Delete the vectors of closed answers that nothing needs any more; a running daemon minds it not."""
        with reading(self._db) as connection:
            erase_closed(self._vectors, connection)

    def vote(self, config: RoundConfig, release: bytes, *, accept: bool, reason: str) -> Signed:
        """Sign this company's vote on a release; a second, different vote is refused.

        Raises:
            Stopped: STOP was pressed.
            Equivocation: this node voted otherwise before.
        """
        self.switch.require_open()
        vote = Vote(release=release, accept=accept, reason=reason, voter=self._me)
        with transaction(self._db) as connection:
            return self._payloads.vote(connection, config, release, self._key.sign(self._me, vote))

    def _admit(
        self, connection: Connection, config: RoundConfig, stored: StoredRoster, proof: Sequence[bytes]
    ) -> tuple[int, set[tuple[int, int]]]:
        """Numbers, audit log and answer; closes every earlier attempt. Returns the counter and what was closed."""
        attempts, rosters = Attempts(connection), Rosters(connection)
        known = attempts.of_round(config.round)
        admission.check_number(config, known, attempts.highest_round())
        size, head = admission.check_seen(config, stored, rosters.seen(), proof)
        self._steps.check_answer(config, SealedAnswers(connection).find(config.answer_id))
        closed = self._close_earlier(connection, config)
        return rosters.advance(size=size, head=head), closed

    def _close_earlier(self, connection: Connection, config: RoundConfig) -> set[tuple[int, int]]:
        """End what is still open: of two attempts side by side each could be summed. What ended, for its keys."""
        attempts = Attempts(connection)
        still_open = attempts.open_keys()
        ended = {self._attempt(connection, *key).answer_id for key in still_open}
        reason = f"round {config.round}.{config.attempt} began"
        for key in still_open:
            attempts.finish(*key, state="Closed", reason=reason, at=self._clock.now())
        for answer_id in ended - {config.answer_id}:
            self._purse.give_back(connection, answer_id, reason)
        return {*still_open, *((each.round, each.attempt) for each in attempts.of_round(config.round))}

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
