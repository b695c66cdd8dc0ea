"""What a node refuses because of what it has seen or done before, whatever its policy: a history only grows.

Every check is a pure function over the signed configuration and the node's own memory: the newest roster and audit
log, the last round and attempt, what the first attempt asked, for whom an answer was unmasked. Nothing here trusts the
coordinator.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from protocols.audit import TreeHead, check_advance
from protocols.errors import AlreadyUnmasked, BehindRoster, ReplayedRound, RolledBack
from protocols.identity import PartnerId
from protocols.messages import RoundConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The newest roster and audit log that this node has checked; they only grow."""

    roster_height: int
    roster_hash: bytes
    audit_size: int
    audit_head: bytes


def check_seen(config: RoundConfig, seen: Seen, proof: Sequence[bytes] = ()) -> Seen:
    """Check that a configuration builds on the roster and the audit log that this node knows.

    ``proof`` is the consistency proof between the smaller and the larger of ``seen.audit_size``
    and ``config.audit_size``. A round may name a log a little older than the newest this node has
    seen (a retry does, by rule): that is no rollback if the proof shows that it is a prefix.

    Returns:
        What the node has seen now.

    Raises:
        RolledBack: a lower roster, another roster of the same height, or a log of the same size
            with another root.
        BehindRoster: a higher roster; fetch and check the chain first.
        BadProof: the two logs are not one; the coordinator shows different histories.
    """
    if config.roster_height > seen.roster_height:
        raise BehindRoster(
            expected=f"a round on roster {seen.roster_height}",
            came=f"roster {config.roster_height}",
            do="fetch the roster chain, check it, and look at the round again",
        )
    if (config.roster_height, config.roster_hash) != (seen.roster_height, seen.roster_hash):
        raise RolledBack(
            expected=f"roster {seen.roster_height} ({seen.roster_hash.hex()})",
            came=f"roster {config.roster_height} ({config.roster_hash.hex()})",
            do="refuse the round and keep its signed configuration as evidence",
        )
    known = TreeHead(consortium=config.consortium, size=seen.audit_size, root=seen.audit_head)
    named = TreeHead(consortium=config.consortium, size=config.audit_size, root=config.audit_head)
    shorter, longer = (named, known) if named.size < known.size else (known, named)
    check_advance(shorter, longer, proof)
    return replace(seen, audit_size=longer.size, audit_head=longer.root)


def check_order(config: RoundConfig, round_: int, attempt: int) -> None:
    """Refuse a configuration that is not newer than the last one accepted.

    Raises:
        ReplayedRound: (round, attempt) does not increase.
    """
    if (config.round, config.attempt) <= (round_, attempt):
        raise ReplayedRound(
            expected=f"a round or attempt after {round_}.{attempt}",
            came=f"{config.round}.{config.attempt}",
            do="refuse it; an attempt that was left is closed for ever",
        )


def check_retry(first: RoundConfig, later: RoundConfig) -> None:
    """Check that a later attempt asks exactly what the first one accepted did.

    Raises:
        ReplayedRound: it is not later, or anything but the attempt and the deadlines changed.
    """
    if later.attempt <= first.attempt:
        raise ReplayedRound(
            expected=f"an attempt after {first.attempt}", came=str(later.attempt), do="refuse the attempt"
        )
    if replace(later, attempt=first.attempt, deadlines=first.deadlines) != first:
        changed = {name for name in RoundConfig.__slots__ if getattr(first, name) != getattr(later, name)}
        raise ReplayedRound(
            expected=f"attempt {first.attempt} again, but for the attempt and the deadlines",
            came=f"another {', '.join(sorted(changed - {'attempt', 'deadlines'}))}",
            do="refuse the attempt; a different question needs a new round",
        )


def check_once(survivors: Collection[PartnerId], bound: Collection[PartnerId] | None) -> None:
    """One answer, one unmasking: an answer once unmasked for a set is never unmasked for another.

    ``bound`` is the survivor set to which this node's first unmask answer bound the answer id,
    whatever the round was called; None when it never answered.

    Raises:
        AlreadyUnmasked: another set.
    """
    if bound is not None and set(bound) != set(survivors):
        raise AlreadyUnmasked(
            expected=f"the {len(set(bound))} companies of the first unmasking",
            came=f"{len(set(survivors))} companies, not the same",
            do="ask again when the data have changed; this answer is closed",
        )
