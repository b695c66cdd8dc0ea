"""Repository of releases and the members' votes on them."""

from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select

from coordinator.store.round_tables import releases, votes
from protocols.codec import decode, encode
from protocols.identity import PartnerId, Signed
from protocols.release import ReleaseManifest, Vote


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRelease:
    """One release: its id, the manifest, and the coordinator's signature over it."""

    release: bytes
    manifest: ReleaseManifest
    signed: Signed
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVote:
    """One member's signed word on one release."""

    vote: Vote
    signed: Signed
    at: int


class Releases:
    """Reads and writes releases and votes; none is ever changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, value: StoredRelease) -> None:
        """Store a release; a second one of the same round breaks the unique key."""
        self._connection.execute(
            insert(releases).values(
                release=value.release,
                round=value.manifest.round,
                attempt=value.manifest.attempt,
                manifest=encode(value.signed),
                at=value.at,
            )
        )

    def find(self, release: bytes) -> StoredRelease | None:
        """The release with this id, or None."""
        row = self._connection.execute(select(releases).where(releases.c.release == release)).first()
        return None if row is None else _release(row)

    def of_round(self, number: int) -> StoredRelease | None:
        """The release of a round, or None while it has none."""
        row = self._connection.execute(select(releases).where(releases.c.round == number)).first()
        return None if row is None else _release(row)

    def latest(self) -> StoredRelease | None:
        """The newest release, or None."""
        row = self._connection.execute(select(releases).order_by(releases.c.number.desc()).limit(1)).first()
        return None if row is None else _release(row)

    def all(self) -> tuple[StoredRelease, ...]:
        """Every release, oldest first."""
        return tuple(map(_release, self._connection.execute(select(releases).order_by(releases.c.number))))

    def vote(self, release: bytes, voter: PartnerId) -> StoredVote | None:
        """The vote of one member, or None."""
        query = select(votes).where(votes.c.release == release, votes.c.voter == voter)
        row = self._connection.execute(query).first()
        return None if row is None else _vote(row)

    def add_vote(self, value: StoredVote) -> None:
        """Store a vote; a second one breaks the primary key."""
        self._connection.execute(
            insert(votes).values(
                release=value.vote.release,
                voter=value.signed.signer,
                signed=encode(value.signed),
                at=value.at,
            )
        )

    def votes(self, release: bytes) -> tuple[StoredVote, ...]:
        """The votes on a release, in the order in which they came."""
        query = select(votes).where(votes.c.release == release).order_by(votes.c.at, votes.c.voter)
        return tuple(map(_vote, self._connection.execute(query)))


def _release(row: Row[tuple[object, ...]]) -> StoredRelease:
    signed = decode(Signed, row.manifest)
    return StoredRelease(
        release=row.release, manifest=decode(ReleaseManifest, signed.body), signed=signed, at=row.at
    )


def _vote(row: Row[tuple[object, ...]]) -> StoredVote:
    signed = decode(Signed, row.signed)
    return StoredVote(vote=decode(Vote, signed.body), signed=signed, at=row.at)
