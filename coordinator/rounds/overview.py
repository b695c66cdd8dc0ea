"""Rounds as people look at them: every attempt, its phases with their seconds, who is in, what it weighed."""

from dataclasses import dataclass

from sqlalchemy import Connection

from coordinator.store.releases import Releases
from coordinator.store.rounds import OPEN, Attempt, PhaseChange, Round, Rounds
from coordinator.store.submissions import Double, Submissions, Vector
from protocols.identity import PartnerId
from protocols.messages import PHASES, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseView:
    """One phase that was opened, in unix milliseconds. ``closed_ms`` is 0 while it is open."""

    phase: Phase
    opened_ms: int
    closed_ms: int
    expected: tuple[PartnerId, ...]
    arrived: tuple[PartnerId, ...]

    def seconds(self, now_ms: int) -> float:
        """How long it lasted, or has lasted so far."""
        return max(0, (self.closed_ms or now_ms) - self.opened_ms) / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One attempt with everything that came in."""

    attempt: Attempt
    phases: tuple[PhaseView, ...]
    vectors: dict[PartnerId, Vector]
    courier_errors: dict[PartnerId, str]
    doubles: tuple[Double, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundView:
    """One round; ``release`` is empty before its release, ``sequence`` its newest phase change."""

    round: Round
    attempts: tuple[AttemptView, ...]
    release: bytes
    sequence: int

    @property
    def newest(self) -> AttemptView:
        """The attempt that counts."""
        return self.attempts[-1]


def overview(connection: Connection, number: int) -> RoundView:
    """Round ``number``.

    Raises:
        UnknownRound: there is none.
    """
    rounds = Rounds(connection)
    round_, changes = rounds.get(number), rounds.changes(number)
    release = Releases(connection).of_round(number)
    return RoundView(
        round=round_,
        attempts=tuple(_attempt(connection, attempt, changes) for attempt in rounds.attempts(number)),
        release=b"" if release is None else release.release,
        sequence=changes[-1].sequence,
    )


def overviews(connection: Connection, limit: int) -> tuple[RoundView, ...]:
    """The newest ``limit`` rounds, newest first."""
    return tuple(overview(connection, each.round) for each in Rounds(connection).all()[:limit])


def is_over(view: RoundView) -> bool:
    """Whether the round was released or failed for good."""
    return view.round.state != OPEN


def _attempt(connection: Connection, attempt: Attempt, changes: tuple[PhaseChange, ...]) -> AttemptView:
    mine = [change for change in changes if change.attempt == attempt.config.attempt]
    sent = Submissions(connection, attempt.config.round, attempt.config.attempt)
    vectors, phases = sent.vectors(), []
    for place, change in enumerate(mine):
        if change.phase in PHASES:
            arrived = sent.senders(change.phase)
            if change.phase is Phase.MASK:
                arrived &= vectors.keys()
            phases.append(
                PhaseView(
                    phase=change.phase,
                    opened_ms=change.at_ms,
                    closed_ms=mine[place + 1].at_ms if place + 1 < len(mine) else 0,
                    expected=change.recipients,
                    arrived=tuple(member for member in change.recipients if member in arrived),
                )
            )
    return AttemptView(
        attempt=attempt,
        phases=tuple(phases),
        vectors=vectors,
        courier_errors=sent.courier_errors(),
        doubles=sent.doubles(),
    )
