"""The Merkle tree of RFC 9162, section 2.1: an append-only log that can prove it only grew.

It decides what a root, an inclusion proof and a consistency proof are; what a leaf *means* is
`protocols.audit`'s business. Every function takes leaf hashes, not leaf data, so that a
log can keep 32 bytes a leaf and prove anything.

>>> leaves = [leaf_hash(text) for text in (b"one", b"two", b"three")]
>>> proof = inclusion_proofs(leaves)[2]
>>> implied_root(leaves[2], 2, 3, proof) == root(leaves), implied_root(leaves[1], 2, 3, proof) == root(leaves)
(True, False)
>>> verify_consistency(2, root(leaves[:2]), 3, root(leaves), consistency_proof(leaves, 2))
>>> verify_consistency(1, leaves[1], 3, root(leaves), consistency_proof(leaves, 1))
Traceback (most recent call last):
...
protocols.errors.BadProof: expected a proof that leads to the root; came another root; refuse the log
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Self

from protocols.errors import BadProof
from protocols.limits import HASH_BYTES

EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a log without entries: the hash of the empty string (RFC 9162, section 2.1.1)."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of one entry; the prefix keeps a leaf from passing for a node.

    >>> leaf_hash(b"").hex()
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'
    """
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH of the leaf hashes ``leaves``: the left subtree is the largest full one that is smaller.

    >>> a, b, c = leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")
    >>> root([a, b, c]) == node_hash(node_hash(a, b), c)
    True
    >>> root([a, b, c]) == root([a, b, c, c])  # the last leaf is not repeated
    False
    """
    return Frontier.of(leaves).root


def inclusion_proofs(leaves: Sequence[bytes]) -> tuple[tuple[bytes, ...], ...]:
    """PATH(index, leaves) of RFC 9162, section 2.1.3.1, of all leaves in order, each hash of the tree made once.

    >>> one, two, three = leaves = [leaf_hash(text) for text in (b"one", b"two", b"three")]
    >>> inclusion_proofs(leaves) == ((two, three), (one, three), (node_hash(one, two),))
    True
    """
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
        levels.append(pairs + below[len(below) & ~1 :])  # a last node without a neighbour moves up as it is
    proofs: list[tuple[bytes, ...]] = [() for _ in levels[-1]]
    for level in reversed(levels[:-1]):
        above, size = proofs, len(level)
        proofs = [(level[at ^ 1], *above[at // 2]) if at ^ 1 < size else above[at // 2] for at in range(size)]
    return tuple(proofs)


def consistency_proof(leaves: Sequence[bytes], first: int) -> tuple[bytes, ...]:
    """PROOF(first, leaves) of RFC 9162, section 2.1.4.1: the first ``first`` leaves are a prefix.

    It is empty for ``first`` equal to zero or to the whole size: nothing is left to prove.

    Raises:
        ValueError: ``first`` is larger than the log.
    """
    size = len(leaves)
    if not 0 <= first <= size:
        raise ValueError(f"a log of {size} has no prefix of {first}")
    if first in (0, size):
        return ()
    proof: list[bytes] = []
    low, high, whole = 0, size, True
    while first != high:
        middle = low + _split(high - low)
        if first <= middle:
            proof.append(root(leaves[middle:high]))
            high = middle
        else:
            proof.append(root(leaves[low:middle]))
            low, whole = middle, False
    if not whole:  # the verifier knows the old root already when it is a subtree of the new one
        proof.append(root(leaves[low:high]))
    return tuple(reversed(proof))


def implied_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root of the log of ``size`` entries whose entry ``index`` is ``leaf``, if ``proof`` is its proof.

    RFC 9162, section 2.1.3.2.

    Raises:
        BadProof: the proof has another length.
    """
    if not 0 <= index < size:
        raise BadProof(expected=f"an index below {size}", came=str(index), do="refuse the log")
    position, last, node = index, size - 1, leaf
    for step in _hashes(proof):
        if last == 0:
            raise _wrong_length()
        if position & 1 or position == last:
            node = node_hash(step, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, step)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise _wrong_length()
    return node


def verify_consistency(
    first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the log of ``first`` entries is a prefix of the log of ``second`` entries.

    RFC 9162, section 2.1.4.2. A log without entries is a prefix of every log.

    Raises:
        BadProof: the sizes do not grow, or the proof does not lead to both roots.
    """
    if not 0 <= first <= second:
        raise BadProof(expected=f"a log of at least {first}", came=str(second), do="refuse the log")
    if first in (0, second):
        if proof:
            raise _wrong_length()
        _must_equal(first_root, EMPTY_ROOT if first == 0 else second_root)
        if second == 0:
            _must_equal(second_root, EMPTY_ROOT)
        return
    steps = list(_hashes(proof))
    if first & (first - 1) == 0:
        steps.insert(0, first_root)
    if not steps:
        raise _wrong_length()
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise _wrong_length()
        if position & 1 or position == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, step)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise _wrong_length()
    _must_equal(old, first_root)
    _must_equal(new, second_root)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The roots of the full subtrees of a growing log: enough to append and to know the root.

    ``peaks`` holds one hash for every one-bit of ``size``, the largest subtree first.

    >>> one = Frontier().append(leaf_hash(b"a"))
    >>> one.append(leaf_hash(b"b")).root == root([leaf_hash(b"a"), leaf_hash(b"b")])
    True
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"{len(self.peaks)} subtrees do not make a log of {self.size}")

    @classmethod
    def of(cls, leaves: Sequence[bytes]) -> Self:
        """The frontier of a whole log of leaf hashes."""
        frontier = cls()
        for leaf in leaves:
            frontier = frontier.append(leaf)
        return frontier

    def append(self, leaf: bytes) -> Self:
        """The frontier with one more leaf hash: equal subtrees merge as the bits of a counter do."""
        peaks, node, size = list(self.peaks), leaf, self.size
        while size & 1:
            node = node_hash(peaks.pop(), node)
            size >>= 1
        return type(self)(size=self.size + 1, peaks=(*peaks, node))

    @property
    def root(self) -> bytes:
        """The root of the whole log."""
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node


def _split(count: int) -> int:
    """The largest power of two below ``count`` (at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)


def _hashes(proof: Sequence[bytes]) -> Sequence[bytes]:
    if any(len(step) != HASH_BYTES for step in proof):
        raise BadProof(expected=f"hashes of {HASH_BYTES} bytes", came="other lengths", do="refuse the log")
    return proof


def _wrong_length() -> BadProof:
    return BadProof(expected="a proof of the right length", came="another length", do="refuse the log")


def _must_equal(came: bytes, expected: bytes) -> None:
    if not compare_digest(came, expected):
        raise BadProof(expected="a proof that leads to the root", came="another root", do="refuse the log")
