"""Repository of rounds, their attempts and their phase changes."""

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection, Row, func, insert, select, update

from coordinator.errors import UnknownRound
from coordinator.store.member_sets import pack, unpack
from coordinator.store.round_tables import attempts, phase_changes, rounds
from protocols.codec import decode, encode
from protocols.identity import PartnerId, Signed
from protocols.messages import Phase, RoundConfig

OPEN = "open"
RELEASED = "released"
FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One question put to one cohort. ``phase_seconds``: how long each of the five phases may last."""

    round: int
    question: str
    description: str
    retries_left: int
    phase_seconds: tuple[int, ...]
    state: str
    asked_at: int
    ended_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at a round: its signed configuration, where it stands, and why it ended."""

    signed: Signed
    config: RoundConfig
    config_hash: bytes
    phase: Phase
    expected: tuple[PartnerId, ...]
    u1: tuple[PartnerId, ...] = ()
    u2: tuple[PartnerId, ...] = ()
    u3: tuple[PartnerId, ...] = ()
    cause: str = ""
    reason: str = ""
    blamed: tuple[PartnerId, ...] = ()
    next_step: str = ""

    @property
    def takes_vectors(self) -> bool:
        """Masked vectors may still come: its masking phase is open or yet to open."""
        return self.phase in (Phase.ADVERTISE, Phase.SHARE, Phase.MASK)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChange:
    """One step of one attempt, at unix milliseconds. ``sequence`` orders all steps of all rounds, without end."""

    sequence: int
    round: int
    attempt: int
    phase: Phase
    at_ms: int
    recipients: tuple[PartnerId, ...]
    reason: str


class Rounds:
    """Reads and writes rounds, attempts and phase changes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def next_number(self) -> int:
        """The number of the next round: one more than the highest ever used."""
        highest = self._connection.execute(select(func.max(rounds.c.round))).scalar_one()
        return 1 if highest is None else int(highest) + 1

    def add(self, value: Round) -> None:
        """Store a new round."""
        self._connection.execute(
            insert(rounds).values(
                round=value.round,
                question=value.question,
                description=value.description,
                retries_left=value.retries_left,
                phase_seconds=" ".join(map(str, value.phase_seconds)),
                state=value.state,
                asked_at=value.asked_at,
            )
        )

    def get(self, number: int) -> Round:
        """Round ``number``.

        Raises:
            UnknownRound: there is none.
        """
        row = self._connection.execute(select(rounds).where(rounds.c.round == number)).first()
        if row is None:
            raise UnknownRound(
                expected="the number of a round",
                came=str(number),
                do="choose one of those that `rounds` and the console list",
            )
        return _round(row)

    def all(self) -> tuple[Round, ...]:
        """Every round, newest first."""
        return tuple(map(_round, self._connection.execute(select(rounds).order_by(rounds.c.round.desc()))))

    def open(self) -> tuple[Round, ...]:
        """Rounds that are not over, oldest first."""
        query = select(rounds).where(rounds.c.state == OPEN).order_by(rounds.c.round)
        return tuple(map(_round, self._connection.execute(query)))

    def end(self, number: int, state: str, now: int) -> None:
        """Close a round as released or failed."""
        self._connection.execute(
            update(rounds).where(rounds.c.round == number).values(state=state, ended_at=now)
        )

    def spend_retry(self, number: int) -> None:
        """One automatic retry less."""
        self._connection.execute(
            update(rounds).where(rounds.c.round == number).values(retries_left=rounds.c.retries_left - 1)
        )

    def add_attempt(self, attempt: Attempt) -> None:
        """Store a new attempt."""
        self._connection.execute(
            insert(attempts).values(
                round=attempt.config.round,
                attempt=attempt.config.attempt,
                config=encode(attempt.signed),
                config_hash=attempt.config_hash,
                phase=str(attempt.phase),
                expected=pack(attempt.expected),
                u1=b"",
                u2=b"",
                u3=b"",
                cause="",
                reason="",
                blamed=b"",
                next_step="",
            )
        )

    def attempt(self, number: int, attempt: int) -> Attempt:
        """One attempt.

        Raises:
            UnknownRound: there is none.
        """
        query = select(attempts).where(attempts.c.round == number, attempts.c.attempt == attempt)
        row = self._connection.execute(query).first()
        if row is None:
            raise UnknownRound(
                expected="a round and an attempt that exist",
                came=f"{number}.{attempt}",
                do="list them with `rounds`",
            )
        return _attempt(row)

    def attempts(self, number: int) -> tuple[Attempt, ...]:
        """All attempts at a round, in order."""
        query = select(attempts).where(attempts.c.round == number).order_by(attempts.c.attempt)
        return tuple(map(_attempt, self._connection.execute(query)))

    def move(self, attempt: Attempt, now_ms: int, recipients: tuple[PartnerId, ...]) -> int:
        """Store where ``attempt`` now stands and note the change; returns its sequence number.

        A phase entered twice breaks the unique key: whoever comes second rolls back.
        """
        here = (attempts.c.round == attempt.config.round, attempts.c.attempt == attempt.config.attempt)
        self._connection.execute(
            update(attempts)
            .where(*here)
            .values(
                phase=str(attempt.phase),
                expected=pack(attempt.expected),
                u1=pack(attempt.u1),
                u2=pack(attempt.u2),
                u3=pack(attempt.u3),
                cause=attempt.cause,
                reason=attempt.reason,
                blamed=pack(attempt.blamed),
                next_step=attempt.next_step,
            )
        )
        entry = (
            insert(phase_changes)
            .values(
                round=attempt.config.round,
                attempt=attempt.config.attempt,
                phase=str(attempt.phase),
                at_ms=now_ms,
                recipients=pack(recipients),
                reason=attempt.reason,
            )
            .returning(phase_changes.c.sequence)
        )
        return int(self._connection.execute(entry).scalar_one())

    def changes(self, number: int) -> tuple[PhaseChange, ...]:
        """Every phase change of a round, in order."""
        query = (
            select(phase_changes).where(phase_changes.c.round == number).order_by(phase_changes.c.sequence)
        )
        return tuple(map(_change, self._connection.execute(query)))

    def newest_changes(self, after: int) -> tuple[PhaseChange, ...]:
        """The newest change of each round, where that is later than ``after``, in order."""
        newest = select(func.max(phase_changes.c.sequence).label("sequence")).group_by(phase_changes.c.round)
        query = select(phase_changes).where(
            phase_changes.c.sequence.in_(newest), phase_changes.c.sequence > after
        )
        return tuple(map(_change, self._connection.execute(query.order_by(phase_changes.c.sequence))))


def _round(row: Row[tuple[object, ...]]) -> Round:
    return Round(
        round=row.round,
        question=row.question,
        description=row.description,
        retries_left=row.retries_left,
        phase_seconds=tuple(map(int, row.phase_seconds.split())),
        state=row.state,
        asked_at=row.asked_at,
        ended_at=row.ended_at or 0,
    )


@lru_cache(maxsize=8)
def _opened(stored: bytes) -> tuple[Signed, RoundConfig]:
    """A stored configuration, decoded once: every submission asks for it, and it has a line for every member."""
    signed = decode(Signed, stored)
    return signed, decode(RoundConfig, signed.body)


def _attempt(row: Row[tuple[object, ...]]) -> Attempt:
    signed, config = _opened(row.config)
    return Attempt(
        signed=signed,
        config=config,
        config_hash=row.config_hash,
        phase=Phase(row.phase),
        expected=unpack(row.expected),
        u1=unpack(row.u1),
        u2=unpack(row.u2),
        u3=unpack(row.u3),
        cause=row.cause,
        reason=row.reason,
        blamed=unpack(row.blamed),
        next_step=row.next_step,
    )


def _change(row: Row[tuple[object, ...]]) -> PhaseChange:
    return PhaseChange(
        sequence=row.sequence,
        round=row.round,
        attempt=row.attempt,
        phase=Phase(row.phase),
        at_ms=row.at_ms,
        recipients=unpack(row.recipients),
        reason=row.reason,
    )
