"""What is done to a process, and how it is found among the descendants of the two daemons.

A fault is injected at once and returns what mends it: SIGCONT, the operator's restart, or nothing
where the product itself has to notice. ``disconnect`` takes every network connection and unix-socket
connection of one process and shuts it down, again and again for a while, as a broken network would:
the descriptors are borrowed with pidfd_getfd(2), so the process itself notices nothing but the loss.
"""

import ctypes
import os
import signal
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

STOPPED_S = 8.0
"""How long a daemon stands still: longer than its own supervision, or a peer's patience, takes to notice."""

DISCONNECTED_S = 6.0
"""How long connections are cut."""

_PIDFD_GETFD = 438
_LIBC = ctypes.CDLL(None, use_errno=True)


class Process(StrEnum):
    """What can fail."""

    SUPERNODE = "SuperNode"
    NODE_SUPEREXEC = "SuperExec of the node"
    CLIENTAPP = "ClientApp"
    SUPERLINK = "SuperLink"
    FLEET_SUPEREXEC = "SuperExec of the coordinator"
    SERVERAPP = "ServerApp"
    NODE = "node daemon"
    COORDINATOR = "coordinator daemon"


class Kind(StrEnum):
    """What happens to it."""

    KILL = "kill"
    STOP = "stop"
    DISCONNECT = "disconnect"


WORDS = {
    Process.SUPERNODE: "flower-supernode",
    Process.NODE_SUPEREXEC: "flower-superexec",
    Process.CLIENTAPP: "flwr-clientapp",
    Process.SUPERLINK: "superlink.py",
    Process.FLEET_SUPEREXEC: "flower-superexec",
    Process.SERVERAPP: "flwr-serverapp",
}
"""A word in the command line of each process that a daemon runs."""

AT_THE_NODE = {Process.SUPERNODE, Process.NODE_SUPEREXEC, Process.CLIENTAPP, Process.NODE}


@dataclass(frozen=True, slots=True)
class Mark:
    """A process that cannot be confused with a later one of the same pid."""

    pid: int
    started: float

    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            return process.create_time() == self.started and process.status() != psutil.STATUS_ZOMBIE
        return False

    def words(self) -> str:
        """The beginning of its command line."""
        with suppress(psutil.Error):
            return " ".join(psutil.Process(self.pid).cmdline())[:160]
        return "gone"


def family(pid: int) -> set[Mark]:
    """A process and all its descendants."""
    marks = set()
    with suppress(psutil.Error):
        leader = psutil.Process(pid)
        for process in (leader, *leader.children(recursive=True)):
            with suppress(psutil.Error):
                marks.add(Mark(process.pid, process.create_time()))
    return marks


def find(daemon: int, process: Process) -> int:
    """The pid of ``process`` below the daemon, 0 when there is none. A sandbox around it is not it."""
    found = 0
    with suppress(psutil.Error):
        for child in psutil.Process(daemon).children(recursive=True):
            with suppress(psutil.Error):
                words = " ".join(child.cmdline()[:6])
                if child.name() != "bwrap" and WORDS[process] in words:
                    found = max(found, child.pid)
    return found


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process that may have ended meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def disconnect(pid: int, for_s: float = DISCONNECTED_S) -> threading.Thread:
    """Cut every connection of ``pid``, and each new one, for a while; in a thread."""
    cutting = threading.Thread(target=_keep_cutting, args=(pid, time.monotonic() + for_s), daemon=True)
    cut(pid)
    cutting.start()
    return cutting


def _keep_cutting(pid: int, until: float) -> None:
    with suppress(ProcessLookupError):
        while time.monotonic() < until:
            cut(pid)
            time.sleep(0.1)


def cut(pid: int) -> int:
    """Shut down every connection of a process once; how many there were.

    Listening sockets, and the unnamed pairs that a program keeps for itself, are no connections.
    """
    count = 0
    handle = os.pidfd_open(pid)
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if str(descriptor.readlink()).startswith("socket:"):
                    count += _shut(_borrow(handle, int(descriptor.name)))
    except FileNotFoundError:
        pass
    finally:
        os.close(handle)
    return count


def _borrow(handle: int, descriptor: int) -> socket.socket:
    borrowed = _LIBC.syscall(_PIDFD_GETFD, handle, descriptor, 0)
    if borrowed < 0:
        number = ctypes.get_errno()
        if number == 1:
            raise SystemExit(
                "expected: permission to borrow another process's sockets (pidfd_getfd); came: EPERM; do: run "
                "the matrix as root, or with CAP_SYS_PTRACE"
            )
        raise OSError(number, os.strerror(number))
    return socket.socket(fileno=borrowed)


def _shut(end: socket.socket) -> bool:
    with end:
        if end.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return False
        if end.family == socket.AF_UNIX and not (end.getsockname() or end.getpeername()):
            return False
        end.shutdown(socket.SHUT_RDWR)
        return True
