"""What the coordinator's console shows, as values, and where it gets them from.

The store implements :class:`ConsoleView`; the pages know nothing else of the daemon.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class MemberState(StrEnum):
    """How far a member is."""

    INVITED = "invited"
    JOINED = "joined"
    ACTIVE = "active"
    REMOVED = "removed"


class PhaseState(StrEnum):
    """How far one phase of an attempt is."""

    WAITING = "waiting"
    OPEN = "open"
    DONE = "done"
    FAILED = "failed"


class RoundState(StrEnum):
    """How far a round is."""

    RUNNING = "running"
    RELEASED = "released"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consortium:
    """The consortium as a whole. Hashes are hex; ``roster_hash`` is empty before the founding."""

    name: str
    consortium: str
    roster_height: int
    roster_hash: str
    vocabulary_name: str
    vocabulary_size: int
    audit_size: int
    audit_root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member. ``partner`` is its id in hex; times are unix seconds, 0 where it never happened."""

    partner: str
    name: str
    state: MemberState
    approved_roster: bool
    joined_at: int
    last_seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseProgress:
    """One phase of the attempt shown: who has sent its message, how long it took, what it weighed.

    ``phase`` is a value of ``protocols.messages.Phase``; ``done`` and ``expected`` are partner ids
    in hex; ``seconds`` counts on while the phase is open and is 0 before it.
    """

    phase: str
    state: PhaseState
    done: tuple[str, ...]
    expected: tuple[str, ...]
    seconds: float
    bytes_up: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round at its newest attempt. ``cause`` and ``next_step`` are empty unless it aborted."""

    round: int
    attempt: int
    question: str
    sentence: str
    state: RoundState
    opened_at: int
    closed_at: int
    cohort: tuple[str, ...]
    threshold: int
    minimum_cohort: int
    elements: int
    vector_bytes: int
    phases: tuple[PhaseProgress, ...]
    differentially_private: bool
    release: str
    cause: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release. ``survivors`` are the members whose answers are in the sum (partner ids, hex).

    ``looked_at`` counts voters by what they say they did to know that the numbers are the sum; ``checked`` is how
    many survivors have answered in the linear check, -1 where there is none.
    """

    release: str
    round: int
    attempt: int
    question: str
    at: int
    survivors: tuple[str, ...]
    cohort: tuple[str, ...]
    votes_for: int
    votes_against: int
    differentially_private: bool
    looked_at: tuple[tuple[str, int], ...] = ()
    checked: int = -1


class ConsoleView(Protocol):
    """Everything that the console reads; each call is one short read transaction."""

    def consortium(self) -> Consortium:
        """The consortium, its roster and audit log."""
        ...

    def members(self) -> tuple[Member, ...]:
        """All members in roster order, then those who only joined, then removed ones."""
        ...

    def round(self, number: int) -> Round:
        """Round ``number``.

        Raises:
            UnknownRound: there is none.
        """
        ...

    def rounds(self, limit: int) -> tuple[Round, ...]:
        """The newest ``limit`` rounds, newest first."""
        ...

    def releases(self, limit: int) -> tuple[Release, ...]:
        """The newest ``limit`` releases, newest first."""
        ...

    def now(self) -> int:
        """Unix seconds of the coordinator's clock."""
        ...
