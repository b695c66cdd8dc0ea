"""What everybody must have seen alike: hashes over advertisements, sets of members and vectors.

Each later message repeats these hashes. Two members to whom the coordinator showed different keys,
sets or vectors hold different hashes, and neither accepts the other's messages.

>>> a, b = PartnerId(bytes(16)), PartnerId(bytes([1]) * 16)
>>> members_hash((a, b)) == members_hash((b, a)) != members_hash((a,))
True
"""

from collections.abc import Iterable

from protocols.codec import tagged_hash
from protocols.identity import PartnerId, Signed
from protocols.messages import InputHeader, RoundConfig


def transcript_hash(ads: Iterable[Signed]) -> bytes:
    """``th``: the hash of the sorted advertisements, salt of every key derived in the attempt."""
    return tagged_hash("transcript", *sorted(ad.body for ad in ads))


def members_hash(members: Iterable[PartnerId]) -> bytes:
    """The hash of a set of members, whatever order they are given in."""
    return tagged_hash("members", *sorted(members))


def roots_hash(config: RoundConfig, headers: Iterable[InputHeader]) -> bytes:
    """The hash of (member, root of its masked vector) in roster order: which vectors are summed."""
    by_sender = {header.sender: header.root for header in headers}
    parts = [part for member in in_order(config, by_sender) for part in (member, by_sender[member])]
    return tagged_hash("roots", *parts)


def in_order(config: RoundConfig, members: Iterable[PartnerId]) -> tuple[PartnerId, ...]:
    """``members`` in the order of the configuration; who is not in its cohort is left out."""
    chosen = frozenset(members)
    return tuple(member for member in config.cohort if member in chosen)
