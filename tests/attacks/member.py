"""Members of an attacked consortium that are not under attack: they follow the protocol's machine and no policy.

That is the worst case for the node under attack: whatever a single attempt's machine lets through, these
let through. A ``forgetful`` one belongs to the attacker: it answers any phase again, as often as it is asked.
"""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from participant.entropy import encapsulate
from protocols.codec import decode, tagged_hash
from protocols.errors import WrongMembers
from protocols.identity import IdentityKey, PartnerId, Roll, Signed
from protocols.keystream import Keystream
from protocols.messages import AnswerSpec, Phase, PhaseInput, RoundConfig, Submission
from protocols.ring import Words, encode_vector, lift
from protocols.secure_sum import contributor, linear_check, linear_contributor, states
from protocols.secure_sum.linear_contributor import Armed, Opened

if TYPE_CHECKING:
    from tests.attacks.published import Published

BEFORE = {
    Phase.SHARE: Phase.ADVERTISE,
    Phase.MASK: Phase.SHARE,
    Phase.CHECK: Phase.MASK,
    Phase.UNMASK: Phase.CHECK,
}
Key = tuple[int, int]


class Member:
    """One company in memory: the contributor's functions over states by phase."""

    def __init__(
        self, me: PartnerId, key: IdentityKey, roll: Roll, number: int, *, forgetful: bool = False
    ) -> None:
        self.id = me
        self.key = key
        self.roll = roll
        self.forgetful = forgetful
        self.configs: dict[Key, RoundConfig] = {}
        self.states: dict[tuple[Key, Phase], states.State] = {}
        self.newest: dict[Key, states.State] = {}
        self.vectors: dict[Key, bytes] = {}
        self.armed: dict[Key, Armed] = {}
        self.opened: dict[Key, Opened] = {}
        self._number = number
        self._drawn = 0

    def answer(self, spec: AnswerSpec) -> npt.NDArray[np.int64]:
        """This company's true numbers, int64 fixed point: the same for every epoch."""
        return np.random.default_rng(self._number).integers(0, 900, spec.elements).astype(np.int64) << 24

    def truth(self, spec: AnswerSpec) -> Words:
        """The same as ring words: what the attacker is after."""
        return encode_vector(self.answer(spec), spec)

    def hand(self, given: PhaseInput) -> Submission:
        """Take the step of the phase; raises what the machine raises."""
        key, phase = (given.round, given.attempt), Phase(given.phase)
        if phase is Phase.ADVERTISE:
            self.configs[key] = self.open(given.items[0])
        config = self.configs[key]
        before = self._before(key, phase)
        state, items = self.step(config, phase, before, given.items)
        self.states[key, phase] = self.newest[key] = state
        return Submission(round=given.round, attempt=given.attempt, phase=given.phase, items=items)

    def open(self, signed: Signed) -> RoundConfig:
        """The configuration that the coordinator signed."""
        return decode(RoundConfig, signed.body)

    def step(
        self, config: RoundConfig, phase: Phase, before: states.State | None, items: tuple[Signed, ...]
    ) -> tuple[states.State, tuple[Signed, ...]]:
        """The next state and what is sent."""
        mine = {"key": self.key, "roll": self.roll}
        match phase:
            case Phase.ADVERTISE:
                rand = self.rand(contributor.RAND_ADVERTISE)
                state, ad = contributor.advertise(config, self.id, self.key, counter=1, rand=rand)
                return state, (ad,)
            case Phase.SHARE:
                rand = self.rand(contributor.RAND_SHARE(len(config.cohort)))
                return contributor.share(before, config, items, rand=rand, encapsulate=encapsulate, **mine)
            case Phase.MASK:
                return self._mask(config, before, items)
            case Phase.CHECK:
                rand = self.rand(contributor.RAND_CONFIRM)
                state, said = contributor.confirm(before, config, items, rand=rand, **mine)
                return state, (said,)
        state, opened = contributor.unmask(before, config, items, bound=self.bound(config), **mine)
        with suppress(WrongMembers):  # a survivor never confirmed: there will be no check
            self.armed[config.round, config.attempt] = linear_contributor.arm(before, items)
        return state, (opened,)

    def open_check(self, key: Key, release: "Published") -> Signed:
        """The fifth message: this company's rho, for a release."""
        state = self.armed[key] if self.forgetful else self.opened.get(key, self.armed[key])
        self.opened[key], signed = linear_contributor.open_rho(state, release.id, key=self.key)
        return signed

    def answer_check(self, key: Key, _release: "Published", openings: Sequence[Signed]) -> Signed:
        """The sixth message: its masked linear answer."""
        config = self.configs[key]
        words = [lift(self.truth(config.answer), config.answer.ring_bits)]
        return linear_contributor.answer(
            self.opened[key], config, openings, words, key=self.key, roll=self.roll
        )

    def judge(
        self, key: Key, release: "Published", openings: Sequence[Signed], answers: Sequence[Signed]
    ) -> None:
        """Whether the sum passes."""
        claim, config = self.opened[key].claim, self.configs[key]
        linear_check.check(claim, config, openings, answers, release.total, roll=self.roll)

    def bound(self, config: RoundConfig) -> tuple[PartnerId, ...]:
        """The survivors this answer was unmasked for before: nobody here remembers."""
        return ()

    def rand(self, count: int) -> bytes:
        """Fresh bytes, the same in every run."""
        self._drawn += 1
        seed = tagged_hash("attacked-member", self.id, self._drawn.to_bytes(8, "big"))
        return Keystream(seed).read(0, count).tobytes()

    def _before(self, key: Key, phase: Phase) -> states.State | None:
        if phase is Phase.ADVERTISE:
            return None
        return self.states[key, BEFORE[phase]] if self.forgetful else self.newest[key]

    def _mask(
        self, config: RoundConfig, before: states.State | None, items: tuple[Signed, ...]
    ) -> tuple[states.State, tuple[Signed, ...]]:
        masking = contributor.begin_mask(before, config, items, roll=self.roll)
        body = bytes(contributor.mask_chunk(masking, config, 0, self.truth(config.answer)))
        state, header = contributor.seal_input(masking, config, [sha256(body).digest()], key=self.key)
        self.vectors[config.round, config.attempt] = body
        return state, (header,)
