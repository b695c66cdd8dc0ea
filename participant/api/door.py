"""The door as the courier sees it: one path on a unix socket, constant answers, no detail.

200 the masked bytes from ``offset`` on, one piece at most and the same every time; 204 not yet; 410 nothing
comes (over, refused, STOP, or an offset beyond the end).
"""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from participant.door import Carriage, Door
from participant.exchange import Exchange
from protocols.errors import IllegalMove, Stopped
from protocols.limits import NUMBER_MAX
from protocols.service.waiting import LONGEST_POLL_S, Bell

OCTETS = "application/octet-stream"
Number = Annotated[int, Path(ge=0, le=NUMBER_MAX)]


def door_router(door: Door, exchange: Exchange, bell: Bell) -> APIRouter:
    """The router of the courier's unix socket."""
    router = APIRouter(include_in_schema=False)

    @router.get("/door/vectors/{round_number}/{attempt}")
    async def vector(
        round_number: Number,
        attempt: Number,
        offset: Annotated[int, Query(ge=0, le=NUMBER_MAX)] = 0,
        wait_s: Annotated[int, Query(ge=0, le=LONGEST_POLL_S)] = 0,
    ) -> Response:
        def look() -> Carriage | None:
            if exchange.is_over(round_number, attempt):
                return Carriage.CLOSED
            found = door.carriage(round_number, attempt)
            return None if found is Carriage.NOT_YET else found

        found = await bell.wait(look, seconds=wait_s)
        if found is None:
            return Response(status_code=204)
        if found is Carriage.CLOSED:
            return Response(status_code=410)
        try:
            piece = await run_in_threadpool(door.piece, round_number, attempt, offset=offset)
        except (Stopped, IllegalMove):  # STOP, or the end of the attempt, came in between
            return Response(status_code=410)

        def carried() -> Iterator[bytes]:
            yield from piece.read()
            exchange.fetched(round_number, attempt, is_last=piece.is_last)

        length = {"Content-Length": str(piece.size_bytes)}
        return StreamingResponse(carried(), media_type=OCTETS, headers=length)

    return router
