"""Masked vectors as they stream in: joined into pieces worth a trip to a worker thread, and taken."""

from collections.abc import AsyncIterator
from typing import Annotated, Self

from fastapi import Query
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from coordinator.rounds.vectors import Progress, Vectors
from protocols.identity import PartnerId
from protocols.limits import CHUNK_BYTES

Offset = Annotated[int, Query(ge=0, multiple_of=CHUNK_BYTES)]
"""Where in the vector the bytes of a request begin."""


class VectorReply(BaseModel):
    """How many bytes of a vector are here, verified, from its beginning on; ``size`` is all of it."""

    have: int
    size: int

    @classmethod
    def of(cls, progress: Progress) -> Self:
        """The progress in JSON."""
        return cls(have=progress.have_bytes, size=progress.size_bytes)


async def take_vector(
    vectors: Vectors,
    stream: AsyncIterator[bytes],
    *,
    partner: PartnerId,
    number: int,
    attempt: int,
    offset: int,
    route: str,
) -> VectorReply:
    """Take the bytes of ``stream`` as those of a vector from ``offset`` on; how much of it is here now.

    A vector that is whole already takes nothing more: the same bytes again get the same reply.

    Raises:
        UnknownRound, NotInCohort, NoHeaderYet, AttemptGone, BadChunk, StorageFull: as :class:`Vectors`.
    """
    expected = await run_in_threadpool(vectors.expect, partner, number, attempt)
    if expected.header is None:
        async for _ in stream:
            pass
        return VectorReply.of(await run_in_threadpool(vectors.progress, expected, route))
    arrival = await run_in_threadpool(vectors.receive, expected, expected.header, offset)
    async for piece in in_large_pieces(stream):
        await run_in_threadpool(arrival.feed, piece)
    return VectorReply.of(await run_in_threadpool(vectors.accept, arrival, expected, expected.header, route))


async def in_large_pieces(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join the network's small pieces up to ``CHUNK_BYTES`` each; at most two of them are in memory."""
    buffer = bytearray()
    async for piece in stream:
        buffer += piece
        if len(buffer) >= CHUNK_BYTES:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)
