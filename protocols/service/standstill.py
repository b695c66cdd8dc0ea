"""The processes under a program, and which of them stand still: stopped and not continued.

A stopped process (SIGSTOP, Ctrl-Z) is not dead: nobody gets a SIGCHLD that says so, its sockets stay
open, and whoever asks it waits. Its state is read from /proc (proc_pid_stat(5)); a traced one is left
to its debugger. Where there is no /proc, nothing is ever found.

>>> Standstills(patience_s=5.0).overdue({"sleeper": 2**30}, now_s=0.0)
{}
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_STOPPED = b"T"


class Standstills:
    """Remembers since when a process is stopped. ``patience_s``: a short stop is nobody's business."""

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._since: dict[int, float] = {}

    def overdue(self, leaders: Mapping[str, int], *, now_s: float) -> dict[str, tuple[int, ...]]:
        """Programs, given by their leader's pid, with the pids that have been stopped for too long."""
        found = {name: tuple(filter(_is_stopped, tree(leader))) for name, leader in leaders.items()}
        stopped = {pid for pids in found.values() for pid in pids}
        self._since = {pid: self._since.get(pid, now_s) for pid in stopped}
        due = {
            name: tuple(pid for pid in pids if now_s - self._since[pid] >= self._patience_s)
            for name, pids in found.items()
        }
        return {name: pids for name, pids in due.items() if pids}


def tree(leader: int) -> Iterator[int]:
    """The pids of ``leader`` and all its descendants, as far as they run now."""
    with suppress(OSError):  # it ended while we looked
        tasks = tuple((_PROC / str(leader) / "task").iterdir())
        yield leader
        for task in tasks:
            for child in (task / "children").read_bytes().split():
                yield from tree(int(child))


def words_of(pid: int) -> str:
    """The command line of a process, "" when it ended."""
    with suppress(OSError):
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def _is_stopped(pid: int) -> bool:
    with suppress(OSError, ValueError):
        stat = (_PROC / str(pid) / "stat").read_bytes()
        return stat[stat.rindex(b")") + 2 :].startswith(_STOPPED)
    return False
