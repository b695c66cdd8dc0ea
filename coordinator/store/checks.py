"""Repository of the linear checks: what survivors said of a release after it was published."""

from enum import StrEnum

from sqlalchemy import Connection, func, insert, select

from coordinator.store.round_tables import check_messages
from protocols.codec import decode, encode
from protocols.identity import PartnerId, Signed


class Said(StrEnum):
    """The fifth and the sixth message."""

    OPENING = "opening"
    ANSWER = "answer"


class Checks:
    """Reads and writes the messages of linear checks; none is ever changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, release: bytes, kind: Said, partner: PartnerId) -> Signed | None:
        """What one member said, or None."""
        here = (check_messages.c.release == release, check_messages.c.kind == kind.value)
        query = select(check_messages.c.signed).where(*here, check_messages.c.partner == partner)
        body = self._connection.execute(query).scalar_one_or_none()
        return None if body is None else decode(Signed, body)

    def add(self, release: bytes, kind: Said, signed: Signed, now: int) -> None:
        """Store a verified message; a second one of its kind breaks the primary key."""
        self._connection.execute(
            insert(check_messages).values(
                release=release, kind=kind.value, partner=signed.signer, signed=encode(signed), at=now
            )
        )

    def count(self, release: bytes, kind: Said) -> int:
        """How many have said it."""
        here = (check_messages.c.release == release, check_messages.c.kind == kind.value)
        query = select(func.count()).select_from(check_messages).where(*here)
        return int(self._connection.execute(query).scalar_one())

    def all(self, release: bytes, kind: Said) -> tuple[Signed, ...]:
        """What everybody said, in order of the members' ids."""
        here = (check_messages.c.release == release, check_messages.c.kind == kind.value)
        query = select(check_messages.c.signed).where(*here)
        found = [decode(Signed, body) for body in self._connection.execute(query).scalars()]
        return tuple(sorted(found, key=lambda each: each.signer))

    def senders(self, release: bytes, kind: Said) -> frozenset[PartnerId]:
        """Who has said it."""
        here = (check_messages.c.release == release, check_messages.c.kind == kind.value)
        query = select(check_messages.c.partner).where(*here)
        return frozenset(PartnerId(each) for each in self._connection.execute(query).scalars())
