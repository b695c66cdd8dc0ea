"""The courier's one way into the network: a unix socket that leads to the coordinator's fleet listener.

The daemon opens it; whoever connects and is the courier's user (or this daemon's) is joined to exactly one
address, through the company's HTTP proxy where one is set. TLS runs from the courier to the coordinator,
so what passes here is ciphertext. The courier itself needs no network, no resolver and no proxy settings.
"""

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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
    """The fleet, or the proxy on the way to it; the words are for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """From here to the fleet: ``fleet`` is host:port, ``proxy`` the company's, where it has one."""

    fleet: str
    proxy: HttpProxy | None = None

    async def connect(self) -> Streams:
        """Open a connection to the fleet.

        Raises:
            CannotReach: nobody answers, or the proxy refuses.
        """
        first = f"the fleet at {self.fleet}" if self.proxy is None else f"the proxy {self.proxy}"
        try:
            way = self._direct() if self.proxy is None else self._through(self.proxy)
            return await asyncio.wait_for(way, CONNECT_WITHIN_S)
        except TimeoutError:
            raise CannotReach(f"{first} is silent for {CONNECT_WITHIN_S:.0f} s") from None
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise CannotReach(f"{first} does not answer ({type(error).__name__})") from None

    async def _direct(self) -> Streams:
        host, port = self.fleet.rsplit(":", 1)
        return await asyncio.open_connection(host.strip("[]"), int(port))

    async def _through(self, proxy: HttpProxy) -> Streams:
        reader, writer = await asyncio.open_connection(proxy.host, proxy.port, limit=HEAD_BYTES)
        try:
            words = [f"CONNECT {self.fleet} HTTP/1.1", f"Host: {self.fleet}"]
            if proxy.authorization:
                words.append(f"Proxy-Authorization: {proxy.authorization}")
            writer.write("\r\n".join([*words, "", ""]).encode())
            status = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1:2]
            if status != [b"%d" % OK]:
                said = b"".join(status)[:3]
                told = advice(int(said) if said.isdigit() else 0)
                raise CannotReach(
                    f"the proxy {proxy} refuses {self.fleet} ({said.decode('ascii', 'replace')}): {told}"
                )
        except BaseException:
            writer.close()
            raise
        return reader, writer


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
