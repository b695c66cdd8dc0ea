"""The processes that the demo started: started from lists, logged to files, ended by pid.

Every process and its descendants are remembered with pid *and* start time, on disk too, so that
``demo-clean`` can end what a killed demo left behind and never touches a stranger that was given
the same pid.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from deploy.local.faults import ProcessEnded, TookTooLong

STOP_WITHIN_S = 20.0
"""How long a daemon has to end its own children before it is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A process that cannot be confused with a later one of the same pid."""

    pid: int
    started: float

    @classmethod
    def of(cls, process: psutil.Process) -> Self:
        """The mark of a living process."""
        return cls(pid=process.pid, started=process.create_time())

    def living(self) -> psutil.Process | None:
        """The process, if it still runs."""
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) < 0.01 and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


@dataclass(slots=True, kw_only=True)
class Daemon:
    """One started process with its name and log."""

    name: str
    words: tuple[str, ...]
    popen: subprocess.Popen[bytes]
    log: Path
    mark: Mark

    def check(self) -> None:
        """Raise :class:`ProcessEnded` if it ended by itself."""
        code = self.popen.poll()
        if code is not None:
            raise ProcessEnded(
                expected=f"{self.name} to run",
                came=f"exit code {code}: {tail(self.log)}",
                do=f"read {self.log}",
            )


@dataclass(slots=True, kw_only=True)
class Processes:
    """All of them; a context manager that ends what is left."""

    folder: Path
    environment: Mapping[str, str]
    daemons: dict[str, Daemon] = field(default_factory=dict)
    known: set[Mark] = field(default_factory=set)

    def __enter__(self) -> Self:
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        # A second Ctrl-C must not interrupt the stopping and leave half of them behind.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self.stop_all()
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGINT, signal.default_int_handler)

    def start(self, name: str, words: Sequence[str]) -> Daemon:
        """Start a daemon in a session of its own: Ctrl-C reaches the demo, which ends it in order."""
        log = self.folder / "logs" / f"{name}.log"
        with log.open("ab") as target:
            popen = subprocess.Popen(
                list(words),
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        mark = Mark.of(psutil.Process(popen.pid))
        daemon = Daemon(name=name, words=tuple(words), popen=popen, log=log, mark=mark)
        self.daemons[name] = daemon
        self.known.add(mark)
        self._remember()
        return daemon

    def family(self, daemon: Daemon) -> list[psutil.Process]:
        """The daemon and its living descendants."""
        process = daemon.mark.living()
        if process is None:
            return []
        with suppress(psutil.Error):
            found = [process, *process.children(recursive=True)]
            fresh = set()
            for member in found:
                with suppress(psutil.Error):
                    fresh.add(Mark.of(member))
            if not fresh <= self.known:
                self.known |= fresh
                self._remember()
            return found
        return []

    def check(self) -> None:
        """Raise if a daemon ended by itself."""
        for daemon in self.daemons.values():
            daemon.check()

    def stop(self, name: str) -> None:
        """End one daemon and whatever it leaves behind."""
        daemon = self.daemons.pop(name)
        self.family(daemon)
        marks = self._marks_of(daemon)
        end(marks[:1])
        end(marks[1:], grace_s=3.0)
        daemon.popen.wait()

    def stop_all(self) -> None:
        """End every daemon, newest first, then every descendant that is still there."""
        for daemon in self.daemons.values():
            self.family(daemon)
        leaders = [daemon.mark for daemon in reversed(self.daemons.values())]
        end(leaders)
        end(self.known - set(leaders), grace_s=3.0)
        for daemon in self.daemons.values():
            with suppress(subprocess.TimeoutExpired):
                daemon.popen.wait(timeout=5)
        self.daemons.clear()
        _book(self.folder).unlink(missing_ok=True)

    def _marks_of(self, daemon: Daemon) -> list[Mark]:
        marks = [daemon.mark]
        for process in self.family(daemon)[1:]:
            with suppress(psutil.Error):
                marks.append(Mark.of(process))
        return marks

    def _remember(self) -> None:
        book = _book(self.folder)
        fresh = book.with_suffix(".new")
        fresh.write_text(
            json.dumps([[mark.pid, mark.started] for mark in sorted(self.known, key=lambda m: m.pid)])
        )
        fresh.replace(book)


def _book(folder: Path) -> Path:
    return folder / "processes.json"


def left_behind(folder: Path) -> list[Mark]:
    """Processes of an earlier demo in this folder that still run."""
    try:
        entries = json.loads(_book(folder).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return []
    marks = [Mark(pid=pid, started=started) for pid, started in entries]
    return [mark for mark in marks if mark.living() is not None]


def end(marks: Iterable[Mark], *, grace_s: float = STOP_WITHIN_S) -> None:
    """Ask each to end, wait, and kill what has not."""
    wanted = [process for mark in marks if (process := mark.living()) is not None]
    for process in wanted:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(wanted, timeout=grace_s)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=5)


def wait_until(ready: Callable[[], bool], daemons: Iterable[Daemon], *, within_s: float, what: str) -> None:
    """Poll ``ready`` until it is true; raise when a daemon ends or the time is over."""
    watched = list(daemons)
    until = time.monotonic() + within_s
    while not ready():
        for daemon in watched:
            daemon.check()
        if time.monotonic() > until:
            logs = ", ".join(str(daemon.log) for daemon in watched)
            raise TookTooLong(expected=f"{what} within {within_s:.0f} s", came="nothing", do=f"read {logs}")
        time.sleep(0.2)


def tail(log: Path, *, characters: int = 1200) -> str:
    """The last words of a log."""
    try:
        return log.read_bytes()[-characters:].decode(errors="replace").strip()
    except FileNotFoundError:
        return "(no log)"
