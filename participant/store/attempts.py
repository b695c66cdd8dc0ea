"""Attempts at a round as this node lives them: one row each, its secrets sealed under a file's key."""

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from participant.store.exchange_tables import answers, attempts, releases
from participant.store.ledger import quote_in, quoted
from protocols.identity import PartnerId
from protocols.ledger import NO_QUOTE, Quote
from protocols.limits import ID_BYTES

OPEN_STATES = ("Advertised", "Shared", "Masked", "Confirmed")
"""States of an attempt that may still move; ``Unmasked`` and ``Closed`` are final."""

UNMASKED = "Unmasked"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttempt:
    """``config`` is the coordinator's signed configuration as it came; ``sealed_state`` is a ciphertext.

    ``concepts`` is the size of the vocabulary, ``quote`` what this company found that its answer costs.
    """

    round: int
    attempt: int
    answer_id: bytes
    config: bytes
    config_hash: bytes
    state: str
    sealed_state: bytes
    transcript: bytes
    survivors: tuple[PartnerId, ...]
    reason: str
    opened_at: int
    concepts: int = 0
    quote: Quote = NO_QUOTE


class Attempts:
    """Attempts within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def find(self, round_number: int, attempt: int) -> StoredAttempt | None:
        """The attempt, or None if this node never advertised in it."""
        key = (attempts.c.round == round_number) & (attempts.c.attempt == attempt)
        row = self._db.execute(select(attempts).where(key)).mappings().one_or_none()
        return None if row is None else _attempt(row)

    def of_round(self, round_number: int) -> tuple[StoredAttempt, ...]:
        """All attempts of one round in order."""
        query = select(attempts).where(attempts.c.round == round_number).order_by(attempts.c.attempt)
        return tuple(_attempt(row) for row in self._db.execute(query).mappings())

    def of_answer(self, answer_id: bytes) -> tuple[StoredAttempt, ...]:
        """All attempts that asked for one answer, in order."""
        order = (attempts.c.round, attempts.c.attempt)
        query = select(attempts).where(attempts.c.answer_id == answer_id).order_by(*order)
        return tuple(_attempt(row) for row in self._db.execute(query).mappings())

    def unsealed(self) -> tuple[StoredAttempt, ...]:
        """All attempts, also ended ones, whose answer was neither sealed nor closed: it may be being filled in."""
        query = select(attempts).where(attempts.c.answer_id.not_in(select(answers.c.answer_id)))
        order = (attempts.c.round, attempts.c.attempt)
        return tuple(_attempt(row) for row in self._db.execute(query.order_by(*order)).mappings())

    def recent(self, limit: int) -> tuple[StoredAttempt, ...]:
        """The newest attempts first."""
        order = (attempts.c.round.desc(), attempts.c.attempt.desc())
        query = select(attempts).order_by(*order).limit(limit)
        return tuple(_attempt(row) for row in self._db.execute(query).mappings())

    def open_keys(self) -> tuple[tuple[int, int], ...]:
        """(round, attempt) of every attempt whose secrets are still needed."""
        query = select(attempts.c.round, attempts.c.attempt).where(attempts.c.state.in_(OPEN_STATES))
        return tuple((row.round, row.attempt) for row in self._db.execute(query))

    def unreleased(self, *, before: int) -> tuple[tuple[int, int], ...]:
        """(round, attempt) unmasked here before ``before``, of whose round this node holds no release."""
        query = (
            select(attempts.c.round, attempts.c.attempt)
            .where(attempts.c.state == UNMASKED, attempts.c.closed_at < before)
            .where(attempts.c.round.not_in(select(releases.c.round)))
            .order_by(attempts.c.round, attempts.c.attempt)
        )
        return tuple((row.round, row.attempt) for row in self._db.execute(query))

    def highest_round(self) -> int:
        """The highest round this node advertised in; 0 before the first."""
        return self._db.execute(select(func.max(attempts.c.round))).scalar_one_or_none() or 0

    def open(self, attempt: StoredAttempt) -> None:
        """Add an attempt."""
        self._db.execute(
            insert(attempts).values(
                round=attempt.round,
                attempt=attempt.attempt,
                answer_id=attempt.answer_id,
                config=attempt.config,
                config_hash=attempt.config_hash,
                state=attempt.state,
                sealed_state=attempt.sealed_state,
                transcript=attempt.transcript,
                survivors=b"".join(attempt.survivors),
                reason=attempt.reason,
                opened_at=attempt.opened_at,
                concepts=attempt.concepts,
                **quoted(attempt.quote),
            )
        )

    def move(
        self,
        round_number: int,
        attempt: int,
        *,
        state: str,
        sealed_state: bytes,
        transcript: bytes,
        survivors: tuple[PartnerId, ...],
    ) -> None:
        """Replace the state of an attempt."""
        key = (attempts.c.round == round_number) & (attempts.c.attempt == attempt)
        self._db.execute(
            update(attempts)
            .where(key)
            .values(
                state=state,
                sealed_state=sealed_state,
                transcript=transcript,
                survivors=b"".join(survivors),
            )
        )

    def finish(self, round_number: int, attempt: int, *, state: str, reason: str, at: int) -> None:
        """End an attempt: its sealed state goes, its key file is the caller's to erase."""
        key = (attempts.c.round == round_number) & (attempts.c.attempt == attempt)
        self._db.execute(
            update(attempts).where(key).values(state=state, sealed_state=b"", reason=reason, closed_at=at)
        )


def members(packed: bytes) -> tuple[PartnerId, ...]:
    """Partner ids stored back to back."""
    return tuple(PartnerId(packed[at : at + ID_BYTES]) for at in range(0, len(packed), ID_BYTES))


def _attempt(row: RowMapping) -> StoredAttempt:
    return StoredAttempt(
        round=row["round"],
        attempt=row["attempt"],
        answer_id=row["answer_id"],
        config=row["config"],
        config_hash=row["config_hash"],
        state=row["state"],
        sealed_state=row["sealed_state"],
        transcript=row["transcript"],
        survivors=members(row["survivors"]),
        reason=row["reason"],
        opened_at=row["opened_at"],
        concepts=row["concepts"],
        quote=quote_in(row),
    )
