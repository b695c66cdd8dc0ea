"""The roster: proposing the next version, collecting approvals, putting it in force.

The coordinator proposes and counts; who is a member is decided by the members' signatures, which
everybody verifies by ``protocols.roster``. One change a version, one open proposal at a time.
"""

from dataclasses import replace

from sqlalchemy import Connection, Engine

from coordinator.audit.log import AuditWriter
from coordinator.errors import NoRoster, NothingToPropose, ProposalOpen
from coordinator.members.registry import Registry
from coordinator.store.consortia import Consortia
from coordinator.store.members import Member, Members
from coordinator.store.rosters import Rosters
from protocols.errors import Equivocation
from protocols.identity import COORDINATOR, IdentityKey, PartnerId, Signed
from protocols.limits import COHORT_MIN
from protocols.roster import (
    NO_PREVIOUS,
    Change,
    RosterEntry,
    RosterVersion,
    SignedRoster,
    check_proposal,
    electorate,
    roster_hash,
)
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading, transaction


class Governance:
    """Proposals and approvals."""

    def __init__(
        self, db: Engine, clock: Clock, *, key: IdentityKey, audit: AuditWriter, registry: Registry
    ) -> None:
        self._db = db
        self._clock = clock
        self._key = key
        self._audit = audit
        self._registry = registry

    def found(self) -> RosterVersion:
        """Propose the genesis with everybody who has joined.

        Raises:
            ProposalOpen: a version waits for approvals, or a roster is in force already.
            NothingToPropose: fewer than three founders.
        """
        with transaction(self._db) as connection:
            if Rosters(connection).latest() is not None:
                raise ProposalOpen(
                    expected="no roster in force",
                    came="a founded consortium",
                    do="use `members admit` from now on",
                )
            founders = Members(connection).active()
            if len(founders) < COHORT_MIN:
                raise NothingToPropose(
                    expected=f"at least {COHORT_MIN} founders who joined",
                    came=str(len(founders)),
                    do="invite more companies and wait until they have joined",
                )
            consortium = Consortia(connection).get()
            version = RosterVersion(
                consortium=consortium.consortium,
                height=0,
                previous=NO_PREVIOUS,
                coordinator_key=consortium.coordinator_key,
                entries=tuple(map(_entry, founders)),
                change=Change.GENESIS,
                subject=COORDINATOR,
            )
            return self._propose(connection, version)

    def admit(self, partner: PartnerId) -> RosterVersion:
        """Propose to add a member that has joined.

        Raises:
            NoRoster: not founded yet.
            ProposalOpen, NothingToPropose: another proposal waits, or it is in the roster already.
        """
        return self._change(partner, Change.ADMIT)

    def remove(self, partner: PartnerId) -> RosterVersion:
        """Propose to remove a member.

        Raises:
            NoRoster, ProposalOpen, NothingToPropose: as :meth:`admit`.
        """
        return self._change(partner, Change.REMOVE)

    def approve(self, approval: Signed) -> bool:
        """Count a member's approval; True once the version is in force. The same again is no news.

        Raises:
            NoRoster: nothing waits for approvals.
            BrokenChain, UnknownSigner, BadSignature: it does not count.
            Equivocation: other bytes than this member's first approval.
        """
        with transaction(self._db) as connection:
            rosters = Rosters(connection)
            latest, proposal = rosters.latest(), rosters.proposal()
            if latest is not None and approval in latest.approvals:
                return True
            if proposal is None:
                raise NoRoster(
                    expected="a roster version that waits for approvals",
                    came="none",
                    do="fetch the latest roster",
                )
            before = rosters.approval(roster_hash(proposal.claimed), approval.signer)
            if before is not None and before != approval:
                raise Equivocation(
                    expected="the approval already given",
                    came="another one",
                    do="a member signs one successor",
                )
            if before is None:
                proposal = replace(proposal, approvals=(*proposal.approvals, approval))
            previous = None if latest is None else latest.claimed
            version = check_proposal(previous, proposal)
            if before is None:
                rosters.approve(roster_hash(version), approval, self._clock.now())
            if not electorate(previous, version).satisfied_by(
                [signed.signer for signed in proposal.approvals]
            ):
                return False
            self._put_in_force(connection, version, proposal.version)
        self._registry.changed()
        return True

    def latest(self) -> SignedRoster:
        """The version in force.

        Raises:
            NoRoster: not founded yet.
        """
        with reading(self._db) as connection:
            return _required(Rosters(connection).latest(), "a roster in force")

    def at_height(self, height: int) -> SignedRoster:
        """The version that was in force at ``height``.

        Raises:
            NoRoster: there was none.
        """
        with reading(self._db) as connection:
            return _required(Rosters(connection).at_height(height), f"a roster of height {height}")

    def proposal(self) -> SignedRoster:
        """The version that waits for approvals.

        Raises:
            NoRoster: none does.
        """
        with reading(self._db) as connection:
            return _required(Rosters(connection).proposal(), "a roster version that waits for approvals")

    def withdraw(self) -> None:
        """Give up the open proposal, so that another one can be made.

        Raises:
            NoRoster: none is open.
        """
        with transaction(self._db) as connection:
            proposal = _required(Rosters(connection).proposal(), "an open proposal")
            Rosters(connection).withdraw(roster_hash(proposal.claimed))

    def _change(self, partner: PartnerId, change: Change) -> RosterVersion:
        with transaction(self._db) as connection:
            previous = _required(Rosters(connection).latest(), "a roster in force").claimed
            entries = {entry.partner: entry for entry in previous.entries}
            member = Members(connection).find(partner)
            if member is None or (partner in entries) is (change is Change.ADMIT):
                raise NothingToPropose(
                    expected="a member who joined and is not in the roster"
                    if change is Change.ADMIT
                    else "a member of the roster",
                    came=partner.hex() if member is None else member.name,
                    do="look at `altrove-coordinator members`",
                )
            if change is Change.ADMIT:
                entries[partner] = _entry(member)
            else:
                del entries[partner]
            return self._propose(
                connection,
                replace(
                    previous,
                    height=previous.height + 1,
                    previous=roster_hash(previous),
                    entries=tuple(entries[key] for key in sorted(entries)),
                    change=change,
                    subject=partner,
                ),
            )

    def _propose(self, connection: Connection, version: RosterVersion) -> RosterVersion:
        rosters = Rosters(connection)
        if rosters.proposal() is not None:
            raise ProposalOpen(
                expected="no open proposal",
                came="one that waits for approvals",
                do="wait for the approvals, or withdraw it with `members withdraw`",
            )
        rosters.propose(
            roster_hash(version), version.height, self._key.sign(COORDINATOR, version), self._clock.now()
        )
        return version

    def _put_in_force(self, connection: Connection, version: RosterVersion, signed: Signed) -> None:
        now = self._clock.now()
        Rosters(connection).put_in_force(roster_hash(version), now)
        self._audit.append(connection, "roster", signed.body)
        if version.change == Change.REMOVE:
            Members(connection).remove(version.subject, now)


def _entry(member: Member) -> RosterEntry:
    return RosterEntry(
        partner=member.partner,
        name=member.name,
        identity_key=member.identity_key,
        courier_key=member.courier_key,
        certificate=member.certificate_hash,
    )


def _required(signed: SignedRoster | None, expected: str) -> SignedRoster:
    if signed is None:
        raise NoRoster(expected=expected, came="none", do="found the consortium: `altrove-coordinator found`")
    return signed
