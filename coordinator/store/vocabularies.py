"""Repository of published vocabularies."""

from sqlalchemy import Connection, insert, select

from coordinator.store.member_tables import vocabularies
from protocols.codec import decode, encode
from protocols.vocabulary import Vocabulary


class Vocabularies:
    """Reads and writes vocabularies; one is never changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, vocabulary: Vocabulary, now: int) -> None:
        """Store a new vocabulary."""
        self._connection.execute(
            insert(vocabularies).values(
                digest=vocabulary.digest,
                version=vocabulary.version,
                body=encode(vocabulary),
                published_at=now,
            )
        )

    def find(self, digest: bytes) -> Vocabulary | None:
        """The vocabulary with this hash, or None."""
        body = self._connection.execute(
            select(vocabularies.c.body).where(vocabularies.c.digest == digest)
        ).scalar_one_or_none()
        return None if body is None else decode(Vocabulary, body)

    def latest(self) -> Vocabulary | None:
        """The vocabulary of the highest version, or None."""
        body = self._connection.execute(
            select(vocabularies.c.body).order_by(vocabularies.c.version.desc()).limit(1)
        ).scalar_one_or_none()
        return None if body is None else decode(Vocabulary, body)

    def digests(self) -> tuple[bytes, ...]:
        """Hashes of all vocabularies, by version."""
        return tuple(
            self._connection.execute(select(vocabularies.c.digest).order_by(vocabularies.c.version)).scalars()
        )
