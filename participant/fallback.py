"""When to send a masked vector over the API because the courier may be silent.

The courier is given a while for each piece; once that has passed, or a share of what is left of the phase,
the same sealed bytes go over the coordinator's API, from where the courier left them. Whether the courier succeeded is known only when the next
phase arrives, so a vector that it fetched is still sent at the later of the two moments.
"""

from dataclasses import dataclass
from typing import Final

AGAIN_S: Final = 2.0
"""Pause before a vector that was refused is sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """``after_s`` without a courier at the door; ``share`` of the phase's remaining time at most."""

    after_s: float
    share: float


class Fallbacks:
    """Vectors that wait for a courier, by (round, attempt). Times are monotonic seconds."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._due: dict[tuple[int, int], _Due] = {}

    def without_courier(self) -> None:
        """There is no courier to wait for: every vector goes over the API at once."""
        self._patience = Patience(after_s=0.0, share=self._patience.share)

    def expect(self, key: tuple[int, int], *, now_s: float, left_s: float) -> None:
        """A vector is ready at ``now_s`` and its phase closes ``left_s`` seconds later."""
        latest = now_s + max(0.0, left_s) * self._patience.share
        self._due[key] = _Due(early=min(now_s + self._patience.after_s, latest), late=latest, fetched=False)

    def fetched(self, key: tuple[int, int], *, now_s: float, is_last: bool) -> None:
        """The courier took a piece of the vector: it is given a while again for the next one.

        With the last piece it gets until the later moment to deliver the whole.
        """
        due = self._due.get(key)
        if due is not None:
            early = min(now_s + self._patience.after_s, due.late)
            self._due[key] = _Due(early=early, late=due.late, fetched=is_last)

    def was_fetched(self, key: tuple[int, int]) -> bool:
        """Whether the courier took this vector at the door."""
        due = self._due.get(key)
        return due is not None and due.fetched

    def again(self, key: tuple[int, int], *, now_s: float) -> None:
        """The vector was refused or lost on its way: send the same bytes again in a while."""
        at = now_s + AGAIN_S
        self._due[key] = _Due(early=at, late=at, fetched=False)

    def settled(self, key: tuple[int, int]) -> None:
        """The vector arrived, or its attempt is over."""
        self._due.pop(key, None)

    def ready(self, now_s: float) -> tuple[tuple[int, int], ...]:
        """Vectors to send now."""
        return tuple(key for key, due in self._due.items() if due.at <= now_s)

    def next_in_s(self, now_s: float) -> float | None:
        """Seconds until the next vector is due, or None."""
        return min((max(0.0, due.at - now_s) for due in self._due.values()), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    early: float
    late: float
    fetched: bool

    @property
    def at(self) -> float:
        return self.late if self.fetched else self.early
