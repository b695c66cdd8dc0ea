"""A masked vector that has arrived in part: the verified chunks from its beginning on, under one name.

Every chunk is checked against the signed header before it is written at its own place, so two arrivals at
once, by courier and by upload, can only write the same bytes. What a killed daemon leaves is read again and
verified from its beginning; a torn end is cut off. The vector gets its final name only when it is whole and
synced.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coordinator.errors import AttemptGone
from protocols.errors import BadChunk
from protocols.limits import CHUNK_BYTES
from protocols.messages import InputHeader
from protocols.secure_sum.collector import check_chunk
from protocols.service import durable
from protocols.service.errors import StorageFull

PART = ".part"
"""Suffix of a vector that is not whole yet."""


class Partial:
    """One member's vector while its attempt takes vectors; safe to use from several threads."""

    def __init__(self, path: Path, header: InputHeader) -> None:
        self.header = header
        self._path = path
        self._part = part_of(path)
        self._lock = threading.Lock()
        self._chunks = 0
        self._is_whole = False
        self._is_over = False
        self._is_read = False

    @property
    def have_bytes(self) -> int:
        """How many verified bytes are here, from the beginning on."""
        return min(self._chunks * CHUNK_BYTES, vector_bytes(self.header))

    @property
    def is_complete(self) -> bool:
        """Every chunk is here; the file has its final name after :meth:`settle`."""
        return self._chunks == len(self.header.chunk_hashes)

    def put(self, index: int, chunk: bytes) -> None:
        """Verify chunk ``index`` and write it if it is the next one; an earlier or a later one is passed over.

        Raises:
            BadChunk: not the chunk of the signed header.
            AttemptGone: the attempt takes no vectors any more.
            StorageFull: the disk is full; nothing of the vector remains.
        """
        check_chunk(self.header, index, chunk)
        with self._lock:
            self._require_open()
            if index != self._chunks:
                return
            with self._room():
                _make_folder(self._part.parent)
                descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.seek(index * CHUNK_BYTES)
                    file.write(chunk)
            self._chunks += 1

    def settle(self) -> bool:
        """Make what has arrived durable; whether it is the whole vector, which then has its name.

        Raises:
            AttemptGone, StorageFull: as :meth:`put`.
        """
        with self._lock:
            self._require_open()
            if self._is_whole or not self._chunks:
                return self._is_whole
            with self._room():
                with self._part.open("rb") as file:
                    durable.sync(file.fileno())
                if self.is_complete:
                    self._part.replace(self._path)
                    durable.sync_folder(self._path.parent)
                    self._is_whole = True
            return self._is_whole

    def end(self) -> None:
        """The attempt takes no vectors any more: what is not whole is removed, and nothing comes after it."""
        with self._lock:
            self._is_over = True
            self._part.unlink(missing_ok=True)

    def recover(self) -> None:
        """Once: verify what an earlier daemon left, and cut it after the last verified chunk."""
        with self._lock:
            if not self._is_read and not self._is_over:
                self._read()
            self._is_read = True

    def _read(self) -> None:
        if self._path.exists():  # whole and named, but the daemon was killed before it was counted
            self._path.replace(self._part)
        if not self._part.exists():
            return
        with self._part.open("r+b") as file:
            while not self.is_complete:
                try:
                    check_chunk(self.header, self._chunks, file.read(CHUNK_BYTES))
                except BadChunk:
                    break
                self._chunks += 1
            file.truncate(self.have_bytes)

    def _require_open(self) -> None:
        if self._is_over:
            raise AttemptGone(
                expected="an attempt that takes vectors", came="one that is past that", do="drop the bytes"
            )

    @contextmanager
    def _room(self) -> Iterator[None]:
        """A full disk gives back the room that this vector took, for others may need less."""
        try:
            with durable.room_in(self._path.parent):
                yield
        except StorageFull:
            self._part.unlink(missing_ok=True)
            self._chunks = 0
            raise


def part_of(path: Path) -> Path:
    """Where the vector that will lie at ``path`` lies until it is whole."""
    return path.with_name(path.name + PART)


def vector_bytes(header: InputHeader) -> int:
    """Size of the vector that ``header`` announces."""
    return header.elements * header.ring_bits // 8


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for parent in (folder.parent, folder.parent.parent):
            durable.sync_folder(parent)
