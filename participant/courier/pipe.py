"""The courier's one way into the network: a unix socket that leads to the coordinator's fleet listener.

The daemon opens it; whoever connects and is the courier's user (or this daemon's) is joined to exactly one
address, through the company's HTTP proxy where one is set. TLS begins here and not in the courier: what the
courier says, whatever it is, is sent only to whoever has proved on this very connection, by a certificate of
the consortium's authority, to be the coordinator's host. Where its name leads, and who answers at the port
that it names, is the coordinator's choice; a shop's console or database behind it gets a TLS greeting and no
byte of the courier's. The courier itself needs no network, no resolver and no proxy settings.
"""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from participant.courier import cell
from protocols.service.jobs import Stop
from protocols.service.peers import uid_of
from protocols.service.proxy import HttpProxy, advice

CONNECT_WITHIN_S: Final = 10.0
HEAD_BYTES: Final = 8_192
"""Longest answer of a proxy to CONNECT; what proxies say in pages of HTML is not needed."""
OK: Final = 200
CONNECTIONS: Final = 32
"""At the same time; a SuperNode needs a few, and each costs the daemon two file descriptors."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_log = structlog.get_logger(__name__)


class CannotReach(Exception):
    """The fleet, or the proxy on the way to it, or it is not the fleet; the words are for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """From here to the fleet: ``fleet`` is host:port, ``proxy`` the company's, where it has one.

    ``tls`` trusts the consortium's authority alone and shows no certificate: to the coordinator the courier
    is nobody's client but Flower's.
    """

    fleet: str
    tls: ssl.SSLContext
    proxy: HttpProxy | None = None

    @property
    def host(self) -> str:
        """Whom the fleet's certificate has to name."""
        return self.fleet.rsplit(":", 1)[0].strip("[]")

    @property
    def _under_tls(self) -> dict[str, Any]:
        return {"ssl": self.tls, "server_hostname": self.host, "ssl_shutdown_timeout": cell.GOODBYE_S}

    async def connect(self) -> Streams:
        """Open a connection to the fleet, which has shown its certificate when this returns.

        Raises:
            CannotReach: nobody answers, the proxy refuses, or who answers is not the coordinator.
        """
        first = f"the fleet at {self.fleet}" if self.proxy is None else f"the proxy {self.proxy}"
        try:
            way = self._direct() if self.proxy is None else self._through(self.proxy)
            return await asyncio.wait_for(way, CONNECT_WITHIN_S)
        except TimeoutError:
            raise CannotReach(f"{first} is silent for {CONNECT_WITHIN_S:.0f} s") from None
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or error.reason or "it speaks no TLS"
            raise CannotReach(f"who answers at {self.fleet} is not the coordinator ({why})") from None
        except OSError as error:
            raise CannotReach(f"{first} does not answer ({type(error).__name__})") from None

    async def _direct(self) -> Streams:
        port = int(self.fleet.rsplit(":", 1)[1])
        return await asyncio.open_connection(self.host, port, **self._under_tls)

    async def _through(self, proxy: HttpProxy) -> Streams:
        address = (proxy.host, proxy.port)
        tunnel = await asyncio.to_thread(socket.create_connection, address, CONNECT_WITHIN_S)
        try:
            tunnel.setblocking(False)
            words = [f"CONNECT {self.fleet} HTTP/1.1", f"Host: {self.fleet}"]
            if proxy.authorization:
                words.append(f"Proxy-Authorization: {proxy.authorization}")
            await asyncio.get_running_loop().sock_sendall(tunnel, "\r\n".join([*words, "", ""]).encode())
            status = (await _head(tunnel)).split(b" ", 2)[1:2]
            if status != [b"%d" % OK]:
                said = b"".join(status)[:3]
                told = advice(int(said) if said.isdigit() else 0)
                raise CannotReach(
                    f"the proxy {proxy} refuses {self.fleet} ({said.decode('ascii', 'replace')}): {told}"
                )
            return await asyncio.open_connection(sock=tunnel, **self._under_tls)
        except BaseException:
            tunnel.close()
            raise


async def _head(tunnel: socket.socket) -> bytes:
    """A proxy's answer, byte by byte: what comes after it is for TLS to judge.

    Raises:
        ConnectionError: it ends, or goes on beyond :data:`HEAD_BYTES`.
    """
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        piece = await asyncio.get_running_loop().sock_recv(tunnel, 1)
        if not piece or len(head) == HEAD_BYTES:
            raise ConnectionError
        head += piece
    return bytes(head)


class FleetPipe:
    """The listening end; bound at construction, served by :meth:`run` in a job of the daemon."""

    def __init__(self, path: Path, route: Route, *, uids: frozenset[int], mode: int) -> None:
        self._route = route
        self._uids = uids
        self._trouble = ""
        self._open = 0
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        path.chmod(mode)
        self._socket.listen(64)  # from now on who connects waits for `run`
        self._path = path

    def run(self, stop: Stop) -> None:
        """Serve until ``stop``, then cut what is open."""
        asyncio.run(self._serve(stop))

    async def _serve(self, stop: Stop) -> None:
        server = await asyncio.start_unix_server(self._accept, sock=self._socket)
        async with server:
            await asyncio.to_thread(_wait, stop)
        self._path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = uid_of(writer.get_extra_info("socket"))
        if peer not in self._uids or self._open >= CONNECTIONS:
            _log.warning("fleet pipe refused a connection", uid=peer, open=self._open)
            writer.close()
            return
        self._open += 1
        try:
            await self._pass_on(reader, writer)
        finally:
            self._open -= 1

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            beyond = await self._route.connect()
        except CannotReach as reason:
            if str(reason) != self._trouble:
                _log.warning("the courier cannot reach the fleet", detail=str(reason))
            self._trouble = str(reason)
            writer.close()
            return
        self._trouble = ""
        with contextlib.suppress(OSError, asyncio.CancelledError):  # cancelled when the daemon stops
            await cell.join((reader, writer), beyond)


def _wait(stop: Stop) -> None:
    while not stop.wait(3600.0):
        pass
