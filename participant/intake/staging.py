"""All or nothing: a staging folder that is either renamed into place or removed.

An import's files become visible by a row in the ``imports`` table alone, so a folder that was
renamed just before a crash is not seen by anybody, and the next import sweeps it away.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from participant.intake.faults import DiskFull
from protocols.errors import BadInput

EVENTS = "events"
REJECTED = "rejected"
SHELVES = "shelves"
_STAGING = ".staging-"


class ImportRunning(BadInput, code="import-running", status=409):
    """Another import of this node is under way."""


@contextmanager
def staged(data: Path, *, visible: Callable[[], frozenset[str]]) -> Iterator[Path]:
    """Give a fresh staging folder under ``data``; it is gone afterwards, whatever happens.

    Leftovers of earlier crashes, and event folders not in ``visible()``, are removed first.

    Raises:
        ImportRunning: another process holds the import lock.
        DiskFull: there is no room.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data / "import.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ImportRunning(
                expected="one import at a time", came="a second one", do="wait for the first to end"
            ) from error
        _sweep(data, visible())
        folder = data / f"{_STAGING}{uuid4().hex}"
        folder.mkdir(mode=0o700)
        try:
            yield folder
        except OSError as error:
            raise_if_full(error)
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def raise_if_full(error: OSError) -> None:
    """Turn "no space left" into :class:`DiskFull`."""
    if error.errno in (28, 122):  # ENOSPC, EDQUOT
        raise DiskFull(
            expected="room on the disk for the import",
            came="none left",
            do="free some space and import again",
        ) from error


def place(source: Path, target: Path) -> None:
    """Rename ``source`` to ``target`` durably: contents, then both directory entries, reach the disk."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in (*(p for p in source.rglob("*") if p.is_file()), source) if source.is_dir() else (source,):
        _sync(path)
    source.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(data: Path, visible: frozenset[str]) -> None:
    for leftover in data.glob(f"{_STAGING}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for folder in (data / EVENTS).glob("*"):
        if folder.name not in visible:
            shutil.rmtree(folder, ignore_errors=True)
