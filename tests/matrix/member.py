"""A simulated member that survives broken connections: the same bytes again, as a real node does."""

import httpx

from protocols.identity import IdentityKey
from protocols.messages import PHASES, Phase, PhaseInput, Submission
from tests.simulation.real_daemons import TlsMember


class Member(TlsMember):
    """Steps when it is polled, and keeps what it once answered."""

    def __init__(self, name: str, key: IdentityKey) -> None:
        super().__init__(name, key)
        self.kept: dict[tuple[int, int, str], tuple[Submission, ...]] = {}

    def answer_to(self, given: PhaseInput) -> tuple[Submission, ...]:
        key = (given.round, given.attempt, given.phase)
        if key not in self.kept:
            self.kept[key] = super().answer_to(given)
        return self.kept[key]

    def poll(self, only: Phase | None = None) -> Phase | None:
        """Act on what is next, or on that phase only: another one is left for the next poll."""
        before = self.after
        self.mute = set(PHASES) - {only} if only else set()
        try:
            acted = super().poll()
        except (httpx.TransportError, AssertionError):
            self.after = before
            return None
        if acted in self.mute:
            self.after = before
        return acted
