"""One program of the courier in its cell: another user, no privileges, and two pipes instead of a network.

Run as a script with the standard library only, inside the sandbox (:mod:`participant.courier.sandbox`)
or without one. It gives up the user it was started as, joins loopback ports to unix sockets, runs the
program, and ends when the program ends. ``--tasks`` counts only in a user namespace of the cell's own.

``python -I -S cell.py --user 65534:65534 --enter 9443 fleet.sock --offer runtime.sock 9094 -- program ...``

``--enter PORT SOCKET``: who connects to PORT on this cell's loopback reaches SOCKET. With ``--shows FILE`` (a
certificate and its key) these ports speak TLS up to this process; what reaches SOCKET is plain.
``--offer SOCKET PORT``: who connects to SOCKET reaches PORT on this cell's loopback.
"""

import argparse
import asyncio
import contextlib
import ctypes
import os
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

PIECE_BYTES = 2**16
LAUNCH = Path(__file__).resolve().parents[2] / "protocols" / "service" / "launch.py"

GOODBYE_S = 1.0
"""How long TLS waits for the other side to end as well; what it says meanwhile is lost, so it has to notice soon."""

_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER without a time: closing sends a reset."""

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


_joined: set[asyncio.Task[None] | None] = set()


async def join(
    one: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    other: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Pass bytes both ways until both sides have said all, or one is gone; then close both.

    asyncio itself forgets a connection one side of which has ended: without a reference here the garbage
    collector would cut the other side off.
    """
    task = asyncio.current_task()
    _joined.add(task)
    try:
        await asyncio.gather(_pass(one[0], other[1]), _pass(other[0], one[1]))
    except (OSError, asyncio.IncompleteReadError):
        pass  # a side that is gone is the usual end of a connection
    finally:
        _joined.discard(task)
        for _, writer in (one, other):
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    silent = True
    while piece := await source.read(PIECE_BYTES):
        silent = False
        target.write(piece)
        await target.drain()
    if silent:
        reset(target)
    elif target.can_write_eof():
        target.write_eof()
    else:
        target.close()  # TLS ends both ways at once


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as if nobody had been there.

    A polite end in the middle of a TLS handshake reads like broken TLS, on which SuperNode gives up for good;
    after a reset it tries again.
    """
    connected = writer.get_extra_info("socket")
    if connected is not None:  # under TLS: not gone already
        with contextlib.suppress(OSError):
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()


async def enter(port: int, path: str, tls: ssl.SSLContext | None = None) -> asyncio.Server:
    """Listen on loopback ``port``, under TLS where ``tls`` says so; every connection reaches the unix socket ``path``."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            beyond = await asyncio.open_unix_connection(path)
        except OSError:
            reset(writer)
            return
        with contextlib.suppress(asyncio.CancelledError):  # the program has ended, and this cell with it
            await join((reader, writer), beyond)

    patience: dict[str, Any] = {} if tls is None else {"ssl_shutdown_timeout": GOODBYE_S}
    return await asyncio.start_server(accept, "127.0.0.1", port, ssl=tls, **patience)


async def offer(path: str, port: int) -> asyncio.Server:
    """Listen on the unix socket ``path``; every connection reaches loopback ``port``."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            beyond = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            reset(writer)
            return
        with contextlib.suppress(asyncio.CancelledError):  # the program has ended, and this cell with it
            await join((reader, writer), beyond)

    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108  # nothing else runs yet
    return await asyncio.start_unix_server(accept, path)


LIMITS = (
    (resource.RLIMIT_AS, 2 * 2**30),
    (resource.RLIMIT_FSIZE, 256 * 2**20),
    (resource.RLIMIT_NOFILE, 1024),
    (resource.RLIMIT_NPROC, 4096),
    (resource.RLIMIT_CORE, 0),
)
"""What one process may take: address space, the size of a file (its log too), files, processes, no core dumps.

Most address space that Flower's processes were seen to take is 430 MiB, with a vector of 128 MiB on its way."""

LOCK = (
    "/usr/bin/env",
    "--ignore-signal=TERM",
    "bwrap",
    "--unshare-user",
    "--disable-userns",
    "--dev-bind",
    "/",
    "/",
)
"""In a user namespace of its own a program has every capability again; this one makes further ones impossible."""


def become(user: str) -> None:
    """Give up groups, group, user and the right to ever gain any, for good; ``user`` is UID:GID."""
    for kind, wanted in LIMITS:
        hard = resource.getrlimit(kind)[1]
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (most, most))
    if user:
        uid, gid = (int(part) for part in user.split(":"))
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    if sys.platform == "linux":
        libc, parent = ctypes.CDLL(None, use_errno=True), os.getppid()
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "cannot give up privileges")
        # A change of user clears what the launcher had asked for.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(1)


def bounded(program: list[str], tasks: int) -> list[str]:
    """``program`` with at most ``tasks`` processes and threads in its user namespace.

    Linux counts them by user namespace since 5.14; an older one would count all that its user runs on this
    machine, and the limit of :data:`LIMITS` has to do.
    """
    release = tuple(int(part) for part in os.uname().release.split(".")[:2] if part.isdigit())
    if not tasks or release < (5, 14):
        return program
    most = min(tasks, resource.getrlimit(resource.RLIMIT_NPROC)[1])
    return ["/usr/bin/env", "prlimit", f"--nproc={most}:{most}", *program]


def locked(program: list[str], tasks: int) -> list[str]:
    """``program`` without a way to a new user namespace, where the system lets a program make one at all."""
    if _well([*LOCK, "--", "true"]):
        return [*LOCK, "--", *bounded(program, tasks)]
    if _well(["unshare", "--user", "true"]):
        sys.exit("a program in this cell could make user namespaces; it is not started")
    return program


def _well(words: list[str]) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def showing(file: str) -> ssl.SSLContext | None:
    """TLS with the certificate and key in ``file``; none without a file."""
    if not file:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def run(
    enters: list[list[str]], offers: list[list[str]], program: list[str], tls: ssl.SSLContext | None
) -> int:
    """Open the pipes, run the program with this environment, and return its exit status."""
    servers = [await enter(int(port), path, tls) for port, path in enters]
    servers += [await offer(path, int(port)) for path, port in offers]
    # The whole group is told to end; this process waits for its program, which may have something to say.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid())), *program
    )
    status = await process.wait()
    for server in servers:
        server.close()
    return status if status >= 0 else 128 - status


def main(arguments: list[str]) -> int:
    """Parse, become, run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--user", default="")
    parser.add_argument("--folder", required=True)
    parser.add_argument("--tasks", type=int, default=0)
    parser.add_argument("--enter", nargs=2, action="append", default=[])
    parser.add_argument("--shows", default="")
    parser.add_argument("--offer", nargs=2, action="append", default=[])
    parser.add_argument("program", nargs=argparse.REMAINDER)
    asked = parser.parse_args(arguments)
    become(asked.user)
    os.chdir(asked.folder)  # only now: it may be closed to whoever this was before
    shut_in = locked if asked.user else bounded
    program = shut_in(asked.program[1:], asked.tasks)
    return asyncio.run(run(asked.enter, asked.offer, program, showing(asked.shows)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
