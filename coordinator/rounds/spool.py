"""Masked vectors as files: verified chunk by chunk while they come, whole and durable, or absent.

A vector is written under another name, synced, and renamed; its folder is synced too. The name says
round, attempt and member, so the path is never taken from a request. What lies here is masked: it
looks uniform to whoever reads it without the round's unmasking.
"""

import hashlib
import os
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path
from typing import BinaryIO, Self

from coordinator import entropy
from protocols.errors import BadChunk
from protocols.identity import PartnerId
from protocols.limits import CHUNK_BYTES
from protocols.messages import InputHeader
from protocols.service import durable

PART = ".part"
"""Suffix of a file that is still being written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spool:
    """The folder of masked vectors."""

    folder: Path

    def path(self, number: int, attempt: int, partner: PartnerId) -> Path:
        """Where the vector of one member lies."""
        return self.folder / f"r{number}" / f"a{attempt}" / f"{partner.hex()}.masked"

    def chunk(self, number: int, attempt: int, partner: PartnerId, index: int) -> bytes:
        """Read one chunk of a vector."""
        with self.path(number, attempt, partner).open("rb") as file:
            file.seek(index * CHUNK_BYTES)
            return file.read(CHUNK_BYTES)

    def receive(self, number: int, attempt: int, header: InputHeader) -> "Arrival":
        """Begin to take the vector that ``header`` announces."""
        return Arrival(self.path(number, attempt, header.sender), header)

    def sweep(self) -> int:
        """Remove what a killed daemon left half-written; returns how many files. Call before serving."""
        left = list(self.folder.glob(f"r*/a*/*{PART}"))
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def expire(self, before_unix_s: int) -> int:
        """Remove vectors last written before ``before_unix_s``; returns how many."""
        old = [path for path in self.folder.glob("r*/a*/*.masked") if path.stat().st_mtime < before_unix_s]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


class Arrival:
    """One vector that is coming in. Use as a context manager: without :meth:`finish` nothing remains."""

    def __init__(self, path: Path, header: InputHeader) -> None:
        self._path = path
        self._header = header
        self._buffer = bytearray()
        self._index = 0
        self._part = path.with_name(f"{path.name}.{entropy.random_bytes(8).hex()}{PART}")
        self._file: BinaryIO | None = None
        self.size_bytes = 0

    def __enter__(self) -> Self:
        with durable.room_in(self._path.parent):
            _make_folder(self._path.parent)
            descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(descriptor, "wb")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        self._part.unlink(missing_ok=True)

    def feed(self, data: bytes) -> None:
        """Take the next bytes, of any length.

        Raises:
            BadChunk: a chunk whose hash is not in the signed header, or more bytes than announced.
            StorageFull: the disk is full; nothing remains.
        """
        self._buffer += data
        while len(self._buffer) >= CHUNK_BYTES:
            self._take(bytes(self._buffer[:CHUNK_BYTES]))
            del self._buffer[:CHUNK_BYTES]

    def finish(self) -> None:
        """Verify the end and make the vector durable under its name.

        Raises:
            BadChunk: bytes are missing.
            StorageFull: the disk is full; nothing remains.
        """
        if self._buffer:
            self._take(bytes(self._buffer))
            self._buffer.clear()
        if self._index != len(self._header.chunk_hashes) or self.size_bytes != vector_bytes(self._header):
            raise BadChunk(
                expected=f"{vector_bytes(self._header)} bytes",
                came=str(self.size_bytes),
                do="send the whole vector again",
            )
        if self._file is None:
            raise ValueError("an arrival is used as a context manager")
        with durable.room_in(self._path.parent):
            self._file.flush()
            durable.sync(self._file.fileno())
            self._part.replace(self._path)
            durable.sync_folder(self._path.parent)

    def _take(self, chunk: bytes) -> None:
        hashes = self._header.chunk_hashes
        came = hashlib.sha256(chunk).digest()
        if self._index >= len(hashes) or not compare_digest(came, hashes[self._index]):
            raise BadChunk(
                expected=f"chunk {self._index} of the signed header, of {len(hashes)}",
                came="other bytes",
                do="send the vector that the header announced",
            )
        if self._file is None:
            raise ValueError("an arrival is used as a context manager")
        with durable.room_in(self._path.parent):
            self._file.write(chunk)
        self._index += 1
        self.size_bytes += len(chunk)


def vector_bytes(header: InputHeader) -> int:
    """Size of the vector that ``header`` announces."""
    return header.elements * header.ring_bits // 8


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for parent in (folder.parent, folder.parent.parent):
            durable.sync_folder(parent)
