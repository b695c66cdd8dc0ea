"""Connections that keep a daemon waiting are hung up on: who says nothing, and who says it byte by byte.

uvicorn waits for ever for a request's head and for its body, so that a stranger could hold a listener's files
and memory with a few bytes a minute. This stands behind every TCP listener, before a request is looked at.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

LOOK_EVERY_S: Final = 15.0
"""A request's head has to be complete within this time, or twice as long after an answer."""

BYTES_PER_S: Final = 4096
"""A body has to arrive at least as fast as this while somebody reads it: 32 kbit/s."""


class Hurried(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # chosen by uvicorn at import
    """uvicorn's HTTP protocol with a watch on the other end's haste."""

    look_every_s = LOOK_EVERY_S

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to watch."""
        super().connection_made(transport)
        self._arrived = 0
        self._answered: Any = None
        self._look = self.loop.call_later(self.look_every_s, self._watch)

    def data_received(self, data: bytes) -> None:
        """Count what arrives."""
        self._arrived += len(data)
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Watch no longer."""
        self._look.cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        cycle, arrived = self.cycle, self._arrived
        self._arrived = 0
        if cycle is None or cycle.response_complete:
            late = cycle is self._answered
            self._answered = cycle
        else:
            reads = cycle.more_body and not self.flow.read_paused
            late = reads and arrived < self.look_every_s * BYTES_PER_S
        if late:
            self.transport.abort()
        else:
            self._look = self.loop.call_later(self.look_every_s, self._watch)
