"""Who is at the other end of a unix socket, as the kernel says it (unix(7), SO_PEERCRED)."""

import asyncio
import socket
import struct
from typing import Final

import structlog
from uvicorn.protocols.http.auto import AutoHTTPProtocol

_UCRED: Final = struct.Struct("3i")
"""struct ucred: pid, uid, gid."""

CONNECTIONS: Final = 64
"""On one unix socket at the same time: a courier needs a few."""

_log = structlog.get_logger(__name__)


def uid_of(peer: socket.socket) -> int:
    """The user id of the process that connected.

    >>> import os
    >>> ours, theirs = socket.socketpair(socket.AF_UNIX)
    >>> uid_of(ours) == os.getuid()
    True
    >>> for each in (ours, theirs):
    ...     each.close()
    """
    packed = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, uid, _ = _UCRED.unpack(packed)
    return int(uid)


def only_from(uids: frozenset[int]) -> type[asyncio.Protocol]:
    """A uvicorn HTTP protocol that hangs up on whoever is not one of ``uids``, before a byte is read.

    Beyond :data:`CONNECTIONS` at the same time it hangs up on everybody, so that a peer that opens many and
    says nothing takes its own socket away and not the daemon's files.
    """
    served: set[object] = set()

    class _Guarded(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # chosen by uvicorn at import
        def connection_made(self, transport: asyncio.Transport) -> None:
            peer = uid_of(transport.get_extra_info("socket"))
            if peer not in uids or len(served) >= CONNECTIONS:
                _log.warning("socket refused a connection", uid=peer, open=len(served))
                transport.abort()
                return
            served.add(self)
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            if self in served:
                served.discard(self)
                super().connection_lost(error)

    return _Guarded
