"""A coordinator in one object: the collector's pure functions over stored messages, and no network.

It teaches the contract of the partner API: the same bytes again are the same reply, different bytes are
an equivocation, and asking after sequence 0 gives the current state. A test closes a phase by hand to
leave somebody behind.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from protocols import merkle, policy
from protocols.codec import decode, digest, encode, tagged_hash
from protocols.errors import Equivocation
from protocols.identity import COORDINATOR, IdentityKey, PartnerId, Signed, partner_id
from protocols.limits import CHUNK_BYTES
from protocols.messages import (
    CLASSICAL,
    PHASES,
    AnswerSpec,
    InputHeader,
    Phase,
    PhaseInput,
    RoundConfig,
    Submission,
)
from protocols.participation import Participation
from protocols.release import NO_RELEASE, ReleaseManifest, pack, release_id, sum_sha256
from protocols.roster import Change, RosterEntry, RosterVersion, SignedRoster, approve, roll, roster_hash
from protocols.secure_sum import collector
from protocols.secure_sum.unmasking import combine, sum_chunks
from protocols.service.problems import Problem, Refused
from protocols.vocabulary import Vocabulary

CONSORTIUM = b"consortium-0001!"
COURIER_KEYS = b"ssh-ed25519 AAAA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """One member: its name and its keys."""

    name: str
    seed: bytes

    @property
    def key(self) -> IdentityKey:
        return IdentityKey(self.seed)

    @property
    def id(self) -> PartnerId:
        return partner_id(self.key.public)


def companies(count: int) -> tuple[Company, ...]:
    """``count`` companies in roster order."""
    made = [Company(name=f"Company {i}", seed=tagged_hash("test-company", bytes([i]))) for i in range(count)]
    return tuple(sorted(made, key=lambda company: company.id))


@dataclass(slots=True, kw_only=True)
class Attempt:
    """What the coordinator knows of one attempt."""

    config: RoundConfig
    signed: Signed
    phase: Phase = Phase.ADVERTISE
    messages: dict[tuple[Phase, PartnerId], Submission] = field(default_factory=dict)
    vectors: dict[PartnerId, bytes] = field(default_factory=dict)
    sequence: int = 1
    expected: tuple[PartnerId, ...] = ()
    u2: tuple[PartnerId, ...] = ()
    headers: tuple[Signed, ...] = ()
    release: Signed | None = None
    reason: str = ""

    def of(self, phase: Phase) -> list[Submission]:
        return [self.messages[phase, m] for m in self.config.cohort if (phase, m) in self.messages]

    def items(self, phase: Phase) -> tuple[Signed, ...]:
        return tuple(item for submission in self.of(phase) for item in submission.items)


class FakeCoordinator:
    """Founded with ``members``; drives any number of rounds."""

    def __init__(self, members: Sequence[Company], vocabulary: Vocabulary, *, now: int) -> None:
        self.key = IdentityKey(tagged_hash("test-coordinator"))
        self.members = tuple(members)
        self.vocabulary = vocabulary
        self.now = now
        self.roster = self._found()
        self.roll = roll(self.roster)
        self.log = [merkle.leaf_hash(b"founded")]
        self.attempts: list[Attempt] = []
        self.releases: dict[bytes, tuple[Signed, bytes]] = {}
        self.votes: list[Signed] = []
        self.received: list[tuple[PartnerId, bytes]] = []
        self.parts: dict[tuple[PartnerId, int, int], bytes] = {}
        self.sequence = 0
        self.down = False
        self.adds_to_the_sum = 0
        self.publishes_nothing = False
        self.keeps_evidence_back = False
        self.hidden: set[tuple[int, int]] = set()
        self.hides_headers: set[tuple[int, int]] = set()
        self.invented: tuple[Participation, ...] = ()

    @property
    def signed_roster(self) -> SignedRoster:
        return SignedRoster(
            version=self.key.sign(COORDINATOR, self.roster),
            approvals=tuple(approve(self.roster, m.id, m.key) for m in self.members),
        )

    def ask(self, spec: AnswerSpec, *, minimum: int = 3, **changes: object) -> Attempt:
        """Open a new round."""
        number = max((a.config.round for a in self.attempts), default=0) + 1
        self.log.append(merkle.leaf_hash(f"round {number}".encode()))
        n = len(self.members)
        config = RoundConfig(
            consortium=CONSORTIUM,
            round=number,
            attempt=1,
            answer=spec,
            cohort=self.roster.partners,
            threshold=policy.threshold(n),
            minimum_cohort=minimum,
            suite=CLASSICAL,
            roster_hash=roster_hash(self.roster),
            roster_height=self.roster.height,
            audit_head=merkle.root(self.log),
            audit_size=len(self.log),
            deadlines=tuple(self.now + 60 * (i + 1) for i in range(len(PHASES))),
        )
        return self.open(replace(config, **changes))  # type: ignore[arg-type]

    def retry(self, last: Attempt, **changes: object) -> Attempt:
        """Abort ``last`` and open the next attempt."""
        self.abort(last, "retried")
        self.log.append(merkle.leaf_hash(b"aborted"))
        config = replace(
            last.config,
            attempt=last.config.attempt + 1,
            deadlines=tuple(d + 600 for d in last.config.deadlines),
        )
        return self.open(replace(config, **changes))  # type: ignore[arg-type]

    def open(self, config: RoundConfig) -> Attempt:
        attempt = Attempt(config=config, signed=self.key.sign(COORDINATOR, config), expected=config.cohort)
        self.attempts.append(attempt)
        self._moved(attempt)
        return attempt

    def abort(self, attempt: Attempt, reason: str) -> None:
        attempt.phase, attempt.reason = Phase.ABORTED, reason
        self._moved(attempt)

    def given(self, attempt: Attempt, member: PartnerId) -> PhaseInput | None:
        """What ``member`` is handed in the phase that is open."""
        items: tuple[Signed, ...]
        match attempt.phase:
            case Phase.ADVERTISE:
                items = (attempt.signed,)
            case Phase.SHARE:
                items = attempt.items(Phase.ADVERTISE)
            case Phase.MASK:
                items = collector.shares_by_recipient(attempt.of(Phase.SHARE)).get(member, ())
            case Phase.CHECK:
                items = attempt.headers
            case Phase.UNMASK:
                items = attempt.items(Phase.CHECK)
            case Phase.RELEASED if attempt.release is not None:
                items = (attempt.release,)
            case _:
                items = ()
        if member not in attempt.expected and attempt.phase in PHASES:
            return None
        config = attempt.config
        return PhaseInput(
            round=config.round,
            attempt=config.attempt,
            phase=attempt.phase.value,
            items=items,
            reason=attempt.reason,
        )

    def submit(self, sender: PartnerId, submission: Submission) -> None:
        """Admit a submission as the real service does, and go on when everybody expected is in."""
        self.received.append((sender, encode(submission)))
        attempt = next(
            a
            for a in self.attempts
            if (a.config.round, a.config.attempt) == (submission.round, submission.attempt)
        )
        phase = Phase(submission.phase)
        earlier = attempt.messages.get((phase, sender))
        if earlier is not None:
            if earlier != submission:
                raise Equivocation(expected="the same bytes", came="other bytes", do="record it")
            return
        if attempt.phase is not phase:
            raise Refused(problem("phase-closed", 409))
        collector.check_submission(
            attempt.config, phase, submission, sender, roll=self.roll, context=self._context(attempt)
        )
        attempt.messages[phase, sender] = submission
        self._maybe_close(attempt)

    def put_vector(self, sender: PartnerId, key: tuple[int, int], body: bytes) -> None:
        """Take a masked vector, from whichever way it came."""
        self.received.append((sender, body))
        attempt = next(a for a in self.attempts if (a.config.round, a.config.attempt) == key)
        header = next(i for i in attempt.items(Phase.MASK) if i.signer == sender)
        opened = decode(InputHeader, header.body)
        for index, start in enumerate(range(0, len(body), CHUNK_BYTES)):
            collector.check_chunk(opened, index, body[start : start + CHUNK_BYTES])
        attempt.vectors.setdefault(sender, body)
        self._maybe_close(attempt)

    def put_piece(
        self, sender: PartnerId, key: tuple[int, int], offset: int, piece: bytes, sha256: bytes
    ) -> int:
        """Take a piece, as the real one does; returns how many bytes are here."""
        attempt = next(a for a in self.attempts if (a.config.round, a.config.attempt) == key)
        size = attempt.config.answer.vector_bytes
        if sha256 != hashlib.sha256(piece).digest():
            raise AssertionError("another digest than the body's")
        have = self.parts.get((sender, *key), b"")
        if offset <= len(have):
            have = have[:offset] + piece
            if len(have) == size:
                self.put_vector(sender, key, have)
            self.parts[sender, *key] = have
        return len(have)

    def close(self, attempt: Attempt) -> None:
        """The deadline of the open phase: go on with whoever is in."""
        came = [m for m in attempt.config.cohort if (attempt.phase, m) in attempt.messages]
        if attempt.phase is Phase.MASK:
            came = [m for m in came if m in attempt.vectors]
        match attempt.phase:
            case Phase.ADVERTISE:
                attempt.expected = collector.close_advertise(attempt.config, attempt.items(Phase.ADVERTISE))
            case Phase.SHARE:
                attempt.u2 = attempt.expected = collector.close_share(attempt.config, came)
            case Phase.MASK:
                attempt.headers = tuple(i for i in attempt.items(Phase.MASK) if i.signer in came)
                attempt.expected = collector.close_mask(attempt.config, attempt.headers)
            case Phase.CHECK:
                collector.close_check(attempt.config, attempt.items(Phase.CHECK))
            case Phase.UNMASK:
                self._release(attempt)
                return
        attempt.phase = PHASES[PHASES.index(attempt.phase) + 1]
        self._moved(attempt)

    def _maybe_close(self, attempt: Attempt) -> None:
        waiting = [m for m in attempt.expected if (attempt.phase, m) not in attempt.messages]
        if attempt.phase is Phase.MASK:
            waiting += [m for m in attempt.expected if m not in attempt.vectors]
        if not waiting:
            self.close(attempt)

    def _release(self, attempt: Attempt) -> None:
        settled = self._context(attempt)
        unmasking = combine(
            attempt.config, settled, attempt.items(Phase.UNMASK), bundles=attempt.items(Phase.SHARE)
        )
        size = attempt.config.answer.vector_bytes
        parts = [
            sum_chunks(
                attempt.config,
                unmasking,
                index,
                [attempt.vectors[m][start : start + CHUNK_BYTES] for m in settled.u3],
            )
            for index, start in enumerate(range(0, size, CHUNK_BYTES))
        ]
        if self.publishes_nothing:
            attempt.phase = Phase.RELEASED
            return
        total = np.concatenate(parts)
        total[-1] += self.adds_to_the_sum
        manifest = ReleaseManifest(
            consortium=CONSORTIUM,
            round=attempt.config.round,
            attempt=attempt.config.attempt,
            config=digest(attempt.config),
            answer=attempt.config.answer,
            transcript=settled.transcript,
            survivors=settled.u3,
            sum_sha256=sum_sha256([total]),
            previous=next(reversed(self.releases), NO_RELEASE),
        )
        attempt.release = self.key.sign(COORDINATOR, manifest)
        self.releases[release_id(manifest)] = (attempt.release, pack(total))
        attempt.phase = Phase.RELEASED
        self._moved(attempt)

    def _context(self, attempt: Attempt) -> collector.Context:
        return collector.context(
            attempt.config, ads=attempt.items(Phase.ADVERTISE), u2=attempt.u2, headers=attempt.headers
        )

    def _moved(self, attempt: Attempt) -> None:
        self.sequence += 1
        attempt.sequence = self.sequence

    def _found(self) -> RosterVersion:
        entries = tuple(
            RosterEntry(
                partner=m.id,
                name=m.name,
                identity_key=m.key.public,
                courier_key=COURIER_KEYS + m.id.hex().encode(),
                certificate=tagged_hash("test-certificate", m.id),
            )
            for m in self.members
        )
        return RosterVersion(
            consortium=CONSORTIUM,
            height=0,
            previous=bytes(32),
            coordinator_key=self.key.public,
            entries=entries,
            change=Change.GENESIS.value,
            subject=COORDINATOR,
        )


def problem(code: str, status: int) -> Problem:
    """A problem document of the coordinator."""
    return Problem(
        type=f"urn:altrove:problem:{code}",
        title=code,
        status=status,
        detail="",
        expected="x",
        came="y",
        do="z",
    )
