"""Enrolment and the roster: one invitation for one key, one change a version, signatures decide."""

import pytest

from coordinator.errors import NameTaken, NothingToPropose, ProposalOpen
from protocols.codec import decode, encode
from protocols.identity import IdentityKey
from protocols.roster import SignedRoster, approve
from tests.simulation.member import SimulatedMember
from tests.simulation.rig import NAMES, Rig, founded


@pytest.fixture
def rig(tmp_path):
    made = founded(tmp_path / "home")
    yield made
    made.close()


def code(response):
    return response.json()["type"].removeprefix("urn:altrove:problem:")


def newcomer(rig, name="Halley", seed=50):
    member = SimulatedMember(name, IdentityKey(bytes([seed]) * 32))
    invitation = rig.services.enrolment.invite(name)
    reply = member.join(rig.enrolment, invitation)
    member.connect(rig.partner, rig.clock)
    return member, invitation, reply


def vote(rig, member, version):
    return member.post("/v1/roster/approvals", encode(approve(version, member.id, member.key)))


def proposal(member):
    return decode(SignedRoster, member.get("/v1/roster/proposal").content).claimed


def test_a_lost_reply_to_join_is_given_again_and_nobody_else_can_use_the_invitation(rig):
    member, invitation, reply = newcomer(rig)
    assert rig.enrolment.post("/v1/join", content=member.join_bytes).json() == reply
    thief = SimulatedMember("Thief", IdentityKey(bytes([51]) * 32))
    with pytest.raises(AssertionError, match="unknown-invite"):
        thief.join(rig.enrolment, invitation)


def test_an_invitation_runs_out(rig):
    member = SimulatedMember("Late", IdentityKey(bytes([52]) * 32))
    invitation = rig.services.enrolment.invite("Late", days=1)
    rig.clock.advance(86_400)
    with pytest.raises(AssertionError, match="unknown-invite"):
        member.join(rig.enrolment, invitation)


def test_a_name_is_invited_once(rig):
    with pytest.raises(NameTaken):
        rig.services.enrolment.invite(NAMES[0])


def test_a_key_is_enrolled_once(rig):
    twin = SimulatedMember("Twin", rig.members[0].key)
    invitation = rig.services.enrolment.invite("Twin")
    with pytest.raises(AssertionError, match="key-taken"):
        twin.join(rig.enrolment, invitation)


def test_a_join_request_signed_by_another_key_is_refused(rig):
    member = SimulatedMember("Halley", IdentityKey(bytes([50]) * 32))
    invitation = rig.services.enrolment.invite("Halley")
    honest, member.key = member.key, IdentityKey(bytes([53]) * 32)
    member.key.public = honest.public
    with pytest.raises(AssertionError, match="bad-signature"):
        member.join(rig.enrolment, invitation)


def test_the_genesis_is_in_force_once_every_founder_approved_and_not_before(tmp_path):
    rig = Rig(tmp_path / "home", NAMES[:3], approve=False)
    version = proposal(rig.members[0])
    for member in rig.members[:2]:
        assert vote(rig, member, version).status_code == 200
        assert code(rig.members[0].get("/v1/roster")) == "no-roster"
    vote(rig, rig.members[2], version)
    assert rig.services.governance.latest().claimed == version
    with pytest.raises(ProposalOpen):
        rig.services.governance.found()
    rig.close()


def test_a_newcomer_is_admitted_by_its_own_and_two_thirds_of_the_members_signatures(rig):
    member, _, _ = newcomer(rig)
    rig.services.governance.admit(member.id)
    version = proposal(member)
    for each in rig.members[:4]:
        assert vote(rig, each, version).status_code == 200
    assert vote(rig, member, version).status_code == 200
    assert code(member.get("/v1/roster/proposal")) == "no-roster"
    latest = decode(SignedRoster, member.get("/v1/roster").content)
    assert latest.claimed.height == 1
    assert decode(SignedRoster, member.get("/v1/roster/0").content) == rig.services.governance.at_height(0)


def test_a_removed_member_is_refused_from_the_next_request_on(rig):
    removed = rig.members[4]
    rig.services.governance.remove(removed.id)
    version = proposal(removed)
    for each in rig.members[:3]:
        vote(rig, each, version)
    assert code(removed.get("/v1/consortium")) == "unknown-signer"


def test_the_same_approval_again_is_no_news_and_an_approval_of_something_else_is_refused(rig):
    member, _, _ = newcomer(rig)
    rig.services.governance.admit(member.id)
    version = proposal(member)
    assert vote(rig, rig.members[0], version).status_code == 200
    assert vote(rig, rig.members[0], version).status_code == 200
    genesis = rig.services.governance.at_height(0).claimed
    assert vote(rig, rig.members[1], genesis).status_code == 200, "an old approval is known already"
    assert vote(rig, rig.members[0], genesis).json() == {"accepted": True}
    assert len(rig.services.governance.proposal().approvals) == 1


def test_nobody_approves_in_the_name_of_another(rig):
    member, _, _ = newcomer(rig)
    rig.services.governance.admit(member.id)
    signed = approve(proposal(member), rig.members[1].id, rig.members[1].key)
    assert rig.members[0].post("/v1/roster/approvals", encode(signed)).status_code == 422


def test_one_proposal_is_open_at_a_time_until_it_is_withdrawn(rig):
    member, _, _ = newcomer(rig)
    rig.services.governance.admit(member.id)
    with pytest.raises(ProposalOpen):
        rig.services.governance.remove(rig.members[0].id)
    rig.services.governance.withdraw()
    rig.services.governance.remove(rig.members[0].id)
    with pytest.raises(NothingToPropose):
        rig.services.governance.withdraw() or rig.services.governance.admit(rig.members[0].id)
