"""Joining a consortium: keys are made here, only public keys leave.

The request is kept until its answer is stored, so that a join that was cut off is repeated with the same
bytes and the same keys: an invitation works once.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Engine

from participant import entropy, settings
from participant.consortium import Caller
from participant.courier import courier_key_pair
from participant.door import StopSwitch
from participant.errors import AlreadyJoined
from participant.home import Home
from participant.store.membership import Member, Membership
from protocols.codec import encode
from protocols.enrolment import Invitation, JoinRequest
from protocols.errors import MalformedMessage
from protocols.identity import IdentityKey, PartnerId, partner_id
from protocols.limits import KEY_BYTES, MESSAGE_BYTES
from protocols.service import durable, tls
from protocols.service.client import BINARY, ServiceClient
from protocols.service.clock import Clock
from protocols.service.proxy import HttpProxy
from protocols.service.unit_of_work import reading, transaction


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore")
    partner: str
    certificate: str
    ca: str
    consortium: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What joining gave: the id for life and the name in the consortium."""

    partner: PartnerId
    name: str


def enrolment_client(invitation: Invitation, proxy: HttpProxy | None = None) -> ServiceClient:
    """A client of the enrolment listener: it trusts the authority in the invitation, and nothing else."""
    return ServiceClient(
        invitation.enrol_url,
        tls=tls.client_context(invitation.authority),
        proxy=proxy,
        answer_bytes=MESSAGE_BYTES,
    )


def join(
    home: Home, db: Engine, invitation: Invitation, *, caller: Caller, clock: Clock, port: int
) -> Joined:
    """Make the keys, ask to join, and keep the answer. Repeating it after a failure is safe.

    Raises:
        AlreadyJoined: this home belongs to a consortium.
        Refused: the invitation was used or ran out.
        Unreachable, BadCertificate: the coordinator of the invitation does not answer.
    """
    with reading(db) as connection:
        if Membership(connection).find() is not None:
            raise AlreadyJoined(
                expected="a home that has not joined yet",
                came=f"one that has: {home.root}",
                do="use another --home for another membership",
            )
    key = _identity(home)
    me = partner_id(key.public)
    kept = home.root / "keys" / "join.request"
    if not kept.exists():
        durable.write(kept, [_request(home, invitation, key, me)])
    response = caller.request("POST", "/v1/join", content=kept.read_bytes(), headers=BINARY)
    try:
        reply = _Reply.model_validate_json(response.content)
        partner, consortium = bytes.fromhex(reply.partner), bytes.fromhex(reply.consortium)
    except (ValidationError, ValueError):
        partner, consortium, reply = b"", b"", None
    if reply is None or partner != me:
        raise MalformedMessage(
            expected=f"a membership for {me.hex()}", came="something else", do="update the older side"
        )
    durable.write(home.certificate, [reply.certificate.encode()])
    durable.write(home.authority, [invitation.authority.encode()])
    settings.write_default(home, port=port)
    member = Member(
        partner=me,
        name=invitation.name,
        consortium=consortium,
        coordinator_url=invitation.partner_url,
        joined_at=clock.now(),
    )
    StopSwitch(home.switch).release()
    with transaction(db) as connection:
        Membership(connection).join(member)
    durable.erase(kept)
    return Joined(partner=me, name=invitation.name)


def _identity(home: Home) -> IdentityKey:
    if not home.identity.exists():
        home.keep_identity(entropy.random_bytes(KEY_BYTES))
    return home.identity_key()


def _request(home: Home, invitation: Invitation, key: IdentityKey, me: PartnerId) -> bytes:
    pair = tls.make_request(invitation.name)
    durable.write(home.tls_key, [pair.key])
    request = JoinRequest(
        secret=invitation.secret,
        name=invitation.name,
        identity_key=key.public,
        courier_key=courier_key_pair(home.courier.key),
        certificate_request=pair.certificate.decode("ascii"),
    )
    return encode(key.sign(me, request))
