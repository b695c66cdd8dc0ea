"""Repository of what members sent: messages, equivocations, masked vectors, courier errors."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, insert, select

from coordinator.store.round_tables import courier_errors, equivocations, messages, vectors
from protocols.codec import decode
from protocols.identity import PartnerId
from protocols.messages import Phase, Submission

LATE = "advertised-late"
"""Stands for the phase of an advertisement that came when its phase was over: it counts for nothing in the sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One submission as it came. ``body`` are its canonical bytes, ``sha256`` their hash."""

    partner: PartnerId
    phase: Phase
    sha256: bytes
    body: bytes
    at: int

    @property
    def submission(self) -> Submission:
        """The decoded submission."""
        return decode(Submission, self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Double:
    """An equivocation: two validly signed submissions of one member for one phase."""

    round: int
    attempt: int
    partner: PartnerId
    phase: Phase
    first: bytes
    second: bytes
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """A masked vector that is whole and verified in the spool; ``route`` is ``dock`` or ``upload``."""

    partner: PartnerId
    route: str
    size_bytes: int
    at: int


class Submissions:
    """Reads and writes what members sent for one attempt."""

    def __init__(self, connection: Connection, number: int, attempt: int) -> None:
        self._connection = connection
        self._at = {"round": number, "attempt": attempt}

    def find(self, partner: PartnerId, phase: Phase) -> Stored | None:
        """What ``partner`` sent for ``phase``, or None."""
        query = select(messages).where(self._of(messages, partner), messages.c.phase == str(phase))
        row = self._connection.execute(query).first()
        return None if row is None else _stored(row)

    def add(self, stored: Stored) -> None:
        """Keep a verified submission; a second one of the phase breaks the primary key."""
        self._connection.execute(
            insert(messages).values(
                **self._at,
                partner=stored.partner,
                phase=str(stored.phase),
                sha256=stored.sha256,
                submission=stored.body,
                at=stored.at,
            )
        )

    def add_late(self, stored: Stored) -> None:
        """Keep an advertisement that came too late, once a member: a restored node counts by it."""
        late = messages.c.phase == LATE
        query = select(messages.c.at).where(self._of(messages, stored.partner), late)
        if self._connection.execute(query).first() is None:
            values = {"sha256": stored.sha256, "submission": stored.body, "at": stored.at}
            self._connection.execute(
                insert(messages).values(**self._at, partner=stored.partner, phase=LATE, **values)
            )

    def late(self, partner: PartnerId) -> Submission | None:
        """The advertisement of ``partner`` that came too late, or None."""
        query = select(messages.c.submission).where(self._of(messages, partner), messages.c.phase == LATE)
        found = self._connection.execute(query).scalar()
        return None if found is None else decode(Submission, found)

    def of_phase(self, phase: Phase) -> tuple[Stored, ...]:
        """Everything sent for ``phase``, in order of the senders' ids."""
        query = select(messages).where(self._of(messages), messages.c.phase == str(phase))
        return tuple(sorted(map(_stored, self._connection.execute(query)), key=lambda stored: stored.partner))

    def one_by_one(self, phase: Phase) -> Iterator[Stored]:
        """The same, with one submission in memory at a time: all sealed shares of a cohort are n squared."""
        for partner in sorted(self.senders(phase)):
            found = self.find(partner, phase)
            if found is not None:
                yield found

    def senders(self, phase: Phase) -> frozenset[PartnerId]:
        """Who has sent something for ``phase``; reads no bodies."""
        query = select(messages.c.partner).where(self._of(messages), messages.c.phase == str(phase))
        return frozenset(PartnerId(partner) for partner in self._connection.execute(query).scalars())

    def add_double(self, first: Stored, second: Stored) -> bool:
        """Keep both signed submissions as evidence; False where the member's phase has a pair already.

        One pair proves all that there is to prove, and a member could send pairs without end.
        """
        query = select(equivocations.c.at).where(
            self._of(equivocations, second.partner), equivocations.c.phase == str(second.phase)
        )
        if self._connection.execute(query).first() is not None:
            return False
        self._connection.execute(
            insert(equivocations).values(
                **self._at,
                partner=second.partner,
                phase=str(second.phase),
                sha256=second.sha256,
                first=first.body,
                second=second.body,
                at=second.at,
            )
        )
        return True

    def doubles(self) -> tuple[Double, ...]:
        """Every equivocation of this attempt."""
        rows = self._connection.execute(select(equivocations).where(self._of(equivocations)))
        return tuple(
            Double(
                round=row.round,
                attempt=row.attempt,
                partner=PartnerId(row.partner),
                phase=Phase(row.phase),
                first=row.first,
                second=row.second,
                at=row.at,
            )
            for row in rows.all()
        )

    def add_vector(self, vector: Vector) -> None:
        """Note a vector that is durable in the spool."""
        self._connection.execute(
            insert(vectors).values(
                **self._at,
                partner=vector.partner,
                route=vector.route,
                bytes=vector.size_bytes,
                at=vector.at,
            )
        )

    def vectors(self) -> dict[PartnerId, Vector]:
        """The verified vectors of this attempt."""
        rows = self._connection.execute(select(vectors).where(self._of(vectors)))
        return {
            PartnerId(row.partner): Vector(
                partner=PartnerId(row.partner),
                route=row.route,
                size_bytes=row.bytes,
                at=row.at,
            )
            for row in rows
        }

    def add_courier_error(self, partner: PartnerId, code: str, reason: str, now: int) -> None:
        """Note what Flower said; it decides nothing by itself."""
        self._connection.execute(
            insert(courier_errors).values(**self._at, partner=partner, code=code, reason=reason, at=now)
        )

    def courier_errors(self) -> dict[PartnerId, str]:
        """The last courier error of each member."""
        query = select(courier_errors).where(self._of(courier_errors)).order_by(courier_errors.c.id)
        return {
            PartnerId(row.partner): f"{row.code}: {row.reason}" for row in self._connection.execute(query)
        }

    def _of(self, table: Table, partner: PartnerId | None = None) -> ColumnElement[bool]:
        here = [table.c[name] == value for name, value in self._at.items()]
        if partner is not None:
            here.append(table.c.partner == partner)
        return and_(*here)


def advertised_by(
    connection: Connection, partner: PartnerId, *, after: tuple[int, int], limit: int
) -> tuple[tuple[int, int], ...]:
    """(round, attempt) of the attempts after ``after`` in which ``partner`` advertised, in time or late, in order."""
    at = (messages.c.round, messages.c.attempt)
    later = (at[0] > after[0]) | ((at[0] == after[0]) & (at[1] > after[1]))
    query = (
        select(*at)
        .where(messages.c.partner == partner, messages.c.phase.in_((str(Phase.ADVERTISE), LATE)), later)
        .order_by(*at)
        .limit(limit)
    )
    return tuple((row.round, row.attempt) for row in connection.execute(query))


def _stored(row: Row[tuple[object, ...]]) -> Stored:
    return Stored(
        partner=PartnerId(row.partner),
        phase=Phase(row.phase),
        sha256=row.sha256,
        body=row.submission,
        at=row.at,
    )
