"""Several listeners in one process: TLS, loopback TCP and unix sockets, each with its own app.

Sockets are opened before anything starts, so that a taken port is one clear message and nothing
half-started remains. SIGTERM and SIGINT end the process within three seconds, open long polls
included: ``on_stop`` lets them go (see :mod:`protocols.service.waiting`), what is left is cut.
"""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI

from protocols.service.errors import CannotListen, PortTaken
from protocols.service.patience import Hurried
from protocols.service.peers import only_from

GRACE_S = 1
"""Requests get this long to end by themselves once shutdown begins."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """A TCP listener; with ``tls`` it speaks TLS. ``flag`` is what the operator changes to move it."""

    app: FastAPI
    host: str
    port: int
    flag: str
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unix:
    """A unix-socket listener for this user and ``others`` (user ids): the kernel says who connects.

    ``mode`` is that of the socket's file; 0o600 keeps everybody else away from it in the first place.
    """

    app: FastAPI
    path: Path
    others: frozenset[int] = frozenset()
    mode: int = 0o600

    def __str__(self) -> str:
        return f"unix:{self.path}"


Listener = Tcp | Unix


class Listeners:
    """Opens the sockets of ``listeners`` at once; :meth:`serve` answers on them until stopped.

    Raises:
        PortTaken, CannotListen: at construction; nothing stays open.
    """

    def __init__(self, listeners: Sequence[Listener], *, on_stop: Callable[[], None] = lambda: None) -> None:
        self._listeners = tuple(listeners)
        self._on_stop = on_stop
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked = threading.Event()
        self._sockets: list[socket.socket] = []
        with contextlib.ExitStack() as stack:
            for listener in self._listeners:
                self._sockets.append(stack.enter_context(contextlib.closing(_open(listener))))
            stack.pop_all()
        self._bound = tuple(
            opened.getsockname()[1] if opened.family != socket.AF_UNIX else 0 for opened in self._sockets
        )
        self._servers = [_server(listener) for listener in self._listeners]

    @property
    def ports(self) -> tuple[int, ...]:
        """The bound port of each listener (0 for unix sockets); useful where port 0 was asked for."""
        return self._bound

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where each listener answers: ``https://host:port`` or ``unix:path``."""
        return tuple(
            str(replace(listener, port=port) if isinstance(listener, Tcp) else listener)
            for listener, port in zip(self._listeners, self._bound, strict=True)
        )

    def run(self) -> None:
        """Serve in the main thread until SIGTERM, SIGINT or :meth:`stop`."""
        asyncio.run(self.serve(signals=True))

    def wait_started(self, timeout_s: float) -> bool:
        """True once every listener answers; for callers in another thread."""
        return self._started.wait(timeout_s)

    def stop(self) -> None:
        """Ask :meth:`serve` to end; may be called from any thread, more than once."""
        self._stop_asked.set()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
                self._loop.call_soon_threadsafe(self._begin_stop)

    async def serve(self, *, signals: bool = False) -> None:
        """Answer on all listeners until stopped, then end all of them, apps' lifespans included."""
        self._loop = asyncio.get_running_loop()
        if signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.add_signal_handler(number, self._begin_stop)
        tasks = [
            asyncio.create_task(server.serve(sockets=[opened]))
            for server, opened in zip(self._servers, self._sockets, strict=True)
        ]
        announce = asyncio.create_task(self._announce())
        if self._stop_asked.is_set():
            self._begin_stop()
        try:
            # The first to end, by stop or by a failed start-up of its app, ends all.
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            self._begin_stop()
            await asyncio.gather(*tasks)
        finally:
            announce.cancel()
            self._close()

    def _begin_stop(self) -> None:
        if not all(server.should_exit for server in self._servers):
            _log.info("stopping", listeners=self.addresses)
            self._on_stop()
        for server in self._servers:
            server.should_exit = True

    async def _announce(self) -> None:
        for server in self._servers:
            await server.answering.wait()
        self._started.set()
        _log.info("listening", on=self.addresses)

    def _close(self) -> None:
        for opened, listener in zip(self._sockets, self._listeners, strict=True):
            opened.close()
            if isinstance(listener, Unix):
                listener.path.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to :class:`Listeners` and says when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self.answering.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(listener: Listener) -> _Server:
    tls = listener.tls if isinstance(listener, Tcp) else None
    guarded = only_from(listener.others | {os.getuid()}) if isinstance(listener, Unix) else Hurried
    config = uvicorn.Config(
        listener.app,
        http=guarded,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        ws="none",
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )
    return _Server(config)


def _open(listener: Listener) -> socket.socket:
    return _open_unix(listener) if isinstance(listener, Unix) else _open_tcp(listener)


def _open_tcp(listener: Tcp) -> socket.socket:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit it. Otherwise the body of every answer waits some 40 ms for the acknowledgement
    # of its head: asyncio sets this only on sockets that were made with their protocol's number.
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        opened.bind((listener.host, listener.port))
        opened.listen(256)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                expected=f"port {listener.port} of {listener.host} to be free",
                came="another process that listens there",
                do=f"end that process (`ss -ltnp 'sport = :{listener.port}'` names it) or choose another "
                f"port with {listener.flag}",
            ) from None
        raise CannotListen(
            expected=f"to listen on {listener.host}:{listener.port}",
            came=os.strerror(error.errno or 0),
            do=f"use an address of this machine and a port above 1023: {listener.flag}",
        ) from None
    return opened


def _open_unix(listener: Unix) -> socket.socket:
    path = str(listener.path)
    if len(os.fsencode(path)) > 107:
        raise CannotListen(
            expected="a socket path of at most 107 bytes", came=path, do="choose a shorter home folder"
        )
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _somebody_answers(path):
            raise PortTaken(
                expected=f"no other daemon on {path}",
                came="one that answers",
                do="stop the other daemon; two of them must not share a home folder",
            )
        listener.path.unlink(missing_ok=True)
        opened.bind(path)
        listener.path.chmod(listener.mode)
        opened.listen(64)
    except OSError as error:
        opened.close()
        raise CannotListen(
            expected=f"to create the socket {path}",
            came=os.strerror(error.errno or 0),
            do="check that its folder exists and belongs to this user",
        ) from None
    except PortTaken:
        opened.close()
        raise
    return opened


def _somebody_answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == 0
