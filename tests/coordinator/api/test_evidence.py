"""Any member can fetch what a released sum is recomputed from; nobody gets it of anything else."""

from dataclasses import replace

import numpy as np
import pytest

from protocols.codec import decode
from protocols.identity import Signed
from protocols.limits import EVIDENCE_BYTES
from protocols.messages import Phase, PhaseInput, SealedShare, Submission
from protocols.participation import Participations, open_participation
from protocols.release import open_release
from protocols.secure_sum.recomputation import Evidence, admit_evidence, recompute
from tests.simulation.rig import founded


@pytest.fixture
def rig(tmp_path):
    made = founded(tmp_path / "home")
    yield made
    made.close()


def fetched(member):
    data = member.get("/v1/rounds/1/1/evidence").content
    return decode(Evidence, data, limit=EVIDENCE_BYTES)


def test_a_member_that_dropped_out_recomputes_the_very_numbers_of_the_release(rig):
    outsider = rig.by_name("Galene")
    outsider.mute = {Phase.MASK}
    rig.play(rig.ask())
    admitted = admit_evidence(fetched(outsider), outsider.roll)
    root = "/v1/rounds/1/1/evidence/vectors"
    parts = recompute(admitted, lambda who, _: outsider.get(f"{root}/{who.hex()}").content, bundles=())
    (line,) = outsider.get("/v1/releases").json()
    signed = decode(Signed, outsider.get(f"/v1/releases/{line['release']}").content)
    payload = outsider.get(f"/v1/releases/{line['release']}/payload").content
    assert np.array_equal(np.concatenate(list(parts)), open_release(signed, payload, outsider.roll).total)
    assert len(admitted.settled.u3) == 4


def test_sealed_shares_and_parts_of_vectors_are_served_by_member(rig):
    rig.play(rig.ask())
    member, other = rig.members[:2]
    dealt = decode(Submission, member.get(f"/v1/rounds/1/1/evidence/bundles/{other.id.hex()}").content)
    assert {decode(SealedShare, each.body).sender for each in dealt.items} == {other.id}
    path = f"/v1/rounds/1/1/evidence/vectors/{other.id.hex()}"
    whole = member.get(path).content
    assert whole == b"".join(other.vectors[1, 1])
    assert member.get(f"{path}?offset=8&count=4").content == whole[8:12]


def test_an_attempt_that_is_open_gives_no_evidence(rig):
    rig.ask()
    for _ in range(3):
        rig.turn()
    member = rig.members[0]
    for what in ("", f"/bundles/{member.id.hex()}", f"/vectors/{member.id.hex()}"):
        assert member.get(f"/v1/rounds/1/1/evidence{what}").status_code == 404


def mine(member, after=""):
    return decode(Participations, member.get(f"/v1/rounds/mine{after}").content).attempts


def test_a_member_is_shown_its_own_part_in_every_attempt_and_nobody_elses(rig):
    quiet = rig.by_name("Galene")
    quiet.mute = {Phase.MASK}
    rig.play(rig.ask())
    rig.ask(epoch="2")
    for _ in range(2):
        rig.turn()
    member = rig.members[0]
    for each, parts in ((member, [True, False]), (quiet, [False, False])):
        keys = [each.key.public]
        told = [
            open_participation(said, me=each.id, keys=keys, consortium=said.config.consortium)
            for said in mine(each)
        ]
        assert [(took.config.round, took.masked) for took in told] == list(zip((1, 2), parts, strict=True))
    assert [said.config.round for said in mine(member, "?round=1&attempt=1")] == [2]
    assert mine(member, "?round=2&attempt=1") == ()
    assert member.get("/v1/rounds/mine?round=-1").status_code == 422


def test_an_advertisement_that_came_too_late_is_shown_to_whose_counter_it_used_up(rig):
    late, number = rig.by_name("Elara"), rig.ask()
    handed = decode(PhaseInput, late.get("/v1/rounds/next?after=0").content)
    late.mute = {Phase.ADVERTISE}
    rig.turn()
    rig.pass_deadline()
    (submission,) = late.answer_to(handed)
    (ad,) = submission.items
    forged = replace(submission, items=(replace(ad, signature=bytes(64)),))
    assert late.submit(forged).status_code == 401
    assert mine(late) == ()
    for _ in range(2):
        assert late.submit(submission).status_code == 409
    (said,) = mine(late)
    took = open_participation(said, me=late.id, keys=[late.key.public], consortium=said.config.consortium)
    assert (took.config.round, took.masked) == (number, False)
    assert late.id not in rig.view(number).newest.attempt.expected


def test_vectors_that_have_expired_are_gone_by_that_name(rig):
    rig.play(rig.ask())
    member = rig.members[0]
    rig.services.spool.expire(2**40)
    response = member.get(f"/v1/rounds/1/1/evidence/vectors/{member.id.hex()}")
    assert response.json()["type"].endswith("evidence-gone")
    assert member.get("/v1/rounds/1/1/evidence/vectors/xx").status_code == 404
