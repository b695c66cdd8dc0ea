"""What was committed, handed on: the masked vector for the courier or the fallback, byte for byte."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Engine

from participant.door import words
from participant.store.attempts import OPEN_STATES, Attempts
from participant.store.outbox import Outbox
from participant.switch import StopSwitch
from protocols.errors import IllegalMove
from protocols.limits import PIECE_BYTES
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading, transaction

READ_BYTES = 2**18
"""How much of a masked vector is read between two looks at STOP."""


class Carriage(StrEnum):
    """What a courier that asks for a masked vector may be told."""

    READY = "ready"
    NOT_YET = "not-yet"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """``size_bytes`` of a masked vector of ``vector_bytes``, from ``offset`` on.

    ``read`` gives them in small parts, the same at every call. Before each part STOP is looked at, and
    whether the vector was withdrawn: it may raise Stopped or IllegalMove.
    """

    offset: int
    size_bytes: int
    vector_bytes: int
    read: Callable[[], Iterator[bytes]]

    @property
    def is_last(self) -> bool:
        """The vector ends with it."""
        return self.offset + self.size_bytes == self.vector_bytes

    def sha256(self) -> bytes:
        """SHA-256 of its bytes, read for it."""
        hasher = sha256()
        for part in self.read():
            hasher.update(part)
        return hasher.digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorPaths:
    """Where the door keeps its files, all inside the node's home."""

    switch: Path
    vectors: Path
    secrets: Path


class Carrier:
    """The part of the door that hands on payloads which were committed before."""

    def __init__(self, *, switch: StopSwitch, vectors: Path, db: Engine, clock: Clock) -> None:
        self.switch = switch
        self._vectors = vectors
        self._db = db
        self._clock = clock

    def piece(self, round_number: int, attempt: int, *, offset: int = 0) -> Piece:
        """What comes next of the masked vector of an attempt, for whoever carries it.

        Raises:
            Stopped: STOP was pressed.
            IllegalMove: no masked vector was committed, it ends before ``offset``, or its attempt is over.
        """
        self.switch.require_open()
        with reading(self._db) as connection:
            record = Outbox(connection).find(round_number, attempt, words.MASKED_VECTOR)
            path = None if record is None else self._vectors / record.file
        if record is None or path is None or not path.is_file() or offset >= record.size_bytes:
            raise _not_ready(round_number, attempt)
        size_bytes = min(PIECE_BYTES, record.size_bytes - offset)
        return Piece(
            offset=offset,
            size_bytes=size_bytes,
            vector_bytes=record.size_bytes,
            read=lambda: self._read(path, (round_number, attempt), offset, size_bytes),
        )

    def carriage(self, round_number: int, attempt: int) -> Carriage:
        """Whether the masked vector of an attempt can be carried, is still to come, or never will."""
        if not self.switch.is_open():
            return Carriage.CLOSED
        with reading(self._db) as connection:
            found = Attempts(connection).find(round_number, attempt)
            record = Outbox(connection).find(round_number, attempt, words.MASKED_VECTOR)
        if record is not None and (self._vectors / record.file).is_file():
            return Carriage.READY
        if found is not None and found.state not in OPEN_STATES:
            return Carriage.CLOSED
        return Carriage.NOT_YET

    def handed(self, round_number: int, attempt: int, kind: str) -> None:
        """Note in the outbox that a payload was handed on."""
        with transaction(self._db) as connection:
            Outbox(connection).handed(round_number, attempt, kind, at=self._clock.now())

    def _read(self, path: Path, key: tuple[int, int], offset: int, left_bytes: int) -> Iterator[bytes]:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise _not_ready(*key) from None
        with file:
            file.seek(offset)
            while left_bytes > 0:
                self.switch.require_open()
                if not path.exists():
                    raise _not_ready(*key)
                part = file.read(min(READ_BYTES, left_bytes))
                if not part:
                    raise _not_ready(*key)
                left_bytes -= len(part)
                yield part


def _not_ready(round_number: int, attempt: int) -> IllegalMove:
    return IllegalMove(
        expected="an attempt whose masked vector is ready",
        came=f"round {round_number}, attempt {attempt}",
        do="ask again after masking, or not at all once the attempt is over",
    )
