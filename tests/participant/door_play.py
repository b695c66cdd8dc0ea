"""One real door among simulated peers: a whole round in milliseconds, the same at every repetition.

The peers draw their randomness from a seed, so that a round played again after a crash of the door's
process differs in nothing but what the door itself does. Run as a program it plays one round in HOME and
kills itself by SIGKILL before its STEP-th durable step:

``python -m tests.participant.door_play HOME STEP``
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, Engine

from participant import entropy
from participant.door import Door
from participant.door import exit as door_exit
from participant.door import linear as door_linear
from participant.home import Home
from participant.store.ledger import LedgerBook
from participant.store.rosters import Rosters
from participant.store.schema import open_database
from protocols.codec import encode, tagged_hash
from protocols.errors import WrongMembers
from protocols.identity import Signed
from protocols.keystream import Keystream
from protocols.ledger import Ledger
from protocols.merkle import consistency_proof
from protocols.messages import Phase, PhaseInput, RoundConfig, Submission
from protocols.policy import Policy
from protocols.ring import encode_vector, lift
from protocols.roster import roster_hash
from protocols.secure_sum import contributor, linear_contributor, states
from protocols.service import durable
from protocols.service.clock import ManualClock
from protocols.service.unit_of_work import reading, transaction
from tests.participant import asked
from tests.participant.fake_coordinator import Attempt, Company, FakeCoordinator

POLICY = Policy(
    questions=("taste",),
    minimum_cohort=3,
    customers_floor=2,
    accept_company_differencing=True,
    accept_two_expose_the_third=True,
)


class Crash(BaseException):
    """The process ends here; nothing below it may catch this."""


class Steps:
    """Counts durable steps (every fsync, and before and after every commit) and dies at one of them."""

    def __init__(self, die_at: int, die: Callable[[], None]) -> None:
        self.seen = 0
        self._die_at = die_at
        self._die = die

    def step(self) -> None:
        self.seen += 1
        if self.seen == self._die_at:
            self._die()

    def sync(self, descriptor: int) -> None:
        self.step()
        os.fsync(descriptor)
        self.step()

    @contextmanager
    def transaction(self, db: Engine) -> Iterator[Connection]:
        with transaction(db) as connection:
            yield connection
            self.step()
        self.step()

    @contextmanager
    def watching(self) -> Iterator[None]:
        durable.sync = self.sync
        door_exit.transaction = door_linear.transaction = self.transaction  # type: ignore[assignment]
        try:
            yield
        finally:
            durable.sync = os.fsync
            door_exit.transaction = door_linear.transaction = transaction


def open_door(
    root: Path,
    company: Company,
    coordinator: FakeCoordinator,
    policy: Policy = POLICY,
    clock: ManualClock | None = None,
) -> Door:
    """The door of ``company`` in ``root``, its roster in force."""
    home = Home(root=root)
    fresh = not root.exists()
    home.make()
    db = open_database(home.database)
    if fresh:
        home.switch.write_bytes(b"open")
        with transaction(db) as connection:
            Rosters(connection).put_in_force(
                height=0,
                roster_hash=roster_hash(coordinator.roster),
                body=encode(coordinator.signed_roster),
                at=asked.NOW,
            )
    door = Door(
        paths=home.door,
        db=db,
        me=company.id,
        key=company.key,
        policy=policy,
        clock=clock or ManualClock(asked.NOW),
        entropy=entropy.random_bytes,
        encapsulate=entropy.encapsulate,
    )
    door.recover()
    return door


def silence(_block: int, _start: int, count: int) -> np.ndarray:
    """The noise of the peers: none, so that what the door adds can be seen."""
    return np.zeros(count, dtype=np.int64)


class Peer:
    """A simulated member: the contributor's functions over states in memory."""

    def __init__(self, company: Company, coordinator: FakeCoordinator, number: int) -> None:
        self.company = company
        self._coordinator = coordinator
        self._answer = asked.answer(number)
        self._states: dict[tuple[int, int], states.State] = {}
        self._sent: dict[tuple[int, int, str], Submission] = {}

    def act(self, attempt: Attempt, given: PhaseInput) -> Submission:
        """What this member submits; the same again when asked again."""
        at = (given.round, given.attempt, given.phase)
        if at not in self._sent:
            self._sent[at] = self._step(attempt, given)
        return self._sent[at]

    def _step(self, attempt: Attempt, given: PhaseInput) -> Submission:
        config, key, roll = attempt.config, self.company.key, self._coordinator.roll
        at = (config.round, config.attempt)
        phase = Phase(given.phase)
        if phase is Phase.ADVERTISE:
            rand = self._rand(config, phase, contributor.RAND_ADVERTISE)
            state, message = contributor.advertise(config, self.company.id, key, counter=1, rand=rand)
            items: tuple[Signed, ...] = (message,)
        elif phase is Phase.SHARE:
            rand = self._rand(config, phase, contributor.RAND_SHARE(len(config.cohort)))
            state, items = contributor.share(
                self._states[at],
                config,
                given.items,
                key=key,
                roll=roll,
                rand=rand,
                encapsulate=entropy.encapsulate,
            )
        elif phase is Phase.MASK:
            masking = contributor.begin_mask(self._states[at], config, given.items, roll=roll)
            words = encode_vector(self._answer, config.answer, silence)
            body = bytes(contributor.mask_chunk(masking, config, 0, words))
            state, message = contributor.seal_input(masking, config, [sha256(body).digest()], key=key)
            items = (message,)
            attempt.vectors[self.company.id] = body
        elif phase is Phase.CHECK:
            rand = self._rand(config, phase, contributor.RAND_CONFIRM)
            state, message = contributor.confirm(
                self._states[at], config, given.items, key=key, roll=roll, rand=rand
            )
            items = (message,)
        else:
            with suppress(WrongMembers):  # a survivor did not confirm
                self._armed = linear_contributor.arm(self._states[at], given.items)
            state, message = contributor.unmask(
                self._states[at], config, given.items, key=key, roll=roll, bound=()
            )
            items = (message,)
        self._states[at] = state
        return Submission(round=config.round, attempt=config.attempt, phase=given.phase, items=items)

    def opening(self, release: bytes) -> Signed:
        """The fifth message, for the attempt that was unmasked last."""
        self._opened, signed = linear_contributor.open_rho(self._armed, release, key=self.company.key)
        return signed

    def linear_answer(self, config: RoundConfig, openings: Sequence[Signed]) -> Signed:
        """The sixth message."""
        words = lift(encode_vector(self._answer, config.answer, silence), config.answer.ring_bits)
        key, roll = self.company.key, self._coordinator.roll
        return linear_contributor.answer(self._opened, config, openings, [words], key=key, roll=roll)

    def _rand(self, config: RoundConfig, phase: Phase, count: int) -> bytes:
        purpose = f"{config.round}-{config.attempt}-{phase.value}".encode()
        return Keystream(tagged_hash("peer", self.company.seed, purpose)).read(0, count).tobytes()


class Play:
    """A coordinator, peers, and the place of one company whose door is under test."""

    def __init__(self, root: Path, members: int = 4, policy: Policy = POLICY) -> None:
        self.coordinator, self.companies, _ = asked.consortium(members)
        self.me = self.companies[1]
        self.root = root
        self._policy = policy
        self.peers = [
            Peer(company, self.coordinator, number)
            for number, company in enumerate(self.companies)
            if company is not self.me
        ]
        self.own = asked.answer(1)
        self.at_cap = False
        self.clock = ManualClock(asked.NOW)
        self.door = self.reopen()

    def reopen(self) -> Door:
        """The door as a new process finds it."""
        self.door = open_door(self.root, self.me, self.coordinator, self._policy, self.clock)
        return self.door

    def ask(self, epoch: str = "e1", noise: str = "") -> Attempt:
        count = len(self.companies)
        spec = asked.noised(count, epoch=epoch, noise=noise) if noise else asked.taste(count, epoch=epoch)
        return self.coordinator.ask(spec)

    def peers_act(self, attempt: Attempt, *, without: frozenset[int] = frozenset()) -> None:
        """Every peer but those in ``without`` submits for the phase that is open."""
        for number, peer in enumerate(self.peers):
            given = self.coordinator.given(attempt, peer.company.id)
            if given is not None and number not in without:
                self.coordinator.submit(peer.company.id, peer.act(attempt, given))

    def given(self, attempt: Attempt) -> PhaseInput:
        found = self.coordinator.given(attempt, self.me.id)
        if found is None:
            raise LookupError(attempt.phase)
        return found

    def door_acts(self, attempt: Attempt, send: Callable[[str, bytes], None] = lambda *_: None) -> Submission:
        """The door answers the phase that is open; what leaves goes through ``send`` first."""
        given = self.given(attempt)
        phase = Phase(given.phase)
        if phase is Phase.ADVERTISE:
            config = attempt.config
            proof = consistency_proof(self.coordinator.log[: config.audit_size], self.seen_size())
            made = self.door.advertise(
                given.items[0], vocabulary=asked.WORDS, proof=proof, customers=9, at_cap=self.at_cap
            )
        else:
            if phase is Phase.MASK:
                self.door.seal(given.round, given.attempt, self.own, at_cap=self.at_cap)
            made = self.door.answer(given)
        send(phase.value, encode(made))
        if phase is Phase.MASK:
            body = b"".join(self.door.piece(given.round, given.attempt).read())
            send("masked-vector", body)
            self.coordinator.submit(self.me.id, made)
            self.coordinator.put_vector(self.me.id, (given.round, given.attempt), body)
        else:
            self.coordinator.submit(self.me.id, made)
        return made

    def seen_size(self) -> int:
        with transaction(self.door._db) as connection:
            return min(Rosters(connection).seen().size, self.coordinator.attempts[-1].config.audit_size)

    def finish(self, attempt: Attempt, send: Callable[[str, bytes], None] = lambda *_: None) -> None:
        """Play the phases that are left."""
        while attempt.phase not in (Phase.RELEASED, Phase.ABORTED):
            self.peers_act(attempt)
            self.door_acts(attempt, send)

    def expected(self, own: np.ndarray | None = None) -> np.ndarray:
        """The plain sum of all companies, in ring units; ``own`` as it was sealed, where it has noise."""
        spec = self.coordinator.attempts[-1].config.answer
        rows = [encode_vector(p._answer, spec, silence).astype(np.int64) for p in self.peers]
        if own is None:
            own = encode_vector(self.own, spec, silence)
        return sum(rows, own.astype(np.int64))

    def ledger(self) -> Ledger:
        """The debits that stand."""
        with reading(self.door._db) as connection:
            return LedgerBook(connection).standing()


def main(root: Path, die_at: int) -> None:
    """Play one round in ``root``; what leaves is logged, unbuffered, before it counts as sent."""
    log = os.open(root.with_suffix(".sent"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def send(kind: str, body: bytes) -> None:
        os.write(log, f"{kind} {sha256(body).hexdigest()}\n".encode())

    play = Play(root)
    steps = Steps(die_at, lambda: os.kill(os.getpid(), signal.SIGKILL))
    with steps.watching():
        play.finish(play.ask(noise="2.45"), send)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
