"""The roster: who is a member, under which keys, as a hash chain that the members themselves sign.

A version names the hash of the one before it and makes one change. It is valid when signed by the
coordinator, by the newcomer (whose approval covers consortium, height and the hash over its own
key), and by at least floor(2n/3) + 1 distinct members of the version before. The first version
(genesis) is signed by all of its at least three founders, who compare its hash out of band: no
code can do that for them. A partner's id is the hash of its first identity key and never changes.

What this module does not decide: who *should* be a member, and whether two members are one person.

>>> quorum(3), quorum(4), quorum(5), quorum(7), quorum(100)
(3, 3, 4, 5, 67)
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from protocols.codec import decode, digest
from protocols.errors import BrokenChain, MalformedMessage, UnknownSigner
from protocols.identity import (
    COORDINATOR,
    IdentityKey,
    IdentityPublic,
    PartnerId,
    Roll,
    Signed,
    check_identity_public,
    open_signed,
    partner_id,
)
from protocols.limits import COHORT_MIN, COURIER_KEY_BYTES, HASH_BYTES, ID_BYTES, NAME_CHARS

NO_PREVIOUS = bytes(HASH_BYTES)
"""What the genesis names as the version before it."""

ROSTER_MIN = COHORT_MIN - 1
"""Removing one of three leaves two, who can hold no round but can admit a third."""


class Change(StrEnum):
    """What one version changes."""

    GENESIS = "genesis"
    ADMIT = "admit"
    REMOVE = "remove"
    REKEY = "rekey"


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterEntry:
    """One member: its id, its name, and the three keys that it answers with.

    ``courier_key`` is the OpenSSH public key of its Flower courier, ``certificate`` the SHA-256
    fingerprint of its TLS client certificate.
    """

    TAG: ClassVar[str] = "roster-entry"
    partner: PartnerId
    name: str
    identity_key: IdentityPublic
    courier_key: bytes
    certificate: bytes

    def __post_init__(self) -> None:
        check_identity_public(self.identity_key)
        _require(len(self.partner) == ID_BYTES, f"an id of {ID_BYTES} bytes", len(self.partner))
        _require(self.partner != COORDINATOR, "a partner's id", "the coordinator's")
        _require(
            0 < len(self.name) <= NAME_CHARS and self.name.isprintable() and self.name == self.name.strip(),
            f"a printable name of 1 to {NAME_CHARS} characters",
            repr(self.name[:NAME_CHARS]),
        )
        _require(
            0 < len(self.courier_key) <= COURIER_KEY_BYTES,
            f"a courier key of up to {COURIER_KEY_BYTES} bytes",
            len(self.courier_key),
        )
        _require(
            len(self.certificate) == HASH_BYTES, f"a fingerprint of {HASH_BYTES} bytes", len(self.certificate)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterVersion:
    """All members at one height, in bytewise order of their ids: the roster order of every cohort."""

    TAG: ClassVar[str] = "roster-version"
    consortium: bytes
    height: int
    previous: bytes
    coordinator_key: IdentityPublic
    entries: tuple[RosterEntry, ...]
    change: str
    subject: PartnerId

    def __post_init__(self) -> None:
        check_identity_public(self.coordinator_key)
        _require(len(self.consortium) == ID_BYTES, "a consortium id", len(self.consortium))
        _require(len(self.previous) == HASH_BYTES, "a hash of the version before", len(self.previous))
        _require(len(self.subject) == ID_BYTES, "a subject's id", len(self.subject))
        _require(self.change in tuple(Change), f"one of {', '.join(Change)}", self.change[:40])
        ids = [entry.partner for entry in self.entries]
        _require(ids == sorted(set(ids)), "distinct members in order of their ids", "another order")
        _require(len(ids) >= ROSTER_MIN, f"at least {ROSTER_MIN} members", len(ids))
        for what, values in (
            ("names", [entry.name for entry in self.entries]),
            ("identity keys", [self.coordinator_key, *(entry.identity_key for entry in self.entries)]),
            ("courier keys", [entry.courier_key for entry in self.entries]),
            ("certificates", [entry.certificate for entry in self.entries]),
        ):
            _require(len(set(values)) == len(values), f"distinct {what}", f"two members with the same {what}")

    @property
    def partners(self) -> tuple[PartnerId, ...]:
        """The members' ids in roster order."""
        return tuple(entry.partner for entry in self.entries)

    def entry(self, partner: PartnerId) -> RosterEntry:
        """The entry of ``partner``.

        Raises:
            UnknownSigner: it is not a member at this height.
        """
        for entry in self.entries:
            if entry.partner == partner:
                return entry
        raise UnknownSigner(
            expected=f"a member of roster {self.height}", came=partner.hex(), do="refresh the roster"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterApproval:
    """One member's signature on one version; a member signs one successor per version, ever."""

    TAG: ClassVar[str] = "roster-approval"
    consortium: bytes
    height: int
    roster_hash: bytes

    def __post_init__(self) -> None:
        _require(len(self.consortium) == ID_BYTES, "a consortium id", len(self.consortium))
        _require(len(self.roster_hash) == HASH_BYTES, "a roster hash", len(self.roster_hash))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRoster:
    """A version signed by the coordinator, with the approvals collected so far."""

    TAG: ClassVar[str] = "signed-roster"
    version: Signed
    approvals: tuple[Signed, ...]

    @property
    def claimed(self) -> RosterVersion:
        """The version as it stands there; no signature is looked at."""
        return decode(RosterVersion, self.version.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Electorate:
    """Whose approvals make a version valid: everyone in ``must``, and ``needed`` of ``eligible``."""

    must: frozenset[PartnerId]
    eligible: frozenset[PartnerId]
    needed: int

    def satisfied_by(self, signers: Collection[PartnerId]) -> bool:
        """Whether ``signers`` suffice."""
        return self.must <= set(signers) and len(self.eligible.intersection(signers)) >= self.needed

    def missing(self, signers: Collection[PartnerId]) -> str:
        """What is still missing, in words for an error or a console."""
        votes = len(self.eligible.intersection(signers))
        absent = ", ".join(sorted(partner.hex() for partner in self.must.difference(signers)))
        return f"{votes} of {self.needed} members' approvals" + (
            f", and none from {absent}" if absent else ""
        )


def quorum(n: int) -> int:
    """How many of ``n`` members must approve: floor(2n/3) + 1, more than two thirds.

    >>> [quorum(n) for n in (2, 3, 6)]  # ceil(2n/3) would give 2, 2, 4
    [2, 3, 5]
    """
    return 2 * n // 3 + 1


def roster_hash(version: RosterVersion) -> bytes:
    """What the officers compare out of band, and what the next version and every round name."""
    return digest(version)


def roll(version: RosterVersion) -> Roll:
    """Whose signatures count at this height: every member, and the coordinator."""
    return {COORDINATOR: version.coordinator_key} | {e.partner: e.identity_key for e in version.entries}


def approve(version: RosterVersion, partner: PartnerId, key: IdentityKey) -> Signed:
    """The approval of ``partner``, made after its officer agreed and only once per height."""
    return key.sign(partner, _approval(version))


def electorate(previous: RosterVersion | None, version: RosterVersion) -> Electorate:
    """Who must approve ``version``, which follows ``previous`` (or is the genesis).

    For a removal and a re-key, n counts without the subject, whose own vote does not count; a
    re-keyed member signs with its new key, as a newcomer does.
    """
    if previous is None:
        founders = frozenset(version.partners)
        return Electorate(must=founders, eligible=founders, needed=len(founders))
    without = {version.subject} if version.change in (Change.REMOVE, Change.REKEY) else set()
    eligible = frozenset(previous.partners) - without
    newcomer = {version.subject} if version.change in (Change.ADMIT, Change.REKEY) else set()
    return Electorate(must=frozenset(newcomer), eligible=eligible, needed=quorum(len(eligible)))


def open_version(signed: SignedRoster, coordinator_key: IdentityPublic) -> RosterVersion:
    """The version inside ``signed``, if the coordinator with this key signed it.

    Raises:
        UnknownSigner, BadSignature: another signer or key.
        MalformedMessage: not a roster version.
    """
    if signed.version.signer != COORDINATOR:
        raise UnknownSigner(
            expected="the coordinator's signature", came=signed.version.signer.hex(), do="refuse the roster"
        )
    version = open_signed(signed.version, RosterVersion, {COORDINATOR: coordinator_key})
    if version.coordinator_key != coordinator_key:
        raise BrokenChain(
            expected=f"coordinator key {coordinator_key.hex()}",
            came=version.coordinator_key.hex(),
            do="refuse the roster; a coordinator keeps its key for the life of a consortium",
        )
    return version


def check_proposal(previous: RosterVersion | None, signed: SignedRoster) -> RosterVersion:
    """Check all of ``signed`` but the number of its approvals: what an officer may be asked to sign.

    ``previous`` is the version in force, or None before the genesis; then the coordinator's key
    is taken from the version itself, and the officers' comparison of the hash is what pins it.

    Raises:
        BrokenChain: it does not follow from ``previous`` by one change, or an approval is for
            something else or comes twice.
        UnknownSigner, BadSignature: a signature that does not count.
    """
    if previous is None:
        version = open_version(signed, signed.claimed.coordinator_key)
        _check_founding(version)
    else:
        version = open_version(signed, previous.coordinator_key)
        _check_link(previous, version)
    _signers(previous, version, signed.approvals)
    return version


def check_genesis(signed: SignedRoster) -> RosterVersion:
    """The genesis, if the coordinator and all founders signed it.

    Raises:
        BrokenChain, UnknownSigner, BadSignature: as :func:`check_proposal`, or a founder is missing.
    """
    return _check_whole(None, signed)


def check_successor(previous: RosterVersion, signed: SignedRoster) -> RosterVersion:
    """The version after ``previous``, if it makes one change and enough members signed it.

    Raises:
        BrokenChain, UnknownSigner, BadSignature: as :func:`check_proposal`, or too few approvals.
    """
    return _check_whole(previous, signed)


def _check_whole(previous: RosterVersion | None, signed: SignedRoster) -> RosterVersion:
    version = check_proposal(previous, signed)
    signers = [approval.signer for approval in signed.approvals]
    needed = electorate(previous, version)
    if not needed.satisfied_by(signers):
        raise BrokenChain(
            expected=f"{needed.needed} approvals and every newcomer's",
            came=needed.missing(signers),
            do="wait for the missing approvals",
        )
    return version


def _check_founding(version: RosterVersion) -> None:
    _chain(version.height == 0 and version.change == Change.GENESIS, "a genesis at height 0", version.change)
    _chain(version.previous == NO_PREVIOUS, "no version before the genesis", version.previous.hex())
    _chain(version.subject == COORDINATOR, "a genesis without a subject", version.subject.hex())
    _chain(len(version.entries) >= COHORT_MIN, f"at least {COHORT_MIN} founders", str(len(version.entries)))
    for entry in version.entries:
        _check_own_id(entry)


def _check_link(previous: RosterVersion, version: RosterVersion) -> None:
    expected = previous.height + 1
    _chain(version.consortium == previous.consortium, "the same consortium", version.consortium.hex())
    _chain(version.height == expected, f"height {expected}", str(version.height))
    _chain(version.previous == roster_hash(previous), "the hash of the version before", "another hash")
    before = {entry.partner: entry for entry in previous.entries}
    after = {entry.partner: entry for entry in version.entries}
    changed = {
        partner for partner in before.keys() | after.keys() if before.get(partner) != after.get(partner)
    }
    _chain(changed == {version.subject}, "one change, to the subject", f"{len(changed)} changed entries")
    was, now = version.subject in before, version.subject in after
    moves = {(False, True): Change.ADMIT, (True, False): Change.REMOVE, (True, True): Change.REKEY}
    _chain(version.change == moves[was, now], f"change {moves[was, now]!s}", version.change)
    if version.change == Change.ADMIT:
        _check_own_id(after[version.subject])


def _check_own_id(entry: RosterEntry) -> None:
    _chain(entry.partner == partner_id(entry.identity_key), "an id made from the first key", "another id")


def _signers(previous: RosterVersion | None, version: RosterVersion, approvals: tuple[Signed, ...]) -> None:
    asked, needed = _approval(version), electorate(previous, version)
    keys = roll(version) if previous is None else {**roll(previous), **roll(version)}
    allowed: Roll = {partner: keys[partner] for partner in needed.must | needed.eligible}
    seen: set[PartnerId] = set()
    for approval in approvals:
        if open_signed(approval, RosterApproval, allowed) != asked:
            raise BrokenChain(
                expected=f"an approval of roster {version.height} ({asked.roster_hash.hex()})",
                came="an approval of something else",
                do="refuse the roster",
            )
        _chain(approval.signer not in seen, "one approval a member", f"two by {approval.signer.hex()}")
        seen.add(approval.signer)


def _approval(version: RosterVersion) -> RosterApproval:
    return RosterApproval(
        consortium=version.consortium, height=version.height, roster_hash=roster_hash(version)
    )


def _chain(holds: bool, expected: str, came: str) -> None:
    if not holds:
        raise BrokenChain(expected=expected, came=came, do="refuse the roster and keep it as evidence")


def _require(holds: bool, expected: str, came: object) -> None:
    if not holds:
        raise MalformedMessage(expected=expected, came=str(came), do="refuse the roster")
