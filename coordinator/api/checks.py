"""The partner API's routes of the linear check: what each survivor says of a release, and what all said."""

from fastapi import APIRouter, Response

from coordinator.errors import UnknownRelease
from coordinator.services import Services
from protocols.codec import decode, encode
from protocols.errors import BadInput
from protocols.identity import PartnerId, Signed
from protocols.secure_sum.linear_check import Board

BINARY = "application/octet-stream"


def add_checks(router: APIRouter, services: Services, Sender: object, Body: object) -> None:
    """Openings and answers, in and out."""

    @router.get("/releases/{release}/check/openings")
    def openings(_sender: Sender, release: str) -> Response:  # type: ignore[valid-type]
        return _board(services.checks.openings(_id(release)))

    @router.get("/releases/{release}/check/answers")
    def answers(_sender: Sender, release: str) -> Response:  # type: ignore[valid-type]
        return _board(services.checks.answers(_id(release)))

    @router.get("/releases/{release}/check/grounds")
    def grounds(_sender: Sender, release: str) -> Response:  # type: ignore[valid-type]
        return Response(encode(services.checks.grounds(_id(release))), media_type=BINARY)

    @router.post("/releases/{release}/check/openings")
    def open_(sender: Sender, release: str, data: Body) -> dict[str, bool]:  # type: ignore[valid-type]
        services.checks.open(_id(release), _own(data, sender))
        return {"accepted": True}

    @router.post("/releases/{release}/check/answers")
    def answer(sender: Sender, release: str, data: Body) -> dict[str, bool]:  # type: ignore[valid-type]
        services.checks.answer(_id(release), _own(data, sender))
        return {"accepted": True}


def _board(items: tuple[Signed, ...]) -> Response:
    return Response(encode(Board(items=items)), media_type=BINARY)


def _own(data: bytes, sender: PartnerId) -> Signed:
    signed = decode(Signed, data)
    if signed.signer != sender:
        raise BadInput(
            expected="your own signature", came=f"that of {signed.signer.hex()}", do="send your own"
        )
    return signed


def _id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise UnknownRelease(
            expected="64 hexadecimal digits", came=text[:64], do="correct the address"
        ) from None
