"""Inviting companies and enrolling them: an invitation works once, for one identity key."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from coordinator import entropy
from coordinator.errors import KeyTaken, NameTaken, UnknownInvite
from coordinator.members.registry import Registry
from coordinator.store.members import Invite, Invites, Member, Members
from protocols.codec import encode, tagged_hash
from protocols.enrolment import Invitation, JoinRequest, open_join, secret_hash
from protocols.identity import Signed
from protocols.limits import KEY_BYTES
from protocols.service.clock import Clock
from protocols.service.tls import KeyPair, fingerprint, issue_client
from protocols.service.unit_of_work import transaction

INVITE_DAYS = 14
"""Long enough for two companies' paperwork, short enough that forgotten invitations close."""

DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where companies reach the coordinator."""

    enrol_url: str
    partner_url: str


class Enrolment:
    """Issues invitations and turns a join request into a member with a client certificate."""

    def __init__(
        self, db: Engine, clock: Clock, *, authority: KeyPair, addresses: Addresses, registry: Registry
    ) -> None:
        self._db = db
        self._clock = clock
        self._authority = authority
        self._addresses = addresses
        self._registry = registry

    def invite(self, name: str, days: int = INVITE_DAYS) -> Invitation:
        """Make an invitation for ``name``, good for ``days``; its secret is stored only as a hash.

        Raises:
            NameTaken: a member has this name, or an open invitation does.
        """
        now, secret = self._clock.now(), entropy.random_bytes(KEY_BYTES)
        with transaction(self._db) as connection:
            taken = {member.name for member in Members(connection).all()}
            taken |= {invite.name for invite in Invites(connection).open(now)}
            if name in taken:
                raise NameTaken(
                    expected="a name nobody has", came=name, do="choose another name for the company"
                )
            Invites(connection).add(
                Invite(
                    secret_hash=secret_hash(secret), name=name, created_at=now, expires_at=now + days * DAY_S
                )
            )
        return Invitation(
            enrol_url=self._addresses.enrol_url,
            partner_url=self._addresses.partner_url,
            authority=self._authority.certificate.decode(),
            secret=secret,
            name=name,
        )

    def join(self, signed: Signed) -> Member:
        """Enrol the sender of a signed join request. The same request again gets the same answer.

        Raises:
            UnknownInvite: never issued, run out, or used by another key.
            NameTaken, KeyTaken: the name or a key belongs to another member.
            BadSignature, UnknownSigner, WeakKey, BadInput: the request is not sound.
        """
        request = open_join(signed)
        request_hash = tagged_hash("join-request-body", encode(request))
        with transaction(self._db) as connection:
            member = self._enrol(connection, request, request_hash)
        self._registry.changed()
        return member

    def _enrol(self, connection: Connection, request: JoinRequest, request_hash: bytes) -> Member:
        now, members = self._clock.now(), Members(connection)
        invite = Invites(connection).find(secret_hash(request.secret))
        known = members.find(request.partner)
        if invite is not None and known is not None and known.request_hash == request_hash:
            return known
        if invite is None or invite.used_by is not None or invite.expires_at <= now:
            raise UnknownInvite(
                expected="an invitation that is open",
                came="one that was never issued, was used, or has run out",
                do="ask the consortium's administrator for a new invitation",
            )
        self._refuse_taken(members, request)
        certificate = issue_client(
            self._authority, request.certificate_request.encode(), request.partner, now
        )
        member = Member(
            partner=request.partner,
            name=request.name,
            identity_key=request.identity_key,
            courier_key=request.courier_key,
            certificate=certificate.decode(),
            certificate_hash=fingerprint(certificate),
            request_hash=request_hash,
            flower_node="",
            joined_at=now,
            removed_at=0,
        )
        members.add(member)
        Invites(connection).use(invite.secret_hash, request.partner, now)
        return member

    def _refuse_taken(self, members: Members, request: JoinRequest) -> None:
        for member in members.all():
            if member.name == request.name:
                raise NameTaken(
                    expected="a name nobody has",
                    came=request.name,
                    do="ask for an invitation under another name, and join with it",
                )
            if member.identity_key == request.identity_key or member.courier_key == request.courier_key:
                raise KeyTaken(
                    expected="fresh keys",
                    came="a key another member enrolled with",
                    do="make new keys and join again",
                )
