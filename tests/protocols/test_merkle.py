"""The RFC 9162 tree against published vectors, a textbook recursion, and every tampering."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import BadProof
from protocols.merkle import (
    Frontier,
    consistency_proof,
    implied_root,
    inclusion_proofs,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
)
from tests.protocols.vector_files import is_bad, load

VECTORS = load("merkle")
LEAVES = [leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS["leaves"]]
logs = st.lists(st.binary(max_size=3), max_size=40).map(lambda data: [leaf_hash(d) for d in data])


def textbook_path(leaves, index):
    """PATH(index, leaves) as RFC 9162, section 2.1.3.1, writes it."""
    if len(leaves) == 1:
        return ()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return (*textbook_path(leaves[:split], index), root(leaves[split:]))
    return (*textbook_path(leaves[split:], index - split), root(leaves[:split]))


def verify_inclusion(leaf, index, size, proof, expected):
    if implied_root(leaf, index, size, proof) != expected:
        raise BadProof(expected="the root", came="another", do="refuse it")


def verify(operation):
    size = operation["size"]
    if operation["op"] == "root":
        assert root(LEAVES[:size]).hex() == operation["root"]
        return
    proof = [bytes.fromhex(step) for step in operation["proof"]]
    if operation["op"] == "inclusion":
        leaf = LEAVES[min(operation["index"], size - 1)]
        verify_inclusion(leaf, operation["index"], size, proof, root(LEAVES[:size]))
    else:
        first = operation["first"]
        verify_consistency(first, root(LEAVES[:first]), size, root(LEAVES[:size]), proof)


@given(logs)
def test_all_proofs_at_once_are_those_of_each_leaf_and_imply_the_root(log):
    proofs = inclusion_proofs(log)
    assert proofs == tuple(textbook_path(log, index) for index in range(len(log)))
    for index, proof in enumerate(proofs):
        assert implied_root(log[index], index, len(log), proof) == root(log)


@pytest.mark.parametrize("operation", VECTORS["operations"], ids=lambda operation: operation["name"])
def test_published_roots_and_proofs_hold_and_bad_ones_are_refused(operation):
    if is_bad(operation):
        with pytest.raises(BadProof):
            verify(operation)
    else:
        verify(operation)


@pytest.mark.parametrize(
    "operation", [o for o in VECTORS["operations"] if not is_bad(o)], ids=lambda o: o["name"]
)
def test_our_proofs_are_the_published_ones(operation):
    log = LEAVES[: operation["size"]]
    if operation["op"] == "inclusion":
        assert [step.hex() for step in inclusion_proofs(log)[operation["index"]]] == operation["proof"]
    if operation["op"] == "consistency":
        assert [step.hex() for step in consistency_proof(log, operation["first"])] == operation["proof"]


def textbook_root(leaves):
    """MTH exactly as RFC 9162 writes it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node_hash(textbook_root(leaves[:k]), textbook_root(leaves[k:]))


@given(logs)
def test_the_frontier_gives_the_root_of_the_recursive_definition(leaves):
    assert root(leaves) == textbook_root(leaves)
    assert Frontier.of(leaves).size == len(leaves)


@given(logs.filter(len), st.data())
def test_every_entry_has_a_proof_that_proves_only_that_entry_at_that_place(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = inclusion_proofs(leaves)[index]
    verify_inclusion(leaves[index], index, len(leaves), proof, root(leaves))
    with pytest.raises(BadProof):
        verify_inclusion(leaf_hash(b"another"), index, len(leaves), proof, root(leaves))
    other = data.draw(st.integers(0, len(leaves) - 1))
    if leaves[other] != leaves[index]:
        with pytest.raises(BadProof):
            verify_inclusion(leaves[index], other, len(leaves), proof, root(leaves))


@given(logs, st.data())
def test_every_prefix_is_consistent_and_a_changed_prefix_is_not(leaves, data):
    first = data.draw(st.integers(0, len(leaves)))
    proof = consistency_proof(leaves, first)
    verify_consistency(first, root(leaves[:first]), len(leaves), root(leaves), proof)
    if first:
        with pytest.raises(BadProof):
            verify_consistency(
                first, root([*leaves[: first - 1], leaf_hash(b"x")]), len(leaves), root(leaves), proof
            )


@given(logs.filter(lambda leaves: len(leaves) > 1), st.data())
def test_a_flipped_bit_in_any_step_is_refused(leaves, data):
    first = data.draw(st.integers(1, len(leaves) - 1))
    proof = [bytearray(step) for step in consistency_proof(leaves, first)]
    step = data.draw(st.integers(0, len(proof) - 1))
    proof[step][data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadProof):
        verify_consistency(
            first, root(leaves[:first]), len(leaves), root(leaves), [bytes(step) for step in proof]
        )


def test_a_log_cannot_shrink():
    with pytest.raises(BadProof):
        verify_consistency(3, root(LEAVES[:3]), 2, root(LEAVES[:2]), ())


def test_the_empty_log_is_a_prefix_of_every_log_but_only_with_its_own_root():
    verify_consistency(0, root([]), 3, root(LEAVES[:3]), ())
    with pytest.raises(BadProof):
        verify_consistency(0, LEAVES[0], 3, root(LEAVES[:3]), ())
    with pytest.raises(BadProof):
        verify_consistency(0, root([]), 0, LEAVES[0], ())


def test_a_leaf_cannot_pass_for_a_node():
    inner = LEAVES[0] + LEAVES[1]
    assert leaf_hash(inner) != node_hash(LEAVES[0], LEAVES[1])


@pytest.mark.parametrize("first", [-1, 9])
def test_there_is_no_proof_for_a_prefix_longer_than_the_log(first):
    with pytest.raises(ValueError, match="no prefix"):
        consistency_proof(LEAVES, first)


def test_a_frontier_must_have_one_subtree_for_every_one_bit_of_its_size():
    with pytest.raises(ValueError, match="do not make a log"):
        Frontier(size=3, peaks=(LEAVES[0],))
