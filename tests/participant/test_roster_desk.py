"""What an officer signs, and which chains a node takes for its consortium's."""

import pytest

from participant.errors import NoRoster, WrongRosterHash
from participant.roster_desk import RosterDesk
from participant.store.membership import Member, Membership
from participant.store.schema import open_database
from protocols.errors import BrokenChain, Equivocation, RolledBack
from protocols.identity import Signed
from protocols.roster import SignedRoster, roster_hash
from protocols.service.clock import ManualClock
from protocols.service.problems import Refused, problem_of
from protocols.service.unit_of_work import transaction
from tests.protocols.consortium import admitting, genesis, id_of, key_of, removing, signed

FOUNDERS = ("Ash", "Birch", "Cedar", "Dogwood", "Elm")
FIRST = genesis(*FOUNDERS)
SECOND = admitting(FIRST, "Fir")
FOUNDED = signed(FIRST, *FOUNDERS)
GROWN = signed(SECOND, "Fir", *FOUNDERS)


class Offers:
    """A coordinator that shows a chain and a proposal of the test's choice."""

    def __init__(self, *chain: SignedRoster, proposed: SignedRoster | None = None) -> None:
        self.chain = chain
        self.proposed = proposed
        self.approved: list[Signed] = []

    def roster(self, height: int | None = None) -> SignedRoster:
        if not self.chain:
            none_yet = NoRoster(expected="a roster", came="none", do="wait")
            raise Refused(problem_of(none_yet))
        return self.chain[-1 if height is None else height]

    def proposal(self) -> SignedRoster | None:
        return self.proposed

    def approve(self, approval: Signed) -> None:
        self.approved.append(approval)


@pytest.fixture
def desk(tmp_path):
    db = open_database(f"sqlite:///{tmp_path / 'node.db'}")
    member = Member(
        partner=id_of("Ash"),
        name="Ash",
        consortium=FIRST.consortium,
        coordinator_url="https://127.0.0.1:1",
        joined_at=1,
    )
    with transaction(db) as connection:
        Membership(connection).join(member)
    made = RosterDesk(db=db, link=Offers(), me=member.partner, key=key_of("Ash"), clock=ManualClock(1))
    yield made
    db.dispose()


def accept(desk, offers, version):
    desk._link = offers
    return desk.accept(roster_hash(version).hex())


def founded(desk):
    """A desk whose officer signed the genesis, which all founders then signed."""
    accept(desk, Offers(proposed=signed(FIRST)), FIRST)
    desk._link = Offers(FOUNDED)
    assert desk.refresh() == FIRST
    return desk


def test_another_hash_than_the_one_on_offer_signs_nothing(desk):
    offers = Offers(proposed=signed(FIRST))
    with pytest.raises(WrongRosterHash):
        accept(desk, offers, SECOND)
    assert not offers.approved
    assert desk.in_force() is None


def test_an_accepted_roster_counts_once_everybody_needed_has_signed(desk):
    offers = Offers(proposed=signed(FIRST))
    accept(desk, offers, FIRST)
    assert [approval.signer for approval in offers.approved] == [id_of("Ash")]
    assert desk.refresh() is None
    desk._link = Offers(FOUNDED)
    assert desk.refresh() == desk.in_force() == FIRST


def test_a_valid_chain_that_the_officer_never_looked_at_does_not_count(desk):
    desk._link = Offers(FOUNDED, GROWN)
    assert desk.refresh() is None
    assert desk.in_force() is None


def test_an_officer_signs_one_successor_at_a_height(desk):
    founded(desk)
    accept(desk, Offers(FOUNDED, proposed=signed(SECOND)), SECOND)
    other = Offers(FOUNDED, proposed=signed(removing(FIRST, "Elm")))
    with pytest.raises(Equivocation):
        accept(desk, other, removing(FIRST, "Elm"))
    assert not other.approved


def test_a_chain_that_ends_before_the_roster_in_force_is_refused(desk):
    founded(desk)._link = Offers(FOUNDED, GROWN)
    assert desk.refresh() == SECOND
    desk._link = Offers(FOUNDED)
    with pytest.raises(RolledBack, match="height 0"):
        desk.refresh()
    assert desk.in_force() == SECOND


def test_a_chain_with_another_version_at_an_accepted_height_is_refused(desk):
    founded(desk)
    elsewhere = genesis("Ash", "Birch", "Cedar")
    desk._link = Offers(signed(elsewhere, "Ash", "Birch", "Cedar"))
    with pytest.raises(RolledBack, match=roster_hash(FIRST).hex()):
        desk.refresh()
    assert desk.in_force() == FIRST


def test_a_roster_of_another_consortium_is_not_offered(desk):
    desk._link = Offers(proposed=signed(genesis(*FOUNDERS, consortium=bytes(16))))
    with pytest.raises(BrokenChain):
        desk.offer()
