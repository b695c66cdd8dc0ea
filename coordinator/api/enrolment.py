"""The enrolment listener: TLS without a client certificate, since a newcomer has none yet (public).

The invitation's secret authorises; the request is signed with the key that it enrols.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from coordinator.services import Services
from coordinator.store.members import Member
from protocols.codec import decode
from protocols.identity import Signed

REQUEST_BYTES = 16 * 2**10
"""A join request takes about a kilobyte; nobody is known yet, so nothing larger is read."""


class Joined(BaseModel):
    """What a newcomer gets: its id (hex), its certificate and the authority's (PEM), the consortium (hex)."""

    partner: str
    certificate: str
    ca: str
    consortium: str


def enrolment_router(services: Services, on_joined: Callable[[Member], None]) -> APIRouter:
    """The one route of the enrolment listener. ``on_joined`` hears of every member that joined."""

    async def body(request: Request) -> bytes:
        return await request.body()

    router = APIRouter(prefix="/v1", tags=["enrolment"])

    @router.post("/join", summary="Join with an invitation (public: the invitation's secret authorises)")
    def join(data: Annotated[bytes, Depends(body)]) -> Joined:
        member = services.enrolment.join(decode(Signed, data, limit=REQUEST_BYTES))
        on_joined(member)
        return Joined(
            partner=member.partner.hex(),
            certificate=member.certificate,
            ca=services.home.authority_pair().certificate.decode(),
            consortium=services.consortium.consortium.hex(),
        )

    return router
