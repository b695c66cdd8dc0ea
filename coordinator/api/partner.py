"""The partner API: every request is signed by a member (RFC 9421); TLS asks for its certificate too.

Bodies are canonical bytes of ``protocols.codec`` unless JSON is stated. Long polls are asynchronous
and look at the database in worker threads; everything else runs in a worker thread altogether.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel
from starlette.responses import FileResponse

from coordinator.api.checks import add_checks
from coordinator.api.evidence import add_evidence
from coordinator.api.numbers import Number, Position
from coordinator.api.streams import Offset, VectorReply, take_vector
from coordinator.audit.log import prove_consistency
from coordinator.errors import NoRoster, UnknownRelease, UnknownRound, UnknownVocabulary
from coordinator.rounds.vectors import UPLOAD
from coordinator.services import Services
from coordinator.store.audit_log import AuditLog
from protocols.codec import decode, encode
from protocols.errors import BadInput
from protocols.identity import PartnerId, Signed
from protocols.limits import NUMBER_MAX, VECTOR_BYTES
from protocols.messages import PHASES, Phase
from protocols.roster import roster_hash
from protocols.service.signing import Signatures, SignedHead
from protocols.service.unit_of_work import reading
from protocols.service.waiting import LONGEST_POLL_S

BINARY = "application/octet-stream"
SEQUENCE = "Altrove-Sequence"
ENTRIES_AT_ONCE = 500


class RosterPlace(BaseModel):
    """Height and hash (hex) of a roster version."""

    height: int
    hash: str


class AuditPlace(BaseModel):
    """Size and root (hex) of the audit log."""

    size: int
    root: str


class Card(BaseModel):
    """The consortium at a glance; a node trusts nothing of it before it has checked the signatures."""

    consortium: str
    name: str
    coordinator_key: str
    roster: RosterPlace | None
    vocabulary: str | None
    audit: AuditPlace
    server_time: int
    fleet: dict[str, str] | None


class Proof(BaseModel):
    """Hashes (hex) of an RFC 9162 proof."""

    proof: list[str]


class Entry(BaseModel):
    """One line of the audit log; hashes and bodies in hex."""

    sequence: int
    at: int
    kind: str
    body_hash: str
    body: str


class ReleaseLine(BaseModel):
    """One release in the list."""

    release: str
    round: int
    attempt: int
    questions: list[str]
    survivors: list[str]
    at: int


class Accepted(BaseModel):
    """The one reply to everything that was taken."""

    accepted: bool = True


def partner_router(services: Services) -> APIRouter:
    """Every route of the partner listener."""
    signatures = Signatures(services.registry.roll, services.clock)

    async def sender(request: Request) -> PartnerId:
        partner = await signatures.sender(request)
        services.registry.note_seen(partner)
        return partner

    async def body(request: Request) -> bytes:
        return await request.body()

    Sender = Annotated[PartnerId, Depends(sender)]
    Body = Annotated[bytes, Depends(body)]
    router = APIRouter(prefix="/v1", tags=["partner"])

    @router.get("/consortium")
    def consortium(_sender: Sender) -> Card:
        return _card(services)

    @router.get("/roster")
    def roster(_sender: Sender) -> Response:
        return _binary(encode(services.governance.latest()))

    @router.get("/roster/proposal")
    def proposal(_sender: Sender) -> Response:
        return _binary(encode(services.governance.proposal()))

    @router.get("/roster/{height}")
    def roster_at(_sender: Sender, height: Number) -> Response:
        return _binary(encode(services.governance.at_height(height)))

    @router.post("/roster/approvals")
    def approve(sender: Sender, data: Body) -> Accepted:
        services.governance.approve(_own(decode(Signed, data), sender))
        services.news.changed()
        return Accepted()

    @router.get("/vocabularies/{digest}")
    def vocabulary(_sender: Sender, digest: str) -> Response:
        return _binary(encode(services.library.vocabulary(_hex(digest, UnknownVocabulary))))

    @router.get("/audit/head")
    def audit_head(_sender: Sender) -> Response:
        with reading(services.db) as connection:
            return _binary(encode(services.audit.head(connection)))

    @router.get("/audit/consistency")
    def consistency(_sender: Sender, first: Position, second: Position) -> Proof:
        with reading(services.db) as connection:
            return Proof(proof=[step.hex() for step in prove_consistency(connection, first, second)])

    @router.get("/audit/entries")
    def entries(
        _sender: Sender,
        first: Annotated[int, Query(alias="from", ge=0, le=NUMBER_MAX)] = 0,
        limit: Annotated[int, Query(ge=1, le=ENTRIES_AT_ONCE)] = 100,
    ) -> list[Entry]:
        with reading(services.db) as connection:
            return [
                Entry(
                    sequence=line.entry.sequence,
                    at=line.entry.at,
                    kind=line.entry.kind,
                    body_hash=line.entry.body_hash.hex(),
                    body=line.body.hex(),
                )
                for line in AuditLog(connection).lines(first, limit)
            ]

    _add_rounds(router, services, signatures, Sender, Body)
    _add_releases(router, services, Sender, Body)
    add_evidence(router, services, Sender)
    add_checks(router, services, Sender, Body)
    return router


def _add_rounds(
    router: APIRouter, services: Services, signatures: Signatures, Sender: object, Body: object
) -> None:
    @router.get("/rounds/next")
    async def next_phase(
        sender: Sender,  # type: ignore[valid-type]
        after: Position = 0,
        wait_s: Annotated[int, Query(ge=0, le=LONGEST_POLL_S)] = 0,
    ) -> Response:
        parcel = await services.news.changes.wait(
            lambda: services.delivery.next(sender, after), seconds=wait_s
        )
        if parcel is None:
            return Response(status_code=204)
        return Response(parcel.body, media_type=BINARY, headers={SEQUENCE: str(parcel.sequence)})

    @router.post("/rounds/{number}/{attempt}/{phase}")
    def submit(sender: Sender, number: Number, attempt: Number, phase: str, data: Body) -> Accepted:  # type: ignore[valid-type]
        if phase not in PHASES:
            raise UnknownRound(
                expected=f"one of {', '.join(PHASES)}", came=phase[:40], do="correct the address"
            )
        services.reception.accept(sender, number, attempt, Phase(phase), data)
        return Accepted()

    @router.get("/rounds/{number}/{attempt}/vector")
    def arrived(sender: Sender, number: Number, attempt: Number) -> VectorReply:  # type: ignore[valid-type]
        expected = services.vectors.expect(sender, number, attempt)
        return VectorReply.of(services.vectors.progress(expected, UPLOAD))

    @router.put("/rounds/{number}/{attempt}/vector")
    async def upload(
        number: Number,
        attempt: Number,
        head: Annotated[SignedHead, Depends(signatures.head)],
        offset: Offset = 0,
    ) -> VectorReply:
        services.registry.note_seen(head.sender)
        return await take_vector(
            services.vectors,
            head.stream(limit=VECTOR_BYTES),
            partner=head.sender,
            number=number,
            attempt=attempt,
            offset=offset,
            route=UPLOAD,
        )


def _add_releases(router: APIRouter, services: Services, Sender: object, Body: object) -> None:
    @router.get("/releases")
    def releases(_sender: Sender) -> list[ReleaseLine]:  # type: ignore[valid-type]
        return [
            ReleaseLine(
                release=each.release.hex(),
                round=each.manifest.round,
                attempt=each.manifest.attempt,
                questions=[block.question for block in each.manifest.answer.blocks],
                survivors=[partner.hex() for partner in each.manifest.survivors],
                at=each.at,
            )
            for each in services.library.releases()
        ]

    @router.get("/releases/{release}")
    def manifest(_sender: Sender, release: str) -> Response:  # type: ignore[valid-type]
        return _binary(encode(services.library.release(_hex(release, UnknownRelease)).signed))

    @router.get("/releases/{release}/payload")
    def payload(_sender: Sender, release: str) -> Response:  # type: ignore[valid-type]
        return FileResponse(services.library.payload_file(_hex(release, UnknownRelease)), media_type=BINARY)

    @router.post("/releases/{release}/votes")
    def vote(sender: Sender, release: str, data: Body) -> Accepted:  # type: ignore[valid-type]
        services.library.vote(decode(Signed, data), sender, _hex(release, UnknownRelease))
        return Accepted()


def _card(services: Services) -> Card:
    with reading(services.db) as connection:
        place = services.audit.place(connection)
    try:
        version = services.governance.latest().claimed
        roster = RosterPlace(height=version.height, hash=roster_hash(version).hex())
    except NoRoster:
        roster = None
    vocabulary, settings = services.library.latest_vocabulary(), services.settings
    fleet = f"{settings.reached_at}:{settings.fleet_port}"
    return Card(
        consortium=services.consortium.consortium.hex(),
        name=services.consortium.name,
        coordinator_key=services.consortium.coordinator_key.hex(),
        roster=roster,
        vocabulary=None if vocabulary is None else vocabulary.digest.hex(),
        audit=AuditPlace(size=place.size, root=place.root.hex()),
        server_time=services.clock.now(),
        fleet={"address": fleet} if settings.courier == "flower" else None,
    )


def _binary(content: bytes) -> Response:
    return Response(content, media_type=BINARY)


def _own(signed: Signed, sender: PartnerId) -> Signed:
    if signed.signer != sender:
        raise BadInput(
            expected="your own signature", came=f"that of {signed.signer.hex()}", do="send your own"
        )
    return signed


def _hex(text: str, error: type[UnknownRelease] | type[UnknownVocabulary]) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise error(expected="64 hexadecimal digits", came=text[:64], do="correct the address") from None
