import errno
from hashlib import sha256

import pytest

from coordinator.rounds.spool import Spool
from protocols.errors import BadChunk
from protocols.limits import CHUNK_BYTES
from protocols.service import durable
from protocols.service.errors import StorageFull
from tests.protocols.message_values import header

VECTOR = bytes(CHUNK_BYTES) + b"tail"
HEADER = header(chunk_hashes=tuple(sha256(part).digest() for part in (bytes(CHUNK_BYTES), b"tail")))


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def take(spool, vector):
    with spool.receive(1, 2, HEADER) as arrival:
        arrival.feed(vector)
        arrival.finish()


def test_a_whole_vector_lies_under_its_members_name(tmp_path):
    spool = Spool(folder=tmp_path)
    take(spool, VECTOR)
    assert files(tmp_path) == [spool.path(1, 2, HEADER.sender)]
    assert spool.chunk(1, 2, HEADER.sender, 0) + spool.chunk(1, 2, HEADER.sender, 1) == VECTOR


def test_a_full_disk_is_said_in_words_and_leaves_nothing(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(StorageFull, match="no space left"):
        take(Spool(folder=tmp_path), VECTOR)
    assert files(tmp_path) == []


def test_another_byte_than_announced_leaves_nothing(tmp_path):
    with pytest.raises(BadChunk):
        take(Spool(folder=tmp_path), VECTOR[:-1] + b"!")
    assert files(tmp_path) == []
