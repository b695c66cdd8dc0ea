"""Long polls that end at once when there is news, and when the daemon stops.

A bell is rung by whoever changed something, from any thread; every waiting request then looks again.

>>> import asyncio
>>> bell = Bell()
>>> asyncio.run(bell.wait(lambda: "news", seconds=20))
'news'
>>> asyncio.run(bell.wait(lambda: None, seconds=0)) is None
True
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

T = TypeVar("T")

LONGEST_POLL_S = 25
"""The most that a caller may ask to wait: shorter than the silence that proxies and clients bear."""

RELOOK_S = 2.0
"""Without a ring a waiting request looks again this often: another process may have written."""


class Bell:
    """Wakes every waiting long poll. :meth:`close` lets all of them go, for shutdown."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._closed = False

    def ring(self) -> None:
        """Something changed: let everybody look again. Safe from any thread."""
        with self._lock:
            waiting = tuple(self._waiting)
        for loop, event in waiting:
            with contextlib.suppress(RuntimeError):  # that loop has ended
                loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """Let every waiting request go empty-handed, now and from now on."""
        self._closed = True
        self.ring()

    async def wait(self, look: Callable[[], T | None], *, seconds: float) -> T | None:
        """Return what ``look`` finds, or None after ``seconds``. ``look`` runs in a worker thread."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        until = loop.time() + seconds
        with self._lock:
            self._waiting.add((loop, event))
        try:
            while True:
                event.clear()
                found = await run_in_threadpool(look)
                left = until - loop.time()
                if found is not None or left <= 0 or self._closed:
                    return found
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), min(left, RELOOK_S))
        finally:
            with self._lock:
                self._waiting.discard((loop, event))
