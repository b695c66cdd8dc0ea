"""One signature for many messages: over the root of the tree of their hashes (RFC 9162, section 2.1).

Verifying Ed25519 costs a hundred times as much as hashing, and a member deals a sealed bundle to every other.
Each message of the set carries the one signature and, as its *tail*, the way from its own hash to the root:
place and number of messages, then the hashes beside the way. So it convicts its signer alone, wherever it
turns up without the others, exactly as a message that was signed by itself; and who has the whole set in its
order makes the tree again and verifies once. A leaf is the text that would be signed for that message alone,
a root is signed under a tag of its own: neither passes for the other.

>>> text, tails = text_and_tails(b"me", [b"one", b"two", b"three"])
>>> [text_behind(b"me", body, tail) == text for body, tail in zip((b"one", b"two", b"three"), tails)]
[True, True, True]
>>> text_behind(b"me", b"other", tails[0]) == text
False
"""

from collections.abc import Sequence
from typing import Final

from protocols.codec import enc
from protocols.errors import BadProof
from protocols.limits import HASH_BYTES
from protocols.merkle import implied_root, inclusion_proofs, leaf_hash

_NUMBER_BYTES: Final = 4


def text_of_one(signer: bytes, body: bytes) -> bytes:
    """What is signed for one message by itself, and hashed to a leaf where there are many."""
    return enc("signature", signer, body)


def text_and_tails(signer: bytes, bodies: Sequence[bytes]) -> tuple[bytes, tuple[bytes, ...]]:
    """What is signed once for all of ``bodies`` in this order, and what then follows the signature of each."""
    leaves = [leaf_hash(text_of_one(signer, body)) for body in bodies]
    if not leaves:
        raise ValueError("a signature stands for at least one message")
    proofs, size = inclusion_proofs(leaves), _number(len(leaves))
    tails = tuple(b"".join((_number(place), size, *proof)) for place, proof in enumerate(proofs))
    return _text(signer, size, implied_root(leaves[0], 0, len(leaves), proofs[0])), tails


def text_behind(signer: bytes, body: bytes, tail: bytes) -> bytes:
    """The text over which the signature in front of ``tail`` has to stand, if ``body`` is of its set.

    Raises:
        BadProof: no place in a tree.
    """
    place, size, proof = (
        tail[:_NUMBER_BYTES],
        tail[_NUMBER_BYTES : 2 * _NUMBER_BYTES],
        tail[2 * _NUMBER_BYTES :],
    )
    if len(size) != _NUMBER_BYTES:
        raise BadProof(expected="a place and a number", came=f"{len(tail)} bytes", do="refuse the message")
    steps = [proof[at : at + HASH_BYTES] for at in range(0, len(proof), HASH_BYTES)]
    leaf = leaf_hash(text_of_one(signer, body))
    return _text(
        signer, size, implied_root(leaf, int.from_bytes(place, "big"), int.from_bytes(size, "big"), steps)
    )


def _text(signer: bytes, size: bytes, of_all: bytes) -> bytes:
    return enc("signature-of-many", signer, size, of_all)


def _number(value: int) -> bytes:
    return value.to_bytes(_NUMBER_BYTES, "big")
