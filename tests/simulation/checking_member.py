"""A simulated member that goes on after the unmasking: its two messages of the linear check, true or false."""

from contextlib import suppress
from dataclasses import replace

from protocols.codec import decode, encode
from protocols.errors import WrongMembers
from protocols.identity import Signed
from protocols.messages import Phase, PhaseInput, Submission
from protocols.ring import encode_vector, lift
from protocols.secure_sum import linear_contributor
from protocols.secure_sum.linear_check import Board, LinearAnswer
from protocols.secure_sum.linear_contributor import Armed, Opened
from protocols.secure_sum.linear_function import Q
from tests.simulation.member import SimulatedMember


class CheckingMember(SimulatedMember):
    """Keeps what :func:`linear_contributor.arm` gives it; says what the test tells it to say."""

    armed: Armed
    opened: Opened

    def answer_to(self, given: PhaseInput) -> tuple[Submission, ...]:
        if given.phase == Phase.UNMASK:
            self.at = (given.round, given.attempt)
            with suppress(WrongMembers):  # a survivor never confirmed: there will be no check
                self.armed = linear_contributor.arm(self.state, given.items)
        return super().answer_to(given)

    def opening(self, release: bytes) -> Signed:
        """The fifth message."""
        self.opened, signed = linear_contributor.open_rho(self.armed, release, key=self.key)
        return signed

    def linear_answer(self, openings: tuple[Signed, ...], *, add: int = 0) -> Signed:
        """The sixth message; ``add`` makes it wrong."""
        config = self.configs[self.at]
        words = lift(encode_vector(self.answer, config.answer), config.answer.ring_bits)
        true = linear_contributor.answer(self.opened, config, openings, [words], key=self.key, roll=self.roll)
        said = decode(LinearAnswer, true.body)
        return self.key.sign(self.id, replace(said, z=(said.z + add) % Q))

    def openings(self, release: bytes) -> tuple[Signed, ...]:
        """What the board shows."""
        return decode(Board, self.get(f"/v1/releases/{release.hex()}/check/openings").content).items

    def open_check(self, release: bytes):
        return self.post(f"/v1/releases/{release.hex()}/check/openings", encode(self.opening(release)))

    def answer_check(self, release: bytes, *, add: int = 0):
        answer = self.linear_answer(self.openings(release), add=add)
        return self.post(f"/v1/releases/{release.hex()}/check/answers", encode(answer))
