"""A consortium for tests: named companies with fixed keys, and every version they may sign."""

import hashlib
from dataclasses import replace

from protocols.identity import COORDINATOR, IdentityKey, partner_id
from protocols.roster import (
    NO_PREVIOUS,
    Change,
    RosterEntry,
    RosterVersion,
    SignedRoster,
    approve,
    roster_hash,
)

COORDINATOR_KEY = IdentityKey(hashlib.sha256(b"the coordinator").digest())


def key_of(name):
    """The identity key of the company ``name``."""
    return IdentityKey(hashlib.sha256(name.encode()).digest())


def id_of(name):
    """Its id for life."""
    return partner_id(key_of(name).public)


def entry_of(name, key=None):
    """Its roster entry, under its first key or under ``key``."""
    return RosterEntry(
        partner=id_of(name),
        name=name,
        identity_key=(key or key_of(name)).public,
        courier_key=b"ecdsa-sha2-nistp384 " + name.encode(),
        certificate=hashlib.sha256(b"certificate of " + name.encode()).digest(),
    )


def ordered(entries):
    """Entries in roster order."""
    return tuple(sorted(entries, key=lambda entry: entry.partner))


def genesis(*names, **change):
    """The first version with these founders."""
    version = RosterVersion(
        consortium=bytes(range(16)),
        height=0,
        previous=NO_PREVIOUS,
        coordinator_key=COORDINATOR_KEY.public,
        entries=ordered(entry_of(name) for name in names),
        change=Change.GENESIS,
        subject=COORDINATOR,
    )
    return replace(version, **change)


def following(previous, change, subject, entries, **other):
    """The version after ``previous``."""
    version = replace(
        previous,
        height=previous.height + 1,
        previous=roster_hash(previous),
        entries=ordered(entries),
        change=change,
        subject=subject,
    )
    return replace(version, **other)


def admitting(previous, name, **other):
    """``previous`` with one more company."""
    return following(previous, Change.ADMIT, id_of(name), [*previous.entries, entry_of(name)], **other)


def removing(previous, name, **other):
    """``previous`` without one company."""
    left = [entry for entry in previous.entries if entry.partner != id_of(name)]
    return following(previous, Change.REMOVE, id_of(name), left, **other)


def rekeying(previous, name, key, **other):
    """``previous`` with a new identity key for one company."""
    kept = [entry for entry in previous.entries if entry.partner != id_of(name)]
    return following(previous, Change.REKEY, id_of(name), [*kept, entry_of(name, key)], **other)


def signed(version, *signers, coordinator=COORDINATOR_KEY, keys=None):
    """``version`` signed by the coordinator and approved by the companies ``signers``."""
    held = keys or {}
    return SignedRoster(
        version=coordinator.sign(COORDINATOR, version),
        approvals=tuple(approve(version, id_of(name), held.get(name, key_of(name))) for name in signers),
    )
