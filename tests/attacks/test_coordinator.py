"""What a coordinator refuses, keeps as evidence, or answers alike: replays, forgeries, late messages."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from coordinator.store.audit_log import AuditLog
from protocols.codec import decode, encode
from protocols.identity import IdentityKey
from protocols.messages import Advertisement, Phase, PhaseInput, Submission
from protocols.service.unit_of_work import reading
from tests.simulation.member import SimulatedMember
from tests.simulation.rig import expected_gram, founded


@pytest.fixture
def rig(tmp_path):
    made = founded(tmp_path / "home")
    yield made
    made.close()


def code(response):
    return response.json()["type"].removeprefix("urn:altrove:problem:")


def given(member):
    return decode(PhaseInput, member.get("/v1/rounds/next?after=0").content)


def resend(member, key):
    number, attempt, phase = key
    return member.post(f"/v1/rounds/{number}/{attempt}/{phase}", member.sent[key])


def test_the_same_bytes_again_get_the_same_reply_even_after_the_phase_has_closed(rig):
    member, number = rig.members[0], rig.ask()
    member.poll()
    assert resend(member, (number, 1, "advertise-keys")).json() == {"accepted": True}
    rig.turn()
    assert rig.view(number).newest.attempt.phase is Phase.SHARE
    assert resend(member, (number, 1, "advertise-keys")).json() == {"accepted": True}


@pytest.mark.parametrize("closed", [False, True])
def test_other_bytes_are_an_equivocation_and_both_messages_are_kept(rig, closed):
    member, number = rig.members[0], rig.ask()
    handed = given(member)
    member.poll()
    if closed:
        rig.turn()
    first = member.sent[number, 1, "advertise-keys"]
    (second,) = member.answer_to(handed)
    response = member.submit(second)
    assert (response.status_code, code(response)) == (409, "equivocation")
    (kept,) = rig.view(number).newest.doubles
    assert (kept.first, kept.second) == (first, encode(second))
    with reading(rig.services.db) as connection:
        assert [line.entry.kind for line in AuditLog(connection).lines()][-1] == "equivocation"
    assert member.submit(second).status_code == 409
    assert len(rig.view(number).newest.doubles) == 1


def test_an_equivocation_does_not_change_the_sum(rig):
    member, number = rig.members[0], rig.ask()
    handed = given(member)
    member.poll()
    honest = member.state
    (second,) = member.answer_to(handed)
    assert member.submit(second).status_code == 409
    member.state = honest
    assert rig.play(number).round.state == "released"
    assert np.array_equal(rig.total(number), expected_gram(rig.members))


def test_a_forged_signature_is_refused_and_nothing_is_stored(rig):
    member, number = rig.members[0], rig.ask()
    (submission,) = member.answer_to(given(member))
    response = member.submit(member.forged(submission))
    assert (response.status_code, code(response)) == (401, "bad-signature")
    assert rig.view(number).newest.phases[0].arrived == ()


def test_nobody_submits_in_the_name_of_another(rig):
    member, other, number = rig.members[0], rig.members[1], rig.ask()
    (submission,) = other.answer_to(given(other))
    response = member.submit(submission)
    assert (response.status_code, code(response)) == (401, "unknown-signer")
    assert rig.view(number).newest.phases[0].arrived == ()


def test_a_request_signed_by_a_stranger_is_refused(rig):
    rig.ask()
    stranger = SimulatedMember("Stranger", IdentityKey(bytes([99]) * 32))
    stranger.connect(rig.partner, rig.clock)
    response = stranger.get("/v1/rounds/next")
    assert (response.status_code, code(response)) == (401, "unknown-signer")


def test_a_request_without_a_signature_is_refused_on_every_partner_route(rig):
    for route in rig.partner.app.openapi()["paths"]:
        for method in rig.partner.app.openapi()["paths"][route]:
            assert rig.partner.request(method, route).status_code == 401, (method, route)


def test_a_clock_off_by_an_hour_gets_both_clocks_told(rig):
    class Slow:
        def now(self):
            return rig.clock.now() - 3600

    member = rig.members[0]
    member.connect(rig.partner, Slow())
    response = member.get("/v1/consortium")
    assert code(response) == "clock-skew"
    assert "3600 s behind" in response.json()["came"]


def test_a_late_message_is_told_that_its_phase_is_closed(rig):
    late, number = rig.by_name("Elara"), rig.ask()
    handed = given(late)
    late.mute = {Phase.ADVERTISE}
    rig.turn()
    rig.pass_deadline()
    assert rig.view(number).newest.attempt.phase is Phase.SHARE
    (submission,) = late.answer_to(handed)
    response = late.submit(submission)
    assert (response.status_code, code(response)) == (409, "phase-closed")


def test_a_message_for_a_phase_that_has_not_begun_is_refused(rig):
    member, number = rig.members[0], rig.ask()
    early = Submission(round=number, attempt=1, phase="share-keys", items=())
    assert code(member.submit(early)) == "phase-closed"


def test_a_message_of_another_attempt_cannot_be_replayed_into_this_one(rig):
    member, number = rig.members[0], rig.ask(retries=1)
    for other in rig.members[1:]:
        other.mute = {Phase.ADVERTISE}
    rig.turn()
    rig.pass_deadline()
    old = decode(Submission, member.sent[number, 1, "advertise-keys"])
    response = member.submit(replace(old, attempt=2))
    assert (response.status_code, code(response)) == (400, "wrong-transcript")


def test_two_members_cannot_advertise_the_same_keys(rig):
    first, second, number = rig.members[0], rig.members[1], rig.ask()
    first.poll()
    ad = decode(Advertisement, decode(Submission, first.sent[number, 1, "advertise-keys"]).items[0].body)
    copy = second.key.sign(second.id, replace(ad, sender=second.id))
    response = second.submit(Submission(round=number, attempt=1, phase="advertise-keys", items=(copy,)))
    assert code(response) == "weak-key"


def to_masking(rig):
    number = rig.ask()
    rig.turn()
    rig.turn()
    assert rig.view(number).newest.attempt.phase is Phase.MASK
    return number


def spooled(rig):
    return sorted(rig.services.home.spool.rglob("*.*"))


def test_bytes_that_are_not_those_of_the_header_leave_nothing_behind(rig):
    member, number = rig.members[0], to_masking(rig)
    member.withholds_bytes = True
    member.poll()
    wrong = bytes(len(member.vectors[number, 1][0]))
    for body in (wrong, wrong + b"more", wrong[:-4], b""):
        response = member.upload(number, 1, body)
        assert (response.status_code, code(response)) == (400, "bad-chunk")
    assert spooled(rig) == []
    assert member.upload(number, 1).status_code == 200
    size = len(b"".join(member.vectors[number, 1]))
    assert member.upload(number, 1).json() == {"have": size, "size": size}
    assert len(spooled(rig)) == 1


def test_bytes_before_their_header_are_to_be_sent_again(rig):
    member, number = rig.members[0], to_masking(rig)
    member.answer_to(given(member))
    response = member.upload(number, 1)
    assert (response.status_code, code(response)) == (409, "no-header-yet")


def test_bytes_after_the_phase_are_dropped(rig):
    member, number = rig.members[0], to_masking(rig)
    member.withholds_bytes = True
    rig.turn()
    rig.pass_deadline()
    assert rig.view(number).newest.attempt.phase is Phase.CHECK
    response = member.upload(number, 1)
    assert (response.status_code, code(response)) == (404, "attempt-gone")
    assert len(spooled(rig)) == 4


def test_a_vector_damaged_in_the_spool_is_never_added(rig):
    number = to_masking(rig)
    rig.turn()
    path = spooled(rig)[0]
    path.write_bytes(bytes(path.stat().st_size))
    rig.turn()
    view = rig.play(number)
    assert view.attempts[0].attempt.cause == "bad-chunk"
    assert view.round.state == "released"
    assert np.array_equal(rig.total(number), expected_gram(rig.members))


def test_a_half_written_vector_of_a_killed_daemon_is_swept_away(rig):
    number = to_masking(rig)
    rig.turn()
    left = spooled(rig)[0].with_name("left.masked.00.part")
    left.write_bytes(b"half")
    rig.restart()
    assert not left.exists()
    assert rig.play(number).round.state == "released"


def test_the_digest_in_the_log_is_the_one_of_the_configuration(rig):
    number = rig.ask()
    with reading(rig.services.db) as connection:
        last = AuditLog(connection).lines()[-1]
    assert last.entry.kind == "round"
    assert last.entry.body_hash == rig.view(number).newest.attempt.config_hash
    assert hashlib.sha256(last.body).digest() == last.entry.body_hash
