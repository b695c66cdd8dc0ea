"""What is handed on and what is settled are read once, however many members ask: and never out of date."""

from dataclasses import replace

import pytest

from coordinator.rounds import delivery, settled
from protocols.codec import decode
from protocols.messages import Advertisement, Phase, PhaseInput
from tests.simulation.rig import founded


@pytest.fixture
def rig(tmp_path):
    made = founded(tmp_path / "home")
    yield made
    made.close()


def counted(monkeypatch, module, name):
    calls, real = [], getattr(module, name)
    monkeypatch.setattr(module, name, lambda *given, **named: (calls.append(given), real(*given, **named))[1])
    return calls


def handed(rig):
    return [rig.services.delivery.next(member.id, 0) for member in rig.members]


def test_what_all_members_are_handed_alike_is_made_once_a_phase(rig, monkeypatch):
    made = counted(monkeypatch, delivery, "encode")
    rig.ask()
    for phase in (Phase.ADVERTISE, Phase.SHARE):
        made.clear()
        parcels = handed(rig)
        assert len(made) == 1
        assert {decode(PhaseInput, parcel.body).phase for parcel in parcels} == {phase}
        rig.turn()


def test_sealed_shares_are_handed_to_their_recipient_alone(rig):
    rig.ask()
    rig.turn()
    rig.turn()
    bodies = [parcel.body for parcel in handed(rig)]
    assert {decode(PhaseInput, body).phase for body in bodies} == {Phase.MASK}
    assert len(set(bodies)) == len(rig.members)


def test_a_member_that_dropped_out_is_handed_nothing_that_the_others_are_handed(rig):
    silent = rig.by_name("Elara")
    silent.mute = {Phase.SHARE}
    rig.ask()
    rig.turn()
    rig.turn()
    rig.pass_deadline()
    sequence = max(parcel.sequence for parcel in handed(rig) if parcel)
    assert rig.services.delivery.next(silent.id, sequence - 1) is None
    assert rig.services.delivery.next(rig.members[0].id, sequence - 1) is not None


def test_every_submission_is_checked_under_one_reading_of_the_roster(rig, monkeypatch):
    read = counted(monkeypatch, settled, "roll_of")
    assert rig.play(rig.ask()).round.state == "released"
    assert len(read) == 1


def test_each_advertisement_is_read_once_and_still_stands_against_a_copy_of_its_keys(rig, monkeypatch):
    read = counted(monkeypatch, settled, "decode")
    rig.ask()
    first, second, *others = rig.members
    second.answer_to = lambda given: copied(first, second, given)
    for member in (first, *others):
        member.poll()
    with pytest.raises(AssertionError, match="weak-key"):
        second.poll()
    assert len(read) == len(others) + 1


def copied(first, second, given):
    """The second member's own signature under the first one's keys."""
    (sent,) = type(second).answer_to(second, given)
    theirs = decode(type(sent), first.sent[given.round, given.attempt, Phase.ADVERTISE])
    keys = decode(Advertisement, theirs.items[0].body)
    own = decode(Advertisement, sent.items[0].body)
    message = replace(own, seal_key=keys.seal_key, mask_key=keys.mask_key)
    return (replace(sent, items=(second.key.sign(second.id, message),)),)
