"""Bodies in pieces that are worth a trip to a worker thread."""

from collections.abc import AsyncIterator

from protocols.limits import CHUNK_BYTES


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
