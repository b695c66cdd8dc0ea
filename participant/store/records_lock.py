"""Event files are read under a shared lock and removed under the whole one: nobody reads a file that is going.

A lock of the operating system on one small file, so that it holds between the daemon and a verb beside it, and
ends with its process.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from protocols.errors import AltroveError, Fault

LOCK: Final = "events.lock"
PATIENCE_S: Final = 600.0
"""The longest reading is a training; longer than that is a reader that hangs."""


class RecordsInUse(AltroveError, code="records-in-use", fault=Fault.OURS, status=409):
    """Somebody reads purchases and does not end."""


@contextmanager
def reading_events(data: Path) -> Iterator[None]:
    """Read event files; look up their names only inside."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def removing_events(data: Path, *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Remove event files that no name leads to any more, once everybody who began before has ended.

    Raises:
        RecordsInUse: somebody did not, within ``patience_s``.
    """
    until = time.monotonic() + patience_s
    with (data / LOCK).open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise RecordsInUse(
                        expected="readers of purchases that end",
                        came=f"one that reads for more than {patience_s:.0f} s",
                        do="run it again later; what was done stays done",
                    ) from None
                time.sleep(0.1)
            else:
                break
        yield
