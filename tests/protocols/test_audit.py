"""What a node can check of the coordinator's audit log, and each way in which it could be bent."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.audit import KINDS, AuditEntry, TreeHead, check_advance, head, leaf
from protocols.codec import decode, digest, encode
from protocols.errors import BadProof, MalformedMessage, RolledBack
from protocols.identity import COORDINATOR, IdentityKey, open_signed
from protocols.merkle import Frontier, consistency_proof

CONSORTIUM = bytes(range(16))


def entry(sequence, kind="round", mark=0):
    return AuditEntry(sequence=sequence, at=1_500_000_000 + sequence, kind=kind, body_hash=bytes([mark]) * 32)


def log(size, mark=0):
    return [entry(sequence, KINDS[sequence % len(KINDS)], mark) for sequence in range(size)]


def head_of(entries):
    return head(CONSORTIUM, Frontier.of([leaf(e) for e in entries]))


@given(st.integers(0, 30), st.integers(0, 30))
def test_a_log_that_only_grew_passes_and_a_shorter_one_never_does(first, second):
    entries = log(max(first, second))
    old, new = head_of(entries[:first]), head_of(entries[:second])
    if second < first:
        with pytest.raises(RolledBack):
            check_advance(old, new, ())
    else:
        check_advance(old, new, consistency_proof([leaf(e) for e in entries[:second]], first))


def test_the_same_size_with_another_root_is_a_rollback():
    with pytest.raises(RolledBack):
        check_advance(head_of(log(5)), head_of(log(5, mark=1)), ())


def test_a_fork_cannot_be_proved_consistent():
    forked = [*log(4), *log(9, mark=1)[4:]]
    proof = consistency_proof([leaf(e) for e in forked], 6)
    with pytest.raises(BadProof):
        check_advance(head_of(log(6)), head_of(forked), proof)


def test_the_log_of_another_consortium_is_refused():
    other = replace(head_of(log(3)), consortium=bytes(16))
    with pytest.raises(BadProof):
        check_advance(head_of(log(3)), other, ())


def test_a_head_travels_signed_by_the_coordinator():
    key = IdentityKey(bytes(32))
    signed = key.sign(COORDINATOR, head_of(log(2)))
    assert open_signed(signed, TreeHead, {COORDINATOR: key.public}) == head_of(log(2))


def test_entries_have_one_encoding_and_distinct_leaves():
    assert decode(AuditEntry, encode(entry(1))) == entry(1)
    assert leaf(entry(1)) != leaf(entry(2))
    assert leaf(entry(1)) != digest(entry(1))


@pytest.mark.parametrize("change", [{"kind": "gossip"}, {"body_hash": b"short"}])
def test_an_entry_of_an_unknown_kind_or_without_a_hash_does_not_exist(change):
    with pytest.raises(MalformedMessage):
        replace(entry(0), **change)


@pytest.mark.parametrize("change", [{"consortium": b""}, {"root": b"short"}])
def test_a_head_without_a_consortium_or_a_root_does_not_exist(change):
    with pytest.raises(MalformedMessage):
        replace(head_of(log(1)), **change)
