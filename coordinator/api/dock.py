"""The dock: a unix socket on which the courier leases work and hands in sealed bytes.

Whoever can open the socket is the courier's user. What it brings is believed only as far as the
members' signed headers go; a stale run is told 410 and ends itself.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from coordinator.api.numbers import Number
from coordinator.api.streams import Offset, VectorReply, take_vector
from coordinator.rounds.vectors import DOCK
from coordinator.services import Services
from protocols.limits import PIECE_BYTES
from protocols.service.waiting import LONGEST_POLL_S


class LeaseReply(BaseModel):
    """Work for a run: envelopes to exactly these Flower nodes, each of whom owes ``size`` bytes.

    ``have`` says how many of them are here already, where any are; ``piece`` is what one envelope brings.
    """

    lease: str
    round: int
    attempt: int
    nodes: list[str]
    have: dict[str, int]
    size: int
    piece: int
    ttl_s: int


class CourierError(BaseModel):
    """What Flower said instead of a reply."""

    code: int | str
    reason: str = ""


def dock_router(services: Services) -> APIRouter:
    """Every route of the dock; all are public to whoever may open the socket."""
    dock, vectors = services.dock, services.vectors
    router = APIRouter(prefix="/dock", tags=["dock"])

    @router.post("/lease", summary="Lease an attempt (public on the unix socket)")
    async def lease(run_id: str, wait_s: Annotated[int, Query(ge=0, le=LONGEST_POLL_S)] = 0) -> Response:
        found = await services.news.changes.wait(lambda: dock.lease(run_id), seconds=wait_s)
        if found is None:
            return Response(status_code=204)
        reply = LeaseReply(
            lease=found.lease,
            round=found.round,
            attempt=found.attempt,
            nodes=list(found.nodes),
            have={node: have for node, have in found.nodes.items() if have},
            size=found.size_bytes,
            piece=PIECE_BYTES,
            ttl_s=found.ttl_s,
        )
        return Response(reply.model_dump_json(), media_type="application/json")

    @router.put(
        "/vectors/{number}/{attempt}/{node}", summary="Hand in sealed bytes (public on the unix socket)"
    )
    async def vector(
        number: Number, attempt: Number, node: str, run_id: str, request: Request, offset: Offset = 0
    ) -> VectorReply:
        await run_in_threadpool(dock.check_run, run_id)
        partner = await run_in_threadpool(dock.member_of, node)
        return await take_vector(
            vectors,
            request.stream(),
            partner=partner,
            number=number,
            attempt=attempt,
            offset=offset,
            route=DOCK,
        )

    @router.post(
        "/vectors/{number}/{attempt}/{node}/error", summary="Report an error (public on the unix socket)"
    )
    def error(number: Number, attempt: Number, node: str, run_id: str, said: CourierError) -> Response:
        dock.check_run(run_id)
        dock.note_error(node, number, attempt, str(said.code), said.reason)
        return Response(status_code=200)

    @router.post("/leases/{lease}/done", summary="Acknowledge a lease (public on the unix socket)")
    def done(lease: str, run_id: str) -> Response:
        dock.done(lease, run_id)
        return Response(status_code=200)

    return router
