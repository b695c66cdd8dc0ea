"""Repository of roster versions and their approvals."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, insert, select, update

from coordinator.store.member_tables import roster_approvals, rosters
from protocols.codec import decode, encode
from protocols.identity import PartnerId, Signed
from protocols.roster import SignedRoster


class Rosters:
    """Reads and writes roster versions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def propose(self, roster_hash: bytes, height: int, version: Signed, now: int) -> None:
        """Store a version that waits for approvals."""
        self._connection.execute(
            insert(rosters).values(
                roster_hash=roster_hash,
                height=height,
                version=encode(version),
                proposed_at=now,
                withdrawn=False,
            )
        )

    def withdraw(self, roster_hash: bytes) -> None:
        """Give up a proposal; its height may then be proposed anew."""
        self._connection.execute(
            update(rosters).where(rosters.c.roster_hash == roster_hash).values(withdrawn=True)
        )

    def approval(self, roster_hash: bytes, partner: PartnerId) -> Signed | None:
        """The approval of ``partner``, or None."""
        query = select(roster_approvals.c.signed).where(
            roster_approvals.c.roster_hash == roster_hash, roster_approvals.c.partner == partner
        )
        found = self._connection.execute(query).scalar_one_or_none()
        return None if found is None else decode(Signed, found)

    def approve(self, roster_hash: bytes, approval: Signed, now: int) -> None:
        """Store one member's approval."""
        self._connection.execute(
            insert(roster_approvals).values(
                roster_hash=roster_hash, partner=approval.signer, signed=encode(approval), at=now
            )
        )

    def put_in_force(self, roster_hash: bytes, now: int) -> None:
        """From now on this version counts."""
        self._connection.execute(
            update(rosters).where(rosters.c.roster_hash == roster_hash).values(in_force_at=now)
        )

    def latest(self) -> SignedRoster | None:
        """The version in force, or None before the founding."""
        found = self._where(rosters.c.in_force_at.is_not(None))
        return found[-1] if found else None

    def proposal(self) -> SignedRoster | None:
        """The version that waits for approvals, or None."""
        found = self._where(rosters.c.in_force_at.is_(None), rosters.c.withdrawn.is_(False))
        return found[-1] if found else None

    def at_height(self, height: int) -> SignedRoster | None:
        """The version that was put in force at ``height``, or None."""
        found = self._where(rosters.c.in_force_at.is_not(None), rosters.c.height == height)
        return found[0] if found else None

    def chain(self) -> Sequence[SignedRoster]:
        """Every version put in force, from the genesis."""
        return self._where(rosters.c.in_force_at.is_not(None))

    def _where(self, *conditions: ColumnElement[bool]) -> list[SignedRoster]:
        query = select(rosters.c.roster_hash, rosters.c.version).where(*conditions)
        rows = self._connection.execute(query.order_by(rosters.c.height, rosters.c.proposed_at)).all()
        return [
            SignedRoster(version=decode(Signed, row.version), approvals=self._approvals(row.roster_hash))
            for row in rows
        ]

    def _approvals(self, roster_hash: bytes) -> tuple[Signed, ...]:
        query = select(roster_approvals.c.signed, roster_approvals.c.partner).where(
            roster_approvals.c.roster_hash == roster_hash
        )
        rows = sorted(self._connection.execute(query).all(), key=lambda row: bytes(row.partner))
        return tuple(decode(Signed, row.signed) for row in rows)
