"""Repositories of invites and members."""

from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select, update

from coordinator.store.member_tables import invites, members
from protocols.identity import IdentityPublic, PartnerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """One invitation: only the hash of its secret is kept. Times in unix seconds."""

    secret_hash: bytes
    name: str
    created_at: int
    expires_at: int
    used_by: PartnerId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One enrolled company: its id, its keys, the certificate issued to it, its courier's node id."""

    partner: PartnerId
    name: str
    identity_key: IdentityPublic
    courier_key: bytes
    certificate: str
    certificate_hash: bytes
    request_hash: bytes
    flower_node: str
    joined_at: int
    removed_at: int


class Invites:
    """Reads and writes invites."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, invite: Invite) -> None:
        """Store a new invitation."""
        self._connection.execute(
            insert(invites).values(
                secret_hash=invite.secret_hash,
                name=invite.name,
                created_at=invite.created_at,
                expires_at=invite.expires_at,
            )
        )

    def find(self, secret_hash: bytes) -> Invite | None:
        """The invitation whose secret has this hash, or None where none was issued."""
        row = self._connection.execute(select(invites).where(invites.c.secret_hash == secret_hash)).first()
        return None if row is None else _invite(row)

    def open(self, now: int) -> tuple[Invite, ...]:
        """Invitations that may still be used."""
        query = select(invites).where(invites.c.used_by.is_(None), invites.c.expires_at > now)
        return tuple(_invite(row) for row in self._connection.execute(query.order_by(invites.c.created_at)))

    def use(self, secret_hash: bytes, partner: PartnerId, now: int) -> None:
        """Spend an invitation. Call it in the transaction that adds the member."""
        self._connection.execute(
            update(invites)
            .where(invites.c.secret_hash == secret_hash, invites.c.used_by.is_(None))
            .values(used_by=partner, used_at=now)
        )


class Members:
    """Reads and writes members."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, member: Member) -> None:
        """Store a new member."""
        self._connection.execute(
            insert(members).values(
                partner=member.partner,
                name=member.name,
                identity_key=member.identity_key,
                courier_key=member.courier_key,
                certificate=member.certificate,
                certificate_hash=member.certificate_hash,
                request_hash=member.request_hash,
                flower_node=member.flower_node or None,
                joined_at=member.joined_at,
            )
        )

    def find(self, partner: PartnerId) -> Member | None:
        """The member with this id, or None."""
        row = self._connection.execute(select(members).where(members.c.partner == partner)).first()
        return None if row is None else _member(row)

    def by_flower_node(self, node: str) -> Member | None:
        """The member whose courier has this Flower node id, or None."""
        row = self._connection.execute(select(members).where(members.c.flower_node == node)).first()
        return None if row is None else _member(row)

    def all(self) -> tuple[Member, ...]:
        """Everybody who ever enrolled, in order of their ids."""
        rows = self._connection.execute(select(members))
        return tuple(sorted(map(_member, rows), key=lambda member: member.partner))

    def active(self) -> tuple[Member, ...]:
        """Everybody who was not removed, in order of their ids."""
        return tuple(member for member in self.all() if not member.removed_at)

    def set_flower_node(self, partner: PartnerId, node: str) -> None:
        """Note the node id under which the fleet knows this member's courier; empty: it no longer does."""
        self._connection.execute(
            update(members).where(members.c.partner == partner).values(flower_node=node or None)
        )

    def remove(self, partner: PartnerId, now: int) -> None:
        """Refuse this member's requests from now on."""
        self._connection.execute(update(members).where(members.c.partner == partner).values(removed_at=now))


def _invite(row: Row[tuple[object, ...]]) -> Invite:
    return Invite(
        secret_hash=row.secret_hash,
        name=row.name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_by=None if row.used_by is None else PartnerId(row.used_by),
    )


def _member(row: Row[tuple[object, ...]]) -> Member:
    return Member(
        partner=PartnerId(row.partner),
        name=row.name,
        identity_key=IdentityPublic(row.identity_key),
        courier_key=row.courier_key,
        certificate=row.certificate,
        certificate_hash=row.certificate_hash,
        request_hash=row.request_hash,
        flower_node=row.flower_node or "",
        joined_at=row.joined_at,
        removed_at=row.removed_at or 0,
    )
