"""Keep other programs running beside a daemon, and leave none behind.

Each program runs in a session and process group of its own, with exactly the environment it is given,
its output in a file. One thread starts, watches, restarts (with back-off) and ends them; it is the
thread that the kernel ties them to (see ``launch``), so it lives as long as they do. A program of which a
process was stopped and not continued counts as broken, too, and so does one that takes more memory than it may.
It does not know what the programs are for.

>>> program = Program(
...     name="sleeper",
...     argv=("/bin/sleep", "60"),
...     environment={},
...     folder=Path("/tmp"),
...     log=Path("/tmp/altrove-doctest-sleeper.log"),
... )
>>> with Supervision([program]) as supervision:
...     started = supervision.wait_started(timeout_s=10)
...     [health.running for health in supervision.health()]
[True]
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import structlog

from protocols.service.footprint import footprint_bytes
from protocols.service.standstill import Standstills, tree, words_of

TICK_S: Final = 0.25
"""How often processes are looked at; a death is noticed within this time."""

BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MOST_S: Final = 15.0
"""A program that dies is started again after 0.5 s, doubling up to 15 s, so that a broken one costs
little and a courier that waits for its registration joins soon after it."""

STEADY_S: Final = 10.0
"""A program that ran this long has recovered: its next restart waits the first back-off again."""

GRACE_S: Final = 4.0
"""From SIGTERM to SIGKILL."""

END_STEP_S: Final = 0.05

IS_FIRST: Final = os.getpid() == 1
"""As the first process of a container this one inherits every orphan in it, and must take its exit status
or it stays in the process table: no separate init is needed."""

STOPPED_LOOK_S: Final = 2.0
STOPPED_S: Final = 5.0
"""How often is looked for stopped processes, and how long one may stand still before its program is
started anew. Nobody continues a stopped courier: without this it would hold its sockets for ever."""

LOG_BYTES: Final = 8 * 2**20
"""A log above this size is set aside as ``.1`` when its program starts."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command line, its whole environment, its working folder and the file for its output.

    Together its processes may take ``memory_bytes``; beyond that they are killed, without being asked, within
    :data:`TICK_S` and the time of a look. 0: as much as they like.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessHealth:
    """How one program is: ``pid`` is 0 when it is not running; ``restarts`` counts since the start."""

    name: str
    pid: int
    running: bool
    restarts: int


class _Watched:
    """One program and its present process."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self._backoff_s = BACKOFF_FIRST_S
        self._started_at = 0.0
        self._not_before = 0.0

    def spawn(self, now: float) -> None:
        program = self.program
        program.log.parent.mkdir(parents=True, exist_ok=True)
        program.folder.mkdir(parents=True, exist_ok=True)
        if program.log.exists() and program.log.stat().st_size > LOG_BYTES:
            program.log.replace(program.log.with_suffix(program.log.suffix + ".1"))
        launcher = Path(__file__).with_name("launch.py")
        with program.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(launcher), str(os.getpid()), *program.argv],
                env=dict(program.environment),
                cwd=program.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.starts += 1
        self._started_at = now

    def look(self, now: float) -> bool:
        """Start the program when it is time, and anew when it died; whether it was found dead."""
        died = self.process is not None and _exited(self.process.pid)
        if died:
            self.put_down(now)
        if self.process is None and now >= self._not_before:
            self.spawn(now)
        return died

    def takes_too_much(self) -> bool:
        """Whether its processes take more memory than it may have."""
        most = self.program.memory_bytes
        return bool(most) and self.process is not None and footprint_bytes(self.process.pid) > most

    def put_down(self, now: float, *, grace_s: float = GRACE_S) -> None:
        """End the program and what is left of its group; ``look`` starts it again after the back-off."""
        if self.process is None:
            return
        self.end(grace_s)
        if now - self._started_at >= STEADY_S:
            self._backoff_s = BACKOFF_FIRST_S
        self._not_before = now + self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, BACKOFF_MOST_S)

    def end(self, grace_s: float = GRACE_S) -> None:
        """SIGTERM to the group, stopped processes included, SIGKILL to what is left after ``grace_s``.

        The polite signal matters: a SuperNode that takes its leave is known to be away at once. The leader is
        reaped last: until then its pid, which is the group's, is nobody else's.
        """
        if self.process is None:
            return
        _signal_group(self.process.pid, signal.SIGTERM)
        _signal_group(self.process.pid, signal.SIGCONT)
        until = time.monotonic() + grace_s
        while not _exited(self.process.pid) and time.monotonic() < until:
            time.sleep(END_STEP_S)
        _signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def health(self) -> ProcessHealth:
        process = self.process
        return ProcessHealth(
            name=self.program.name,
            pid=process.pid if process is not None else 0,
            running=process is not None,
            restarts=max(0, self.starts - 1),
        )


class Supervision:
    """Runs programs until :meth:`stop`; ``tick`` is called in its thread after every look at them.

    ``tick`` must handle its own errors: an error that leaves it ends the supervision, and with it
    (by the kernel) every program. ``together``: where one program dies, the others are started anew as
    well, because each holds state about the other.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        tick: Callable[[], None] | None = None,
        together: bool = False,
    ) -> None:
        self._watched = {program.name: _Watched(program) for program in programs}
        self._tick = tick
        self._together = together
        self._standstills = Standstills(patience_s=STOPPED_S)
        self._next_standstill = 0.0
        self._stopping = threading.Event()
        self._started = threading.Event()
        self._to_kill: set[str] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the thread that starts the programs. A second call does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="supervision", daemon=True)
            self._thread.start()

    def wait_started(self, timeout_s: float) -> bool:
        """Wait until every program was started once."""
        return self._started.wait(timeout_s)

    def stop(self) -> None:
        """End every program, the last one first, and wait until all are gone."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def restart(self, name: str, reason: str) -> None:
        """Have the group of ``name`` ended because of ``reason``; it comes back after its back-off."""
        _log.warning("program restarted", program=name, reason=reason)
        with self._lock:
            self._to_kill.add(name)

    def health(self) -> tuple[ProcessHealth, ...]:
        """How every program is, in the order given."""
        return tuple(watched.health() for watched in self._watched.values())

    def lacks(self, name: str, word: str) -> bool:
        """Whether ``name`` runs and yet no process under it has ``word`` in its command line."""
        process = self._watched[name].process
        under = () if process is None else tuple(tree(process.pid))
        return bool(under) and not any(word in words_of(pid) for pid in under)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._look()
                self._started.set()
                if self._tick is not None:
                    self._tick()
                self._stopping.wait(TICK_S)
        finally:
            for watched in reversed(self._watched.values()):
                watched.end()

    def _look(self) -> None:
        now = time.monotonic()
        if now >= self._next_standstill:
            self._next_standstill = now + STOPPED_LOOK_S
            self._end_standstills(now)
        with self._lock:
            doomed, self._to_kill = self._to_kill, set()
        for name in doomed:
            self._watched[name].put_down(now)
        doomed |= self._end_gluttons(now)
        died = {name for name, watched in self._watched.items() if watched.look(now)} | doomed
        if died and self._together:
            for name in self._watched.keys() - died:
                self._watched[name].put_down(now)
        if IS_FIRST:
            _reap_orphans(frozenset(each.pid for each in self.health()))

    def _end_gluttons(self, now: float) -> set[str]:
        found = {name for name, watched in self._watched.items() if watched.takes_too_much()}
        for name in found:
            most = self._watched[name].program.memory_bytes
            _log.warning("program restarted", program=name, reason=f"it took more than {most >> 20} MiB")
            self._watched[name].put_down(now, grace_s=0.0)
        return found

    def _end_standstills(self, now: float) -> None:
        leaders = {name: watched.process.pid for name, watched in self._watched.items() if watched.process}
        for name, pids in self._standstills.overdue(leaders, now_s=now).items():
            self.restart(name, f"a process stood still for {STOPPED_S:.0f} s: {', '.join(map(str, pids))}")


def _reap_orphans(known: frozenset[int]) -> None:
    """Take the exit status of children that nobody here has started.

    One that was started here either is ``known`` or shares this process's session, and whoever started it
    waits for it: the rest can be taken at the next look.
    """
    with contextlib.suppress(ChildProcessError):  # no child at all
        while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if found.si_pid in known or os.getsid(found.si_pid) == os.getsid(0):
                return
            os.waitid(os.P_PID, found.si_pid, os.WEXITED)


def _exited(pid: int) -> bool:
    """Whether our child has exited, without reaping it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal_group(pgid: int, number: signal.Signals) -> None:
    """Signal our own process group ``pgid``; a group that is gone already is what we want."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pgid, number)
