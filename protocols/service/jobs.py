"""Supervised background work: named threads, restarted with growing pauses, visible in health.

A job is a function that works until its :class:`Stop` says so. When it raises, the job is started
anew after 1, 2, 4 ... 60 seconds; a run that lasted ten minutes starts again from one second.

>>> jobs = Jobs()
>>> jobs.start("say-hello", lambda stop: None)
>>> jobs.stop(timeout_s=2)
True
>>> [(job.name, job.state.value) for job in jobs.health()]
[('say-hello', 'ended')]
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from protocols.errors import AltroveError
from protocols.service.clock import Clock, SystemClock

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
GOOD_RUN_S = 600.0

_log = structlog.get_logger(__name__)


class Stop:
    """Tells a job to end. :meth:`wait` is its sleep: it returns at once when the daemon stops."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep up to ``seconds``; True when it is time to end."""
        return self._event.wait(seconds)

    def set(self) -> None:
        """Ask the job to end."""
        self._event.set()


class JobState(StrEnum):
    """What a job does now."""

    RUNNING = "running"
    PAUSING = "pausing"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHealth:
    """One job as health shows it. ``trouble`` is the last failure in words, empty before any."""

    name: str
    state: JobState
    restarts: int
    trouble: str


class Jobs:
    """The background work of one daemon."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._jobs: list[_Job] = []

    def start(self, name: str, work: Callable[[Stop], None]) -> None:
        """Run ``work`` in a thread of its own until it returns or :meth:`stop` is called."""
        job = _Job(name, work, self._clock)
        self._jobs.append(job)
        job.thread.start()

    def stop(self, *, timeout_s: float) -> bool:
        """Ask all jobs to end and wait up to ``timeout_s`` in all; True when every one has."""
        for job in self._jobs:
            job.stop.set()
        until = self._clock.monotonic_s() + timeout_s
        for job in self._jobs:
            job.thread.join(max(0.0, until - self._clock.monotonic_s()))
        return not any(job.thread.is_alive() for job in self._jobs)

    def health(self) -> tuple[JobHealth, ...]:
        """All jobs in the order in which they were started."""
        return tuple(job.health() for job in self._jobs)


class _Job:
    def __init__(self, name: str, work: Callable[[Stop], None], clock: Clock) -> None:
        self.name = name
        self.stop = Stop()
        self._work = work
        self._clock = clock
        self._state = JobState.RUNNING
        self._restarts = 0
        self._trouble = ""
        # A daemon thread: a job that ignores its stop must not keep the process alive.
        self.thread = threading.Thread(target=self._supervise, name=f"altrove-{name}", daemon=True)

    def health(self) -> JobHealth:
        return JobHealth(name=self.name, state=self._state, restarts=self._restarts, trouble=self._trouble)

    def _supervise(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self.stop:
            self._state = JobState.RUNNING
            began_s = self._clock.monotonic_s()
            if self._run_once():
                break
            if self._clock.monotonic_s() - began_s >= GOOD_RUN_S:
                pause_s = FIRST_PAUSE_S
            self._state = JobState.PAUSING
            self._restarts += 1
            self.stop.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        self._state = JobState.ENDED

    def _run_once(self) -> bool:
        """True when the work came to its end, False when it failed."""
        try:
            self._work(self.stop)
        except AltroveError as error:
            self._trouble = str(error)
            _log.warning("job failed", job=self.name, code=error.code, detail=str(error))
            return False
        except Exception as error:  # noqa: BLE001 - a supervisor outlives every defect of what it supervises
            self._trouble = f"a defect ({type(error).__name__}); its traceback is in the log"
            _log.error("job failed", job=self.name, exc_info=error)
            return False
        return True
