"""The partner API's routes to the evidence behind a released sum, for any member, and to what a member sent itself."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from coordinator.api.numbers import Number
from coordinator.errors import UnknownMember
from coordinator.services import Services
from protocols.codec import encode
from protocols.identity import PartnerId
from protocols.limits import ID_BYTES, NUMBER_MAX, PIECE_BYTES, VECTOR_BYTES

BINARY = "application/octet-stream"


def add_evidence(router: APIRouter, services: Services, Sender: object) -> None:
    """Signed messages, sealed shares and masked vectors of a released attempt; the caller's own part in any."""

    @router.get("/rounds/mine")
    def mine(
        sender: Sender,  # type: ignore[valid-type]
        number: Annotated[int, Query(alias="round", ge=0, le=NUMBER_MAX)] = 0,
        attempt: Annotated[int, Query(ge=0, le=NUMBER_MAX)] = 0,
    ) -> Response:
        own = services.evidence.participations(sender, after=(number, attempt))
        return Response(encode(own), media_type=BINARY)

    @router.get("/rounds/{number}/{attempt}/evidence")
    def evidence(_sender: Sender, number: Number, attempt: Number) -> Response:  # type: ignore[valid-type]
        return Response(encode(services.evidence.evidence(number, attempt)), media_type=BINARY)

    @router.get("/rounds/{number}/{attempt}/evidence/bundles/{member}")
    def bundles(_sender: Sender, number: Number, attempt: Number, member: str) -> Response:  # type: ignore[valid-type]
        return Response(services.evidence.bundles(number, attempt, _member(member)), media_type=BINARY)

    @router.get("/rounds/{number}/{attempt}/evidence/vectors/{member}")
    def vector(
        _sender: Sender,  # type: ignore[valid-type]
        number: Number,
        attempt: Number,
        member: str,
        offset: Annotated[int, Query(ge=0, le=VECTOR_BYTES)] = 0,
        count: Annotated[int, Query(ge=1, le=PIECE_BYTES)] = PIECE_BYTES,
    ) -> Response:
        with services.evidence.vector(number, attempt, _member(member)).open("rb") as file:
            file.seek(offset)
            return Response(file.read(count), media_type=BINARY)


def _member(text: str) -> PartnerId:
    try:
        member = bytes.fromhex(text)
    except ValueError:
        member = b""
    if len(member) != ID_BYTES:
        raise UnknownMember(
            expected=f"{2 * ID_BYTES} hexadecimal digits", came=text[:64], do="correct the address"
        )
    return PartnerId(member)
