"""How far a program of the courier can be shut in on this machine, and the command line that does it.

Bubblewrap gives a program its own mounts, processes and network: it sees the Python environment, its own
folder and the files it is given, and has no network at all but the pipes of its cell
(:mod:`participant.courier.cell`). Where the daemon runs as root, the program runs as another user besides.
Whether it works here is found by trying, and said on the console, in `status` and in the log.

>>> Isolation.SANDBOX.sentence
'The courier runs in a sandbox: no network but the coordinator, no files of this node.'
"""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Final

from participant.courier import cell
from participant.errors import BadSettings

SYSTEM_PATHS: Final = ("/usr", "/bin", "/lib", "/lib64", "/sbin", "/etc/ld.so.cache", "/etc/alternatives")
"""What an interpreter and its shared libraries need; no /etc/passwd, no resolver, no host names."""

MEMORY_DISK: Final = Path("/tmp")  # noqa: S108  # the cell's own, gone with it
MEMORY_DISK_BYTES: Final = 256 * 2**20
"""All that a program can write: the rest of its cell is read-only."""

TASKS: Final = 128
"""Processes and threads of a cell; 18 were seen in SuperNode's, 14 in that of SuperExec and a ClientApp."""

TRY_WITHIN_S: Final = 15.0
STRANGER: Final = "nobody"
"""The courier's user beside a daemon that runs as root, unless the settings name another."""


class Isolation(Enum):
    """How the courier is kept from what is not its business."""

    SANDBOX = "sandbox"
    APART = "apart"
    NONE = "none"

    @property
    def sentence(self) -> str:
        """What it means, for whoever looks after this node."""
        return {
            Isolation.SANDBOX: "The courier runs in a sandbox: no network but the coordinator, "
            "no files of this node.",
            Isolation.APART: "The courier runs apart, in a container of its own; what it may reach is set there.",
            Isolation.NONE: "THE COURIER IS NOT ISOLATED: it runs with the rights of this node's user. "
            "Install bubblewrap (Debian: apt-get install bubblewrap) and permit user namespaces, or run "
            "the courier apart in a container.",
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The courier's user and group; those of this process when nothing changes."""

    uid: int
    gid: int

    @property
    def is_another(self) -> bool:
        """Whether a program has to change to it."""
        return self.uid != os.getuid()

    def owns(self, path: Path) -> Path:
        """Give ``path`` to this user; returns it. Only root can, and only root needs to."""
        if self.is_another:
            os.chown(path, self.uid, self.gid)
        return path

    def folder(self, path: Path) -> Path:
        """Make the folder ``path``, open to this user alone; returns it."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.owns(path)


def courier_user(name: str) -> User:
    """The user ``name`` (or number) of the settings; by default "nobody" under root, else this user.

    Raises:
        BadSettings: there is no such user.
    """
    if not name and os.getuid() != 0:
        return User(uid=os.getuid(), gid=os.getgid())
    if name.isdigit():
        return User(uid=int(name), gid=int(name))
    try:
        entry = pwd.getpwnam(name or STRANGER)
    except KeyError:
        raise BadSettings(
            expected="a user of this machine as courier.user",
            came=repr(name or STRANGER),
            do="make that user (`useradd --system --shell /usr/sbin/nologin altrove-courier`) or name another",
        ) from None
    return User(uid=entry.pw_uid, gid=entry.pw_gid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one program may touch. In a sandbox it writes to a memory disk of its own that ends with it.

    ``folder`` is where it writes without a sandbox, ``reads`` and ``writes`` what it is given, ``hides`` the
    node's home, which stays out of sight even where it lies below the Python environment; ``enters`` and
    ``offers`` are its pipes, and ``shows`` the certificate and key under which it enters the first, if any.
    """

    folder: Path
    hides: Path
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    enters: tuple[tuple[int, Path], ...] = ()
    offers: tuple[tuple[Path, int], ...] = ()
    shows: Path | None = None

    def home(self, isolation: Isolation) -> Path:
        """The folder in which the program starts and writes."""
        return MEMORY_DISK if isolation is Isolation.SANDBOX else self.folder

    def argv(self, program: Iterable[str], isolation: Isolation, user: User) -> tuple[str, ...]:
        """The whole command line of ``program`` in this cell."""
        words = [sys.executable, "-I", "-S", str(Path(cell.__file__)), "--folder", str(self.home(isolation))]
        if isolation is Isolation.SANDBOX:
            words += ["--tasks", str(TASKS)]
        if isolation is Isolation.SANDBOX and user.is_another:
            words += ["--user", f"{user.uid}:{user.gid}"]
        for port, path in self.enters:
            words += ["--enter", str(port), str(path)]
        if self.shows is not None:
            words += ["--shows", str(self.shows)]
        for path, port in self.offers:
            words += ["--offer", str(path), str(port)]
        words += ["--", *program]
        return (*self._walls(user), *words) if isolation is Isolation.SANDBOX else tuple(words)

    def _walls(self, user: User) -> tuple[str, ...]:
        # Who is told to end is the program, which has to take its leave of the fleet: bubblewrap would end
        # at once and take it along.
        words = ["/usr/bin/env", "--ignore-signal=TERM", _bubblewrap(), "--unshare-pid", "--unshare-net"]
        words += ["--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent"]
        words += ["--cap-drop", "ALL"]
        if user.is_another:
            # Root needs no user namespace, and in one it could not become another user. The cell gives
            # these two up with its user, before the program starts, and forbids further namespaces.
            words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        else:
            words += ["--unshare-user", "--disable-userns"]
        words += ["--proc", "/proc", "--dev", "/dev"]
        words += ["--perms", "1777", "--size", str(MEMORY_DISK_BYTES), "--tmpfs", str(MEMORY_DISK)]
        python = [*_interpreter(), Path(cell.__file__), cell.LAUNCH]
        given = (*map(Path, SYSTEM_PATHS), *python, *self.reads, *self.writes)
        for parent in sorted({parent for path in given for parent in path.parents}):
            words += ["--dir", str(parent)]  # bubblewrap's own would be closed to another user
        for system in SYSTEM_PATHS:
            words += ["--ro-bind-try", system, system]
        for path in python:
            words += ["--ro-bind", str(path), str(path)]
        read_only = ["/dev", "/"]  # disks of memory without a size, made by bubblewrap itself
        if any(self.hides.is_relative_to(path) for path in (*map(Path, SYSTEM_PATHS), *python)):
            words += ["--perms", "0755", "--tmpfs", str(self.hides)]
            read_only.append(str(self.hides))
        for flag, paths in (("--ro-bind", self.reads), ("--bind", self.writes)):
            for bound in paths:
                words += [flag, str(bound), str(bound)]
        for disk in read_only:
            words += ["--remount-ro", disk]
        return (*words, "--")


@lru_cache(maxsize=8)
def find_isolation(user: User) -> Isolation:
    """The best isolation that this machine permits, found by trying it once."""
    return Isolation.NONE if why_no_sandbox(user) else Isolation.SANDBOX


def why_no_sandbox(user: User) -> str:
    """Why no sandbox works here, in words; empty when one does. Found by trying it now."""
    if not shutil.which("bwrap"):
        return "bwrap is not installed"
    tried = Cell(folder=MEMORY_DISK, hides=MEMORY_DISK / "nothing")
    argv = tried.argv((sys.executable, "-I", "-S", "-c", ""), Isolation.SANDBOX, user)
    try:
        done = subprocess.run(
            argv, env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=TRY_WITHIN_S, check=False
        )
    except OSError as error:
        return f"bubblewrap could not be started: {error}"
    except subprocess.TimeoutExpired:
        return f"bubblewrap did not end within {TRY_WITHIN_S:.0f} s"
    said = done.stderr.decode(errors="replace").strip().splitlines() or [f"nothing; status {done.returncode}"]
    return f"bubblewrap said: {said[-1]}" if done.returncode else ""


def _bubblewrap() -> str:
    return shutil.which("bwrap") or "bwrap"


def _interpreter() -> tuple[Path, ...]:
    """The folders of this Python: the virtual environment and the installation it stands on."""
    found = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}
    return tuple(path for path in sorted(found) if not path.is_relative_to("/usr"))
