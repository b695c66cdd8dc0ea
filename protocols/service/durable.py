"""Files that are on disk when the call returns, or were never there.

A file appears under its name only once all its bytes are synced (write aside, fsync, rename, fsync of
the folder). A full disk leaves nothing half-written.
"""

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from protocols.service.errors import StorageFull


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What is now on disk."""

    sha256: bytes
    size_bytes: int


def write(path: Path, chunks: Iterable[bytes | memoryview], *, mode: int = 0o600) -> Written:
    """Write ``chunks`` to ``path`` so that after a crash the file is whole or absent.

    Raises:
        StorageFull: no space is left.
        OSError: any other failure of the disk, and whatever ``chunks`` raises.
        Whichever it is, the half-written copy is removed.
    """
    aside = path.with_name(path.name + ".partial")
    hasher = hashlib.sha256()
    size = 0
    try:
        with room_in(path.parent):
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(descriptor, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                    hasher.update(chunk)
                    size += len(chunk)
                file.flush()
                sync(file.fileno())
            aside.replace(path)
            sync_folder(path.parent)
    except BaseException:  # whatever stopped the disk or whoever makes the chunks
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    return Written(sha256=hasher.digest(), size_bytes=size)


@contextmanager
def room_in(folder: Path) -> Iterator[None]:
    """Say "no space left" in our words while something is written in ``folder``.

    Raises:
        StorageFull: the disk or the quota is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageFull(
            expected=f"room on the disk of {folder}",
            came="no space left",
            do="free some space, then repeat; nothing half-written remains",
        ) from error


def erase(path: Path) -> None:
    """Remove ``path`` durably; absent is fine."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync(descriptor: int) -> None:
    """Ask the disk to keep what was written."""
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Ask the disk to keep the names in ``folder``."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
