"""A wire between a company and the coordinator that a test can cut: a TCP forwarder, in threads.

It stands before the coordinator as network address translation would: what companies know is
``listen``, where the coordinator really listens is ``to``. ``life_s`` cuts every connection so long
after it was opened, as impatient firewalls do. A cut is a reset (RST) on both sides.
"""

import contextlib
import socket
import struct
import threading
import time
from typing import Self

PIECE = 1 << 16
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with a time of zero: closing sends RST."""


def reset(*ends: socket.socket) -> None:
    """End connections the hard way: whoever reads here wakes up, the other machine gets RST."""
    for end in ends:
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RD)  # says nothing to the other side, unlike SHUT_WR
        end.close()


def join(near: socket.socket, far: socket.socket) -> None:
    """Pass bytes both ways until both sides have said all; a broken side breaks the other."""
    back = threading.Thread(target=_copy, args=(far, near), daemon=True)
    back.start()
    _copy(near, far)
    back.join()
    near.close()
    far.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(PIECE):
            target.sendall(piece)
        if source.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(RESET)) == RESET:
            raise ConnectionResetError  # we were woken to be cut
        target.shutdown(socket.SHUT_WR)
    except OSError:
        reset(source, target)


class Wire:
    """Forwards every connection to ``listen`` on to ``to``. Use as a context manager."""

    def __init__(
        self, to: tuple[str, int], *, listen: tuple[str, int] = ("127.0.0.1", 0), life_s: float | None = None
    ) -> None:
        self.life_s = life_s
        self.opened = self.dropped = 0
        self._to = to
        self._whole = True
        self._ends: dict[tuple[socket.socket, socket.socket], float] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._listener = socket.create_server(listen)
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        for work in (self._accept, self._drop_old):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._drop(0.0)

    def cut(self) -> None:
        """Reset what is connected, and whoever comes, until :meth:`mend`."""
        self._whole = False
        self._drop(0.0)

    def mend(self) -> None:
        """Let connections through again."""
        self._whole = True

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._whole:
                reset(near)
                continue
            try:
                far = socket.create_connection(self._to, timeout=5)
            except OSError:
                reset(near)
                continue
            far.settimeout(None)
            with self._lock:
                self.opened += 1
                self._ends[near, far] = time.monotonic()
            threading.Thread(target=join, args=(near, far), daemon=True).start()

    def _drop_old(self) -> None:
        while not self._closing.wait(0.05):
            if self.life_s is not None:
                self._drop(self.life_s)

    def _drop(self, older_than_s: float) -> None:
        """End the connections of at least that age; forget those that ended by themselves."""
        now = time.monotonic()
        with self._lock:
            due = [pair for pair, opened in self._ends.items() if now - opened >= older_than_s]
            for pair in due:
                del self._ends[pair]
        for pair in due:
            self.dropped += pair[0].fileno() != -1
            reset(*pair)
