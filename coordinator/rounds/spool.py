"""Masked vectors as files: verified chunk by chunk while they come, whole and durable under their name.

A vector that is still arriving lies beside it under one other name (:mod:`coordinator.rounds.partial`),
whichever way it comes and however often the way breaks. Names say round, attempt and member, so the path is
never taken from a request. What lies here is masked: it looks uniform to whoever reads it without the
round's unmasking.
"""

import threading
from collections.abc import Collection, Iterable
from pathlib import Path

from coordinator.errors import AttemptGone
from coordinator.rounds.partial import PART, Partial, part_of, vector_bytes
from protocols.errors import BadChunk
from protocols.identity import PartnerId
from protocols.limits import CHUNK_BYTES
from protocols.messages import InputHeader

Key = tuple[int, int]
"""Round and attempt."""


class Spool:
    """The folder of masked vectors."""

    def __init__(self, *, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._partials: dict[Key, dict[PartnerId, Partial]] = {}
        self._over: set[Key] = set()

    def path(self, number: int, attempt: int, partner: PartnerId) -> Path:
        """Where the vector of one member lies."""
        return self.folder / f"r{number}" / f"a{attempt}" / f"{partner.hex()}.masked"

    def chunk(self, number: int, attempt: int, partner: PartnerId, index: int) -> bytes:
        """Read one chunk of a vector."""
        with self.path(number, attempt, partner).open("rb") as file:
            file.seek(index * CHUNK_BYTES)
            return file.read(CHUNK_BYTES)

    def partial(self, number: int, attempt: int, header: InputHeader) -> Partial:
        """What is here of the vector that ``header`` announces; every arrival of it shares the one value.

        After a restart the first call reads and verifies what the daemon before it left.

        Raises:
            AttemptGone: the attempt takes no vectors any more.
        """
        key = (number, attempt)
        with self._lock:
            if key in self._over:
                raise AttemptGone(
                    expected="an attempt that takes vectors",
                    came=f"{number}.{attempt}, which is past that",
                    do="drop the bytes",
                )
            members = self._partials.setdefault(key, {})
            if header.sender not in members:
                members[header.sender] = Partial(self.path(number, attempt, header.sender), header)
            partial = members[header.sender]
        partial.recover()
        return partial

    def receive(self, number: int, attempt: int, header: InputHeader, offset: int = 0) -> "Arrival":
        """Begin to take bytes of the vector that ``header`` announces, from ``offset`` on.

        Raises:
            AttemptGone: as :meth:`partial`.
        """
        return Arrival(self.partial(number, attempt, header), offset)

    def said_bytes(self, number: int, attempt: int, partner: PartnerId) -> int:
        """How many bytes of a vector are here by the size of its file: a hint, nothing is verified."""
        path = self.path(number, attempt, partner)
        for file in (path, part_of(path)):
            if file.exists():
                return file.stat().st_size // CHUNK_BYTES * CHUNK_BYTES
        return 0

    def end(self, number: int, attempt: int) -> None:
        """The attempt takes no vectors any more: remove those that are not whole."""
        with self._lock:
            self._over.add((number, attempt))
            partials = self._partials.pop((number, attempt), {})
        for partial in partials.values():
            partial.end()
        _remove(self.folder.glob(f"r{number}/a{attempt}/*{PART}"))

    def sweep(self, taking: Collection[Key]) -> int:
        """Remove what is not whole of all attempts but those ``taking`` vectors; returns how many files.

        Call before serving.
        """
        kept = {self.path(*key, PartnerId(b"")).parent for key in taking}
        return _remove(path for path in self.folder.glob(f"r*/a*/*{PART}") if path.parent not in kept)

    def expire(self, before_unix_s: int) -> int:
        """Remove vectors last written before ``before_unix_s``; returns how many."""
        old = (path for path in self.folder.glob("r*/a*/*.masked") if path.stat().st_mtime < before_unix_s)
        return _remove(old)


class Arrival:
    """Bytes of one vector that are coming in, from ``offset`` (whole chunks) on.

    What was verified stays, also when the rest of the bytes never comes.
    """

    def __init__(self, partial: Partial, offset: int) -> None:
        self.partial = partial
        self._first = self._index = offset // CHUNK_BYTES
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take the next bytes, of any length.

        Raises:
            BadChunk: a chunk whose hash is not in the signed header, or more bytes than announced.
            AttemptGone: the attempt takes no vectors any more.
            StorageFull: the disk is full; nothing of the vector remains.
        """
        self._buffer += data
        while len(self._buffer) >= CHUNK_BYTES:
            self._take(CHUNK_BYTES)

    def finish(self) -> bool:
        """Verify the end and make what came durable; whether the vector is whole and has its name.

        Raises:
            BadChunk: nothing came, or it ends within a chunk.
            AttemptGone, StorageFull: as :meth:`feed`.
        """
        if self._buffer:
            self._take(len(self._buffer))
        if self._index == self._first:
            raise BadChunk(
                expected=f"bytes of a vector of {vector_bytes(self.partial.header)}",
                came="none",
                do="send whole chunks, from the offset up to which the others have arrived",
            )
        return self.partial.settle()

    def _take(self, size: int) -> None:
        self.partial.put(self._index, bytes(self._buffer[:size]))
        del self._buffer[:size]
        self._index += 1


def _remove(paths: Iterable[Path]) -> int:
    gone = list(paths)
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
