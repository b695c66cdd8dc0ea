"""The audit log: what the coordinator says it did, in an order that it cannot rewrite.

Entries are leaves of an RFC 9162 tree; the coordinator signs tree heads. A node that keeps the
last head it saw notices a shortened or forked log at the next one. What an entry's ``body_hash``
stands for (a roster version, a configuration, a release, a vote, an equivocation) is the kind's
business: the log only proves that the hash was there, then.

>>> entry = AuditEntry(sequence=0, at=1_700_000_000, kind="roster", body_hash=bytes(32))
>>> log = Frontier().append(leaf(entry))
>>> old, new = head(bytes(16), Frontier()), head(bytes(16), log)
>>> check_advance(old, new, ())
>>> check_advance(new, old, ())
Traceback (most recent call last):
...
protocols.errors.RolledBack: expected an audit log of at least 1; came 0; refuse it and keep both heads
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import encode
from protocols.errors import BadProof, MalformedMessage, RolledBack
from protocols.limits import HASH_BYTES, ID_BYTES
from protocols.merkle import Frontier, leaf_hash, verify_consistency

KINDS = ("roster", "vocabulary", "round", "aborted", "release", "vote", "equivocation")
"""What the coordinator writes down; a log with any other kind is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the log: its place, unix seconds, what happened, and the hash of the evidence."""

    TAG: ClassVar[str] = "audit-entry"
    sequence: int
    at: int
    kind: str
    body_hash: bytes

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise MalformedMessage(
                expected=f"one of {', '.join(KINDS)}", came=self.kind[:40], do="refuse the entry"
            )
        if len(self.body_hash) != HASH_BYTES:
            raise MalformedMessage(
                expected=f"a hash of {HASH_BYTES} bytes", came=str(len(self.body_hash)), do="refuse the entry"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """The log at one size; travels signed by the coordinator."""

    TAG: ClassVar[str] = "tree-head"
    consortium: bytes
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if len(self.consortium) != ID_BYTES or len(self.root) != HASH_BYTES:
            raise MalformedMessage(
                expected="a consortium id and a root hash", came="other lengths", do="refuse the head"
            )


def leaf(entry: AuditEntry) -> bytes:
    """The leaf hash of ``entry`` in the tree."""
    return leaf_hash(encode(entry))


def head(consortium: bytes, log: Frontier) -> TreeHead:
    """The head of ``log``, for the coordinator to sign."""
    return TreeHead(consortium=consortium, size=log.size, root=log.root)


def check_advance(old: TreeHead, new: TreeHead, proof: Sequence[bytes]) -> None:
    """Check that ``new`` is ``old`` with entries appended and nothing else.

    Raises:
        RolledBack: fewer entries, or as many with another root.
        BadProof: another consortium, or a proof that does not join the two roots.
    """
    if old.consortium != new.consortium:
        raise BadProof(
            expected=f"the log of consortium {old.consortium.hex()}",
            came=new.consortium.hex(),
            do="refuse the head",
        )
    if new.size < old.size:
        raise RolledBack(
            expected=f"an audit log of at least {old.size}",
            came=str(new.size),
            do="refuse it and keep both heads",
        )
    if new.size == old.size and new.root != old.root:
        raise RolledBack(
            expected=f"root {old.root.hex()} at {old.size} entries",
            came=new.root.hex(),
            do="refuse it and keep both heads",
        )
    verify_consistency(old.size, old.root, new.size, new.root, proof)
