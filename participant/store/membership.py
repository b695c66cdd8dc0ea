"""Who this node is in its consortium, and which vocabulary it maps its items to."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from participant.errors import NotJoined
from participant.store.exchange_tables import membership, vocabularies
from protocols.codec import decode, encode
from protocols.identity import PartnerId
from protocols.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """The outcome of joining. ``coordinator_url`` is the partner API's address."""

    partner: PartnerId
    name: str
    consortium: bytes
    coordinator_url: str
    joined_at: int


class Membership:
    """The single membership row and the vocabularies, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def find(self) -> Member | None:
        """The membership, or None before joining."""
        row = self._db.execute(select(membership)).one_or_none()
        if row is None:
            return None
        return Member(
            partner=PartnerId(row.partner),
            name=row.name,
            consortium=row.consortium,
            coordinator_url=row.coordinator_url,
            joined_at=row.joined_at,
        )

    def get(self) -> Member:
        """The membership.

        Raises:
            NotJoined: there is none.
        """
        found = self.find()
        if found is None:
            raise NotJoined(
                expected="a node that joined a consortium",
                came="a home without a membership",
                do="run `altrove-node join --invite TOKEN` first",
            )
        return found

    def join(self, member: Member) -> None:
        """Keep the membership."""
        self._db.execute(delete(membership))
        self._db.execute(
            insert(membership).values(
                id=1,
                partner=member.partner,
                name=member.name,
                consortium=member.consortium,
                coordinator_url=member.coordinator_url,
                joined_at=member.joined_at,
            )
        )

    def vocabulary(self) -> Vocabulary | None:
        """The vocabulary in use, or None before the first."""
        row = self._db.execute(select(vocabularies).where(vocabularies.c.in_use)).one_or_none()
        return None if row is None else decode(Vocabulary, row.body)

    def vocabulary_digest(self) -> bytes:
        """The hash of the vocabulary in use, empty before the first: cheap to ask often."""
        query = select(vocabularies.c.digest).where(vocabularies.c.in_use)
        return self._db.execute(query).scalar_one_or_none() or b""

    def vocabulary_named(self, digest: bytes) -> Vocabulary | None:
        """The vocabulary with this hash, in use or kept, or None."""
        query = select(vocabularies.c.body).where(vocabularies.c.digest == digest)
        body = self._db.execute(query).scalar_one_or_none()
        return None if body is None else decode(Vocabulary, body)

    def use_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Make ``vocabulary`` the one in use; the others are kept for the releases that name them."""
        self._db.execute(update(vocabularies).values(in_use=False))
        self._db.execute(delete(vocabularies).where(vocabularies.c.digest == vocabulary.digest))
        self._db.execute(
            insert(vocabularies).values(
                digest=vocabulary.digest, version=vocabulary.version, body=encode(vocabulary), in_use=True
            )
        )
