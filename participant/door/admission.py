"""May this configuration be answered at all? Checked before the first message of an attempt leaves.

Everything here is decided on the node's own memory: its policy, its roster, the audit log it saw, and
the attempts it already took part in. The coordinator's wish is not an argument.
"""

from collections.abc import Sequence
from functools import lru_cache

from participant.errors import NoRoster, NotInCohort, SecretsErased
from participant.store.attempts import OPEN_STATES, StoredAttempt
from participant.store.rosters import SeenAudit, StoredRoster
from protocols import history
from protocols.codec import decode
from protocols.errors import IllegalMove
from protocols.history import Seen
from protocols.identity import PartnerId, Signed
from protocols.limits import CLOCK_SKEW_S
from protocols.messages import RoundConfig
from protocols.roster import RosterVersion, SignedRoster, roll
from protocols.secure_sum.attempts import open_config as open_signed_config


def present(stored: StoredRoster | None) -> StoredRoster:
    """The stored roster.

    Raises:
        NoRoster: there is none.
    """
    if stored is None:
        raise NoRoster(
            expected="a roster that the officer accepted and enough members signed",
            came="none in force",
            do="compare the hash with another member, then run `altrove-node roster --accept HASH`",
        )
    return stored


def open_roster(stored: StoredRoster) -> RosterVersion:
    """The version inside a stored roster, whose chain was verified when it was stored."""
    return _version(stored.body)


@lru_cache(maxsize=2)
def _version(stored: bytes) -> RosterVersion:
    """Decoded once: every step asks for it, and each of its keys is checked to be a point of the curve."""
    return decode(RosterVersion, decode(SignedRoster, stored).version.body)


def open_config(signed: Signed, version: RosterVersion) -> RoundConfig:
    """The configuration inside ``signed``, if the coordinator of this roster signed it.

    Raises:
        BadSignature, UnknownSigner, MalformedMessage: it did not, or for another consortium.
    """
    config = open_signed_config(signed, roll(version))
    if config.consortium != version.consortium:
        raise NotInCohort(
            expected=f"consortium {version.consortium.hex()}",
            came=config.consortium.hex(),
            do="refuse the round",
        )
    return config


def accepted(attempt: StoredAttempt) -> RoundConfig:
    """The configuration that this node accepted for a stored attempt."""
    return decode(RoundConfig, decode(Signed, attempt.config).body)


def check_open(attempt: StoredAttempt, config: RoundConfig, now: int) -> None:
    """The attempt has not ended here, and its last deadline has not passed: nothing is opened long after.

    Raises:
        SecretsErased: it has ended.
        IllegalMove: its time is over.
    """
    if attempt.state not in OPEN_STATES:
        raise SecretsErased(
            expected=f"an open attempt {config.round}.{config.attempt}",
            came=f"one that ended here: {attempt.reason or attempt.state}",
            do="let it end without this node",
        )
    if now > config.deadlines[-1] + CLOCK_SKEW_S:
        raise IllegalMove(
            expected=f"an answer to {config.round}.{config.attempt} before its last deadline",
            came=f"one asked for {now - config.deadlines[-1]} s after it",
            do="let it end without this node; if it has just begun, check this machine's clock",
        )


def check_cohort(config: RoundConfig, me: PartnerId, version: RosterVersion) -> None:
    """The cohort is a part of the roster, in the roster's order, and this company is in it.

    Raises:
        NotInCohort: it is not.
    """
    order = tuple(entry.partner for entry in version.entries if entry.partner in set(config.cohort))
    if me not in config.cohort or order != config.cohort:
        raise NotInCohort(
            expected="a cohort of roster members in roster order that lists this company",
            came=f"{len(config.cohort)} other ids",
            do="refuse the round",
        )


def check_number(config: RoundConfig, known: Sequence[StoredAttempt], highest_round: int) -> None:
    """Round and attempt numbers only increase, and a retry changes nothing but attempt and deadlines.

    Raises:
        ReplayedRound: an old number, or a retry that asks for something else.
    """
    if not known or highest_round > config.round:
        history.check_order(config, highest_round + 1, 0)
        return
    history.check_order(config, known[-1].round, known[-1].attempt)
    history.check_retry(accepted(known[0]), config)


def check_seen(
    config: RoundConfig, stored: StoredRoster, seen: SeenAudit, proof: Sequence[bytes]
) -> tuple[int, bytes]:
    """The round stands on the roster in force and on the audit log last seen.

    Returns:
        Size and head of the log as seen now.

    Raises:
        BehindRoster, RolledBack, BadProof: it does not.
    """
    known = Seen(
        roster_height=stored.height, roster_hash=stored.hash, audit_size=seen.size, audit_head=seen.head
    )
    now = history.check_seen(config, known, proof)
    return now.audit_size, now.audit_head
