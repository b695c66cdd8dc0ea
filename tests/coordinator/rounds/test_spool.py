"""The spool: verified chunks under one name while a vector comes, the whole under another, nothing else."""

import errno
from hashlib import sha256

import pytest

from coordinator.errors import AttemptGone
from coordinator.rounds.spool import Spool
from protocols.errors import BadChunk
from protocols.limits import CHUNK_BYTES
from protocols.service import durable
from protocols.service.errors import StorageFull
from tests.protocols.message_values import header

FIRST, TAIL = bytes(CHUNK_BYTES), b"tail"
SECOND = b"\1" * CHUNK_BYTES


def announced(*chunks):
    size = sum(map(len, chunks))
    return header(chunk_hashes=tuple(sha256(chunk).digest() for chunk in chunks), elements=size // 4)


VECTOR = FIRST + TAIL
HEADER = announced(FIRST, TAIL)
LONG = announced(FIRST, SECOND, TAIL)


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def take(spool, vector, offset=0, head=HEADER):
    arrival = spool.receive(1, 2, head, offset)
    arrival.feed(vector)
    return arrival.finish()


def have(spool, head=LONG):
    return spool.partial(1, 2, head).have_bytes


def part(spool):
    return spool.path(1, 2, HEADER.sender).with_suffix(".masked.part")


def test_a_whole_vector_lies_under_its_members_name(tmp_path):
    spool = Spool(folder=tmp_path)
    assert take(spool, VECTOR)
    assert files(tmp_path) == [spool.path(1, 2, HEADER.sender)]
    assert spool.chunk(1, 2, HEADER.sender, 0) + spool.chunk(1, 2, HEADER.sender, 1) == VECTOR


def test_a_full_disk_is_said_in_words_and_leaves_nothing(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "full")

    spool = Spool(folder=tmp_path)
    arrival = spool.receive(1, 2, HEADER)
    arrival.feed(VECTOR)
    with monkeypatch.context() as patched:
        patched.setattr(durable.os, "fsync", full)
        with pytest.raises(StorageFull, match="no space left"):
            arrival.finish()
    assert files(tmp_path) == []
    assert have(spool, HEADER) == 0
    assert take(spool, VECTOR)


def test_another_byte_than_announced_leaves_only_the_chunks_before_it(tmp_path):
    spool = Spool(folder=tmp_path)
    with pytest.raises(BadChunk):
        take(spool, VECTOR[:-1] + b"!")
    assert files(tmp_path) == [part(spool)]
    assert part(spool).read_bytes() == FIRST


@pytest.mark.parametrize("sent", [b"", FIRST + b"t", FIRST + TAIL + b"more", FIRST + b"tai"])
def test_no_bytes_or_another_end_than_announced_never_gets_the_name(tmp_path, sent):
    spool = Spool(folder=tmp_path)
    with pytest.raises(BadChunk):
        take(spool, sent)
    assert not spool.path(1, 2, HEADER.sender).exists()


@pytest.mark.parametrize("torn", [b"", SECOND[:-1], SECOND[:-1] + b"!", b"!" * CHUNK_BYTES + TAIL])
def test_what_a_killed_daemon_left_is_verified_and_cut_after_the_last_good_chunk(tmp_path, torn):
    assert not take(Spool(folder=tmp_path), FIRST, head=LONG)
    part(Spool(folder=tmp_path)).write_bytes(FIRST + torn)
    spool = Spool(folder=tmp_path)
    assert have(spool) == CHUNK_BYTES
    assert part(spool).read_bytes() == FIRST
    assert take(spool, SECOND + TAIL, CHUNK_BYTES, LONG)
    assert spool.path(1, 2, LONG.sender).read_bytes() == FIRST + SECOND + TAIL


def test_a_vector_that_was_named_and_never_counted_is_verified_again(tmp_path):
    assert take(Spool(folder=tmp_path), VECTOR)
    spool = Spool(folder=tmp_path)
    spool.path(1, 2, HEADER.sender).write_bytes(VECTOR[:-1] + b"!")
    assert have(spool, HEADER) == CHUNK_BYTES
    assert take(spool, TAIL, CHUNK_BYTES)
    assert files(tmp_path) == [spool.path(1, 2, HEADER.sender)]
    assert spool.path(1, 2, HEADER.sender).read_bytes() == VECTOR


def test_two_ways_at_once_bring_one_exact_vector(tmp_path):
    spool = Spool(folder=tmp_path)
    one, other = spool.receive(1, 2, LONG), spool.receive(1, 2, LONG)
    one.feed(FIRST)
    other.feed(FIRST + SECOND[:7])
    with pytest.raises(BadChunk):
        one.feed(b"!" * CHUNK_BYTES)
    other.feed(SECOND[7:] + TAIL)
    assert other.finish()
    late = spool.receive(1, 2, LONG, CHUNK_BYTES)
    late.feed(SECOND + TAIL)
    assert late.finish()
    assert files(tmp_path) == [spool.path(1, 2, LONG.sender)]
    assert spool.path(1, 2, LONG.sender).read_bytes() == FIRST + SECOND + TAIL


def test_a_piece_that_begins_after_the_end_is_passed_over_and_what_is_here_is_told(tmp_path):
    spool = Spool(folder=tmp_path)
    assert not take(spool, FIRST, head=LONG)
    assert not take(spool, TAIL, 2 * CHUNK_BYTES, LONG)
    assert have(spool) == CHUNK_BYTES
    assert take(spool, SECOND + TAIL, CHUNK_BYTES, LONG)


def test_after_the_end_of_the_attempt_nothing_half_written_is_left_and_nothing_comes(tmp_path):
    spool = Spool(folder=tmp_path)
    arrival = spool.receive(1, 2, LONG)
    arrival.feed(FIRST)
    spool.end(1, 2)
    assert files(tmp_path) == []
    with pytest.raises(AttemptGone):
        arrival.feed(SECOND)
    with pytest.raises(AttemptGone):
        take(spool, FIRST, head=LONG)
    assert files(tmp_path) == []


def test_a_sweep_keeps_what_is_still_arriving_and_removes_what_is_over(tmp_path):
    spool = Spool(folder=tmp_path)
    take(spool, FIRST, head=LONG)
    assert spool.sweep({(1, 2)}) == 0
    assert Spool(folder=tmp_path).said_bytes(1, 2, LONG.sender) == CHUNK_BYTES
    assert spool.sweep({(1, 3), (12, 2)}) == 1
    assert files(tmp_path) == []
