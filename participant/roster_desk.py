"""The officer's desk: which roster is offered, which was accepted, which is in force.

A roster counts here only if its whole chain verifies from the genesis and it contains a version whose
hash the officer accepted by hand, after comparing it with other members. The coordinator cannot do that
for anybody.
"""

from dataclasses import dataclass
from hmac import compare_digest

from sqlalchemy import Engine

from participant.consortium import NOT_FOUND, Consortium
from participant.door.admission import open_roster
from participant.errors import NoRoster, WrongRosterHash
from participant.store.membership import Membership
from participant.store.rosters import Rosters, StoredRoster
from protocols.codec import encode
from protocols.errors import BrokenChain, Equivocation, RolledBack
from protocols.identity import IdentityKey, PartnerId
from protocols.roster import (
    RosterVersion,
    SignedRoster,
    approve,
    check_genesis,
    check_proposal,
    check_successor,
    roster_hash,
)
from protocols.service.clock import Clock
from protocols.service.problems import Refused
from protocols.service.unit_of_work import reading, transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A version for the officer to look at. ``pending`` means: it still waits for approvals."""

    version: RosterVersion
    approvals: int
    pending: bool

    @property
    def hash(self) -> bytes:
        """What officers compare out of band."""
        return roster_hash(self.version)


class RosterDesk:
    """Rosters of one node: fetched, verified, shown, accepted."""

    def __init__(
        self, *, db: Engine, link: Consortium, me: PartnerId, key: IdentityKey, clock: Clock
    ) -> None:
        self._db = db
        self._link = link
        self._me = me
        self._key = key
        self._clock = clock

    def in_force(self) -> RosterVersion | None:
        """The version in force here, or None."""
        with reading(self._db) as connection:
            stored = Rosters(connection).in_force()
        return None if stored is None else open_roster(stored)

    def accepted(self) -> bool:
        """Whether the officer has accepted a version, in force or not."""
        with reading(self._db) as connection:
            return Rosters(connection).approved()

    def offer(self) -> Offer:
        """The version that waits for approvals, else the latest one.

        Raises:
            NoRoster: the coordinator has proposed none.
            BrokenChain, BadSignature: what it offers does not follow from the version in force.
        """
        signed = self._link.proposal()
        pending = signed is not None
        if signed is None:
            signed, version = self._chain(up_to=None)[-1]
        else:
            height = _height(signed)
            previous = self._chain(up_to=height - 1)[-1][1] if height else None
            version = check_proposal(previous, signed)
        self._check_consortium(version)
        return Offer(version=version, approvals=len(signed.approvals), pending=pending)

    def accept(self, typed: str) -> Offer:
        """Accept the version on offer, whose hash the officer typed; sign it if it waits for approvals.

        Raises:
            WrongRosterHash: another hash; nothing was signed.
            Equivocation: this node signed another version at the same height before.
        """
        offer = self.offer()
        if not compare_digest(typed.strip().lower(), offer.hash.hex()):
            raise WrongRosterHash(
                expected=f"the hash of the roster on offer, {offer.hash.hex()}",
                came=typed.strip()[:64],
                do="compare it again with at least two members, by telephone; nothing was signed",
            )
        self._keep(offer)
        if offer.pending:
            self._link.approve(approve(offer.version, self._me, self._key))
        return offer

    def missing(self) -> str:
        """Why no roster is in force here, with what to do; empty if one is."""
        if self.in_force() is not None:
            return ""
        if self.accepted():
            return "the roster that was accepted here waits for others, or was not fetched since: `altrove-node roster`"
        return "no roster was accepted yet: `altrove-node roster`"

    def refresh(self) -> RosterVersion | None:
        """Fetch and verify newer versions; returns the one in force, or None while it is founded.

        Raises:
            BrokenChain, RolledBack: what the coordinator shows is not the chain that was accepted.
        """
        try:
            chain = self._chain(up_to=None)
        except NoRoster:
            return self.in_force()
        versions = [version for _, version in chain]
        version = versions[-1]
        self._check_consortium(version)
        with transaction(self._db) as connection:
            rosters = Rosters(connection)
            kept = [found for v in versions if (found := rosters.at(v.height)) is not None]
            _check_grown(rosters.in_force(), kept, versions)
            if not any(found.approved for found in kept):
                return None
            now = self._clock.now()
            for signed, each in chain:
                found = rosters.at(each.height)
                if found is None or not found.in_force:
                    body = encode(signed)
                    rosters.put_in_force(height=each.height, roster_hash=roster_hash(each), body=body, at=now)
        return version

    def _keep(self, offer: Offer) -> None:
        with transaction(self._db) as connection:
            rosters = Rosters(connection)
            earlier = rosters.at(offer.version.height)
            if earlier is not None and earlier.hash != offer.hash:
                raise Equivocation(
                    expected=f"the roster accepted before at height {offer.version.height}: {earlier.hash.hex()}",
                    came=offer.hash.hex(),
                    do="ask the coordinator to propose at the next height; a member signs one successor",
                )
            if earlier is None:
                rosters.approve(
                    height=offer.version.height, roster_hash=offer.hash, body=b"", at=self._clock.now()
                )

    def _latest(self) -> SignedRoster:
        try:
            return self._link.roster()
        except Refused as refused:
            if refused.problem.status == NOT_FOUND or refused.problem.code == NoRoster.code:
                raise NoRoster(
                    expected="a roster, or a proposal of one",
                    came="none yet",
                    do="wait until the coordinator proposes the founding, then look again",
                ) from None
            raise

    def _chain(self, *, up_to: int | None) -> list[tuple[SignedRoster, RosterVersion]]:
        """The chain from the genesis to ``up_to`` (None: the latest version), each verified on the one before.

        A version is verified before the next is fetched: whoever claims a height of a thousand million is
        found out at the first version that it cannot show.
        """
        latest = self._latest() if up_to is None else None
        last = _height(latest) if latest is not None else up_to
        chain: list[tuple[SignedRoster, RosterVersion]] = []
        for height in range((last or 0) + 1):
            signed = latest if latest is not None and height == last else self._link.roster(height)
            version = check_successor(chain[-1][1], signed) if chain else check_genesis(signed)
            chain.append((signed, version))
        return chain

    def _check_consortium(self, version: RosterVersion) -> None:
        with reading(self._db) as connection:
            member = Membership(connection).get()
        if version.consortium != member.consortium:
            raise BrokenChain(
                expected=f"a roster of consortium {member.consortium.hex()}",
                came=version.consortium.hex(),
                do="refuse it; the coordinator serves another consortium",
            )


def _height(signed: SignedRoster) -> int:
    return signed.claimed.height


def _check_grown(
    in_force: StoredRoster | None, kept: list[StoredRoster], versions: list[RosterVersion]
) -> None:
    """The chain that is shown reaches the version in force, and has every version that is ``kept`` in its place."""
    if in_force is not None and in_force.height > versions[-1].height:
        raise RolledBack(
            expected=f"a roster at height {in_force.height} or more",
            came=f"height {versions[-1].height}",
            do="refuse it and keep both as evidence",
        )
    by_height = {version.height: version for version in versions}
    for found in kept:
        if roster_hash(by_height[found.height]) != found.hash:
            raise RolledBack(
                expected=f"the roster accepted at height {found.height}: {found.hash.hex()}",
                came=roster_hash(by_height[found.height]).hex(),
                do="refuse it and keep both as evidence",
            )
