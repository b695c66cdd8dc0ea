"""How much memory the demo really takes: the proportional set size (PSS) of its own processes.

PSS counts a page shared by n processes as 1/n in each, so that the sum over processes is what the
machine gives; resident sizes would count torch's libraries once per process.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from deploy.local.processes import Processes

EVERY_S = 1.5


@dataclass(slots=True, kw_only=True)
class MemoryWatch:
    """A thread that samples every process of the demo and keeps the highest values."""

    processes: Processes
    seen: Callable[[int], None] = lambda _total: None
    peak_total_bytes: int = 0
    peak_bytes: dict[str, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def sample(self) -> None:
        """Look once at every process."""
        total = 0
        now: dict[str, int] = {}
        for daemon in list(self.processes.daemons.values()):
            for process in self.processes.family(daemon):
                size = pss_bytes(process.pid)
                name = f"{daemon.name}: {_role(process)}"
                now[name] = now.get(name, 0) + size
                total += size
        for name, size in now.items():
            self.peak_bytes[name] = max(size, self.peak_bytes.get(name, 0))
        self.peak_total_bytes = max(total, self.peak_total_bytes)
        self.seen(total)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.sample()
            self._stop.wait(EVERY_S)


def pss_bytes(pid: int) -> int:
    """Proportional set size of one process; 0 when it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _role(process: psutil.Process) -> str:
    """A short name of what the process is: the program, not the interpreter.

    The words of the command are looked at from the left, so that arguments do not count.
    """
    with suppress(psutil.Error, IndexError):
        words: list[str] = process.cmdline()
        for word in words[:5]:
            name = Path(word).name
            if not name.startswith(("python", "-", "sh")) and "\n" not in word:
                return name
        if "-m" in words:
            return words[words.index("-m") + 1]
        if "-c" in words:
            return "python"
    return "ending"


def megabytes(size: int) -> str:
    """Bytes for people.

    >>> megabytes(1_500_000), megabytes(7_250_000_000)
    ('2 MB', '7.2 GB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def available_bytes() -> int:
    """Memory that can be used without swapping."""
    return int(psutil.virtual_memory().available)
