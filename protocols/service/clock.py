"""The clock as a value, so that a test can turn it.

Wall time says *when* (records, certificates, deadlines that others read); monotonic time says *how
long* (timeouts, seconds per phase) and never jumps when somebody sets the machine's clock.

>>> clock = ManualClock(1_700_000_000)
>>> clock.advance(3600)
>>> clock.now()
1700003600
>>> iso(clock.now())
'2023-11-14T23:13:20Z'
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a service reads the time."""

    def now(self) -> int:
        """Whole unix seconds, UTC."""
        ...

    def now_ms(self) -> int:
        """Unix milliseconds, UTC: for records of how long a step took."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary start; only differences mean something."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> int:
        """Whole unix seconds, UTC."""
        return int(time.time())

    def now_ms(self) -> int:
        """Unix milliseconds, UTC."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._monotonic_s = 0.0

    def now(self) -> int:
        """The time it was set to, in unix seconds."""
        return self._now

    def now_ms(self) -> int:
        """The time it was set to, in unix milliseconds."""
        return self._now * 1000

    def monotonic_s(self) -> float:
        """Seconds it was advanced by so far."""
        return self._monotonic_s

    def advance(self, seconds: int) -> None:
        """Let ``seconds`` pass on both clocks."""
        self._now += seconds
        self._monotonic_s += seconds

    def jump(self, seconds: int) -> None:
        """Set the wall clock forward or back, as an operator would; monotonic time does not move."""
        self._now += seconds


def utc(unix_s: int) -> datetime:
    """The aware datetime of ``unix_s``."""
    return datetime.fromtimestamp(unix_s, tz=UTC)


def iso(unix_s: int) -> str:
    """``unix_s`` as RFC 3339 in UTC."""
    return utc(unix_s).strftime("%Y-%m-%dT%H:%M:%SZ")
