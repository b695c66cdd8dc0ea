"""Sealed vectors: which answer lies in which file, and the one set of survivors it was unmasked for."""

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, insert, select, update

from participant.store.attempts import members
from participant.store.exchange_tables import answers
from protocols.identity import PartnerId


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedAnswer:
    """One encoded answer on disk. ``bound_to`` is empty until its one unmasking."""

    answer_id: bytes
    questions: tuple[str, ...]
    file: str
    sha256: bytes
    vector_bytes: int
    sealed_at: int
    voided: bool
    bound_to: tuple[PartnerId, ...]


class SealedAnswers:
    """Sealed answers within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def find(self, answer_id: bytes) -> SealedAnswer | None:
        """The sealed answer, or None if this node never sealed it."""
        query = select(answers).where(answers.c.answer_id == answer_id)
        row = self._db.execute(query).mappings().one_or_none()
        return None if row is None else _answer(row)

    def add(self, answer: SealedAnswer) -> None:
        """Keep where a sealed vector lies and what it hashes to."""
        self._db.execute(
            insert(answers).values(
                answer_id=answer.answer_id,
                questions=" ".join(answer.questions),
                file=answer.file,
                sha256=answer.sha256,
                vector_bytes=answer.vector_bytes,
                sealed_at=answer.sealed_at,
            )
        )

    def bind(self, answer_id: bytes, survivors: tuple[PartnerId, ...], *, at: int) -> None:
        """Bind an answer to the survivors it is being unmasked for; a bound answer is never rebound."""
        unbound = (answers.c.answer_id == answer_id) & answers.c.bound_to.is_(None)
        self._db.execute(update(answers).where(unbound).values(bound_to=b"".join(survivors), bound_at=at))

    def unsent(self) -> tuple[SealedAnswer, ...]:
        """Answers that are neither unmasked nor closed."""
        still = answers.c.bound_to.is_(None) & answers.c.voided_at.is_(None)
        query = select(answers).where(still).order_by(answers.c.answer_id)
        return tuple(_answer(row) for row in self._db.execute(query).mappings())

    def unmasked(self) -> tuple[SealedAnswer, ...]:
        """Answers that were unmasked and are not closed: the same sum may be asked for again."""
        still = answers.c.bound_to.is_not(None) & answers.c.voided_at.is_(None)
        query = select(answers).where(still).order_by(answers.c.answer_id)
        return tuple(_answer(row) for row in self._db.execute(query).mappings())

    def void(self, answer_id: bytes, questions: tuple[str, ...], *, at: int) -> None:
        """Close an answer for ever, sealed or not: it is neither masked nor filled in again."""
        if self.find(answer_id) is None:
            values = {"file": "", "sha256": bytes(32), "vector_bytes": 0, "sealed_at": at}
            self._db.execute(
                insert(answers).values(answer_id=answer_id, questions=" ".join(questions), **values)
            )
        self._db.execute(update(answers).where(answers.c.answer_id == answer_id).values(voided_at=at))

    def unmasked_sets(self, questions: tuple[str, ...]) -> tuple[frozenset[PartnerId], ...]:
        """The survivors of every answer to one of ``questions`` that this node has unmasked."""
        query = select(answers).where(answers.c.bound_to.is_not(None))
        found = [_answer(row) for row in self._db.execute(query).mappings()]
        return tuple(frozenset(a.bound_to) for a in found if set(a.questions) & set(questions))


def _answer(row: RowMapping) -> SealedAnswer:
    return SealedAnswer(
        answer_id=row["answer_id"],
        questions=tuple(row["questions"].split()),
        file=row["file"],
        sha256=row["sha256"],
        vector_bytes=row["vector_bytes"],
        sealed_at=row["sealed_at"],
        voided=row["voided_at"] is not None,
        bound_to=members(row["bound_to"] or b""),
    )
