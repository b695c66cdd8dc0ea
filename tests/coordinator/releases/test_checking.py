"""The board of the linear check: what it takes, from whom, and that it shows everything or nothing."""

from dataclasses import replace

import pytest

from coordinator.audit.verification import verify
from coordinator.store.checks import Checks, Said
from protocols.codec import decode, encode
from protocols.messages import PHASES, Phase
from protocols.secure_sum.linear_check import Board, LinearAnswer, Opening
from protocols.service.unit_of_work import reading, transaction
from tests.simulation.checking_member import CheckingMember
from tests.simulation.rig import founded


@pytest.fixture
def rig(tmp_path):
    made = founded(tmp_path / "home", CheckingMember)
    yield made
    made.close()


def code(response):
    return response.json()["type"].removeprefix("urn:altrove:problem:")


def board(member, release, what):
    return decode(Board, member.get(f"/v1/releases/{release.hex()}/check/{what}").content).items


def post(member, release, what, signed):
    return member.post(f"/v1/releases/{release.hex()}/check/{what}", encode(signed))


def test_openings_and_answers_are_shown_once_they_are_complete(rig):
    release = rig.play(rig.ask()).release
    reader = rig.members[0]
    for what, act in (("openings", CheckingMember.open_check), ("answers", CheckingMember.answer_check)):
        for member in rig.members:
            assert board(reader, release, what) == ()
            assert act(member, release).status_code == 200
        assert {each.signer for each in board(reader, release, what)} == {each.id for each in rig.members}
        rig.restart()
        assert len(board(reader, release, what)) == 5


def test_the_same_message_again_is_taken_and_another_one_is_an_equivocation(rig):
    release = rig.play(rig.ask()).release
    for member in (*rig.members, *rig.members):
        assert member.open_check(release).status_code == 200
    liar = rig.members[2]
    assert liar.answer_check(release).status_code == 200
    assert liar.answer_check(release).status_code == 200
    assert code(liar.answer_check(release, add=1)) == "equivocation"
    with reading(rig.services.db) as connection:
        assert Checks(connection).count(release, Said.ANSWER) == 1


def test_what_does_not_belong_to_the_release_is_refused_by_name(rig):
    silent = rig.by_name("Galene")
    silent.mute = {Phase.MASK}
    release = rig.play(rig.ask()).release
    one, other = rig.members[:2]
    assert code(post(one, release, "openings", one.opening(bytes(32)))) == "wrong-transcript"
    assert code(post(one, release, "openings", other.opening(release))) == "bad-input"
    assert code(post(one, bytes(32), "openings", one.opening(release))) == "unknown-release"
    assert one.get("/v1/releases/xx/check/openings").status_code == 404
    foreign = replace(decode(Opening, one.opening(release).body), sender=silent.id)
    assert code(post(silent, release, "openings", silent.key.sign(silent.id, foreign))) == "wrong-members"


def test_an_answer_before_all_have_opened_or_to_other_openings_is_refused(rig):
    release = rig.play(rig.ask()).release
    one, *rest = rig.members
    for member in rest:
        member.open_check(release)
    openings = [member.opening(release) for member in rig.members]
    early = one.linear_answer(openings)
    assert code(post(one, release, "answers", early)) == "check-not-ready"
    one.open_check(release)
    moved = one.key.sign(one.id, replace(decode(LinearAnswer, early.body), openings=bytes(32)))
    assert code(post(one, release, "answers", moved)) == "wrong-transcript"
    assert post(one, release, "answers", early).status_code == 200


def test_there_is_no_check_where_a_survivor_never_confirmed(rig):
    rig.by_name("Galene").mute = set(PHASES[PHASES.index(Phase.CHECK) :])
    release = rig.play(rig.ask()).release
    opening = Opening(
        config=bytes(32), transcript=bytes(32), sender=rig.members[0].id, release=release, rho=bytes(32)
    )
    signed = rig.members[0].key.sign(rig.members[0].id, opening)
    assert code(post(rig.members[0], release, "openings", signed)) == "wrong-members"


def test_altered_messages_of_a_check_are_found_by_the_audit(rig):
    release = rig.play(rig.ask()).release
    for member in rig.members[:3]:
        member.open_check(release)
    assert problem(rig) == ""
    forged = replace(rig.members[3].opening(release), signature=bytes(64))
    with transaction(rig.services.db) as connection:
        Checks(connection).add(release, Said.OPENING, forged, 5)
    assert "bad-signature" in problem(rig)


def problem(rig):
    services = rig.services
    found = verify(services.db, services.consortium, services.spool, services.payloads)
    return next(check.problem for check in found if check.what == "linear checks")
