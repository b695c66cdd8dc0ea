"""The pure stand: a node made of the functions of ``protocols``, with a memory of its own; no storage, no network.

It asks the same functions in the same order as ``participant.door`` does. Four rules are not in ``protocols`` and are
written here once more: ``_once_a_phase``, ``_state_before``, ``_close_earlier`` and ``_no_rollback``. What those refuse
shows that the rule is enough; that the product has it, the live stand shows.
"""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from protocols import history
from protocols import policy as policies
from protocols import release as releases
from protocols.codec import decode, encode
from protocols.errors import AltroveError, Equivocation, IllegalMove, MalformedMessage, RolledBack
from protocols.history import Seen
from protocols.identity import PartnerId, Signed
from protocols.limits import CLOCK_SKEW_S, DELIVERY_BYTES
from protocols.messages import Phase, PhaseInput, RoundConfig, Submission
from protocols.policy import Policy
from protocols.questions import check_answer
from protocols.roster import RosterVersion, check_genesis, check_successor, roll, roster_hash
from protocols.secure_sum import contributor, states
from protocols.secure_sum.attempts import open_config
from tests.attacks.attack import Refused
from tests.attacks.hostile import Hostile
from tests.attacks.member import Key, Member
from tests.attacks.published import Published
from tests.attacks.scene import POLICIES, Scene
from tests.participant import asked
from tests.participant.fake_coordinator import Company


def scene(policy: str) -> Scene:
    """A fresh consortium whose node under attack is pure."""
    coordinator = Hostile(asked.WORDS, now=asked.NOW)
    node = PureNode(coordinator.companies[1], coordinator, POLICIES[policy])
    numbers = count(1)
    return Scene(coordinator, node, names=lambda: f"epoch {next(numbers)}")


class PureNode(Member):
    """The machine of one company with its policy and what it remembers between attempts."""

    def __init__(self, company: Company, coordinator: Hostile, policy: Policy) -> None:
        super().__init__(company.id, company.key, {}, 1)
        self._coordinator = coordinator
        self._policy = policy
        self._roster = check_genesis(coordinator.chain[0])
        self._pinned = [roster_hash(self._roster)]
        self._log = (0, bytes(32))
        self._first: dict[int, RoundConfig] = {}
        self._last: Key = (0, 0)
        self._sent: dict[tuple[Key, Phase], tuple[bytes, Submission]] = {}
        self._bound: dict[bytes, tuple[PartnerId, ...]] = {}

    def hand(self, given: PhaseInput) -> Submission:
        key = (given.round, given.attempt)
        try:
            return self._act(key, Phase(given.phase), given)
        except AltroveError as error:
            if not isinstance(error, Equivocation):
                self._close(key)
            raise Refused(error.code, str(error)) from error

    def hand_bytes(self, body: bytes, **_headers: str) -> None:
        try:
            given = decode(PhaseInput, body, limit=DELIVERY_BYTES)
        except AltroveError as error:
            raise Refused(error.code, str(error)) from error
        self.hand(given)

    def open_check(self, key: Key, release: Published) -> Signed:
        return _or_refuse(self._open_check, key, release)

    def answer_check(self, key: Key, release: Published, openings: Sequence[Signed]) -> Signed:
        return _or_refuse(super().answer_check, key, release, openings)

    def judge(
        self, key: Key, release: Published, openings: Sequence[Signed], answers: Sequence[Signed]
    ) -> None:
        _or_refuse(super().judge, key, release, openings, answers)

    def restart(self) -> None:
        """Only what can be stored survives."""
        for kept in (self.newest, self.armed, self.opened):
            kept.update({key: decode(type(state), encode(state)) for key, state in kept.items()})

    def bound(self, config: RoundConfig) -> tuple[PartnerId, ...]:
        return self._bound.get(config.answer_id, ())

    def _open_check(self, key: Key, release: Published) -> Signed:
        """What is decided before the fifth message."""
        opened = releases.open_release(release.signed, release.payload, self.roll)
        state = self.newest[key]
        if not isinstance(state, states.Unmasked):
            raise IllegalMove(expected="an attempt that was unmasked", came=state.TAG, do="look on")
        releases.check_manifest(opened.manifest, self.configs[key], state.transcript, state.survivors)
        return super().open_check(key, release)

    def _act(self, key: Key, phase: Phase, given: PhaseInput) -> Submission:
        came = b"".join(sorted(encode(item) for item in given.items))
        earlier = self._once_a_phase(key, phase, came)
        if earlier is not None:
            return earlier
        if phase is Phase.ADVERTISE:
            config = self._accept(given.items)
            before = None
            self.configs[key] = config
        else:
            config = self._open_attempt(key)
            before = self._state_before(key, phase)
        state, items = self.step(config, phase, before, given.items)
        if phase is Phase.CHECK:
            self._judge(config, state.survivors)
        if phase is Phase.UNMASK:
            self._judge_differencing(config, state.survivors)
            self._bound.setdefault(config.answer_id, state.survivors)
        self.states[key, phase] = self.newest[key] = state
        sent = Submission(round=key[0], attempt=key[1], phase=phase.value, items=items)
        self._sent[key, phase] = (came, sent)
        return sent

    def _accept(self, items: tuple[Signed, ...]) -> RoundConfig:
        """Everything that is decided before the first message."""
        if len(items) != 1:
            raise MalformedMessage(expected="one configuration", came=f"{len(items)}", do="refuse it")
        self._refresh()
        config = open_config(items[0], self.roll)
        policies.check_config(self._policy, config, len(self._roster.entries))
        check_answer(config.answer, asked.WORDS, len(config.cohort))
        self._check_number(config)
        seen = Seen(
            roster_height=self._roster.height,
            roster_hash=roster_hash(self._roster),
            audit_size=self._log[0],
            audit_head=self._log[1] if self._log[0] else _EMPTY_LOG,
        )
        proof = self._coordinator.consistency(*sorted((seen.audit_size, config.audit_size)))
        seen = history.check_seen(config, seen, proof)
        bound = self.bound(config)
        if not set(bound) <= set(config.cohort):
            history.check_once(config.cohort, bound)
        self._log = (seen.audit_size, seen.audit_head)
        self._close_earlier()
        self._first.setdefault(config.round, config)
        self._last = (config.round, config.attempt)
        return config

    def _check_number(self, config: RoundConfig) -> None:
        if config.round not in self._first or self._last[0] > config.round:
            history.check_order(config, self._last[0] + 1, 0)
            return
        history.check_order(config, *self._last)
        history.check_retry(self._first[config.round], config)

    def _state_before(self, key: Key, _phase: Phase) -> states.State:
        """The state that is left: a phase that was taken cannot be taken again."""
        return self.newest[key]

    def _open_attempt(self, key: Key) -> RoundConfig:
        if key not in self.newest:
            raise IllegalMove(expected="an attempt accepted before", came=f"{key}", do="let it pass")
        config = self.configs[key]
        if self._coordinator.now > config.deadlines[-1] + CLOCK_SKEW_S:
            raise IllegalMove(expected="an answer in time", came="one too late", do="let it end")
        return config

    def _judge(self, config: RoundConfig, survivors: tuple[PartnerId, ...]) -> None:
        policies.check_survivors(self._policy, config, survivors)
        history.check_once(survivors, self.bound(config) or None)
        self._judge_differencing(config, survivors)

    def _judge_differencing(self, config: RoundConfig, survivors: tuple[PartnerId, ...]) -> None:
        others = [bound for answer, bound in self._bound.items() if answer != config.answer_id]
        policies.check_differencing(self._policy, survivors, others, members=len(self._roster.entries))

    def _once_a_phase(self, key: Key, phase: Phase, came: bytes) -> Submission | None:
        earlier = self._sent.get((key, phase))
        if earlier is None:
            return None
        if earlier[0] != came:
            raise Equivocation(expected="the same question", came="another", do="keep both as evidence")
        return earlier[1]

    def _close_earlier(self) -> None:
        for key in self.newest:
            self._close(key)

    def _close(self, key: Key) -> None:
        state = self.newest.get(key)
        if state is not None and not isinstance(state, states.Closed | states.Unmasked):
            self.newest[key] = contributor.close(state)

    def _refresh(self) -> None:
        """Verify the chain that is shown, and follow it if it contains what was pinned before."""
        shown = self._coordinator.shown
        version = check_genesis(shown[0])
        versions = [version]
        for signed in shown[1:]:
            version = check_successor(version, signed)
            versions.append(version)
        self._no_rollback(versions)
        self._pinned = [roster_hash(each) for each in versions]
        self._roster, self.roll = version, roll(version)

    def _no_rollback(self, versions: list[RosterVersion]) -> None:
        hashes = [roster_hash(each) for each in versions]
        if hashes[: len(self._pinned)] != self._pinned:
            raise RolledBack(expected="the chain seen before", came="another", do="keep both as evidence")


def _or_refuse(step: Callable[..., Any], *given: object) -> Any:
    try:
        return step(*given)
    except AltroveError as error:
        raise Refused(error.code, str(error)) from error


_EMPTY_LOG = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
