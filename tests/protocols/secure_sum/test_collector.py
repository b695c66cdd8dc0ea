from dataclasses import replace

import pytest

from protocols.codec import decode
from protocols.errors import (
    AliveAndDead,
    BadChunk,
    BadShare,
    BadSignature,
    Equivocation,
    IllegalMove,
    ReplayedRound,
    TooFewSurvivors,
    UnknownSigner,
    WeakKey,
    WrongMembers,
    WrongTranscript,
)
from protocols.messages import (
    PHASES,
    Advertisement,
    Confirmation,
    InputHeader,
    OpenedShare,
    Phase,
    SealedShare,
    UnmaskAnswer,
)
from protocols.secure_sum import collector
from tests.protocols.secure_sum.stage import Stage

STEPS = dict(zip(PHASES, ("advertise", "share", "mask", "confirm", "unmask"), strict=True))


def until(phase, n=4, members=None):
    """A stage on which everything up to ``phase`` was sent."""
    stage = Stage(n)
    for each in PHASES:
        getattr(stage, STEPS[each])(members)
        if each is phase:
            return stage
    raise ValueError(phase)


def sent(stage, phase, i):
    """What member ``i`` sends in ``phase``."""
    lists = {
        Phase.ADVERTISE: stage.ads,
        Phase.MASK: stage.headers,
        Phase.CHECK: stage.confirmations,
        Phase.UNMASK: stage.answers,
    }
    return stage.bundles[i] if phase is Phase.SHARE else (lists[phase][i],)


@pytest.mark.parametrize("phase", PHASES)
def test_what_an_honest_member_sends_is_admitted_and_again(phase):
    stage = until(phase)
    for i in range(4):
        stage.submit(phase, i, sent(stage, phase, i))
        stage.submit(phase, i, sent(stage, phase, i))


@pytest.mark.parametrize("phase", PHASES)
def test_a_message_for_another_phase_is_too_late_or_too_early(phase):
    stage = until(phase)
    submission = stage.submission(phase, sent(stage, phase, 0))
    for other in Phase:
        if other is not phase:
            with pytest.raises(IllegalMove):
                collector.check_submission(
                    stage.config, other, submission, stage.id(0), roll=stage.roll, context=stage.settled()
                )


@pytest.mark.parametrize("change", [{"round": 2}, {"attempt": 2}])
def test_a_message_of_another_attempt_is_refused(change):
    stage = until(Phase.ADVERTISE)
    submission = replace(stage.submission(Phase.ADVERTISE, stage.ads[:1]), **change)
    with pytest.raises(ReplayedRound):
        collector.check_submission(
            stage.config,
            Phase.ADVERTISE,
            submission,
            stage.id(0),
            roll=stage.roll,
            context=stage.settled(),
        )


@pytest.mark.parametrize("phase", PHASES)
def test_a_message_signed_by_another_is_refused(phase):
    stage = until(phase)
    with pytest.raises(UnknownSigner):
        stage.submit(phase, 1, sent(stage, phase, 0))


@pytest.mark.parametrize("phase", PHASES)
def test_a_changed_message_is_refused(phase):
    stage = until(phase)
    first, *rest = sent(stage, phase, 0)
    with pytest.raises(BadSignature):
        stage.submit(phase, 0, [replace(first, body=first.body[:-1] + b"\x63"), *rest])


@pytest.mark.parametrize("phase", PHASES)
def test_a_message_of_another_configuration_is_refused(phase):
    kinds = dict(
        zip(PHASES, (Advertisement, SealedShare, InputHeader, Confirmation, UnmaskAnswer), strict=True)
    )
    stage = until(phase)
    items = [stage.forge(0, item, kinds[phase], config=bytes(32)) for item in sent(stage, phase, 0)]
    with pytest.raises(WrongTranscript):
        stage.submit(phase, 0, items)


@pytest.mark.parametrize("phase", PHASES)
def test_no_message_is_not_a_message(phase):
    stage = until(phase)
    with pytest.raises(WrongMembers):
        stage.submit(phase, 0, [])


@pytest.mark.parametrize("phase", PHASES[1:])
def test_a_member_that_dropped_out_before_is_not_admitted(phase):
    whole, stage = until(phase), until(phase, members=range(3))
    with pytest.raises(WrongMembers):
        stage.submit(phase, 3, sent(whole, phase, 3))


def test_a_copied_key_is_refused_at_admission():
    stage = until(Phase.ADVERTISE)
    key = decode(Advertisement, stage.ads[0].body).mask_key
    copy = stage.forge(1, stage.ads[1], Advertisement, seal_key=key)
    stage.ads = stage.ads[:1]
    with pytest.raises(WeakKey):
        stage.submit(Phase.ADVERTISE, 1, [copy])
    with pytest.raises(WeakKey):
        collector.close_advertise(stage.config, [*stage.ads, copy])


def test_bundles_go_to_exactly_the_other_members_of_u1():
    stage = until(Phase.SHARE)
    items = list(stage.bundles[0])
    own = stage.forge(0, items[0], SealedShare, recipient=stage.id(0))
    for bad in (
        items[1:],
        [*items, items[0]],
        [items[0], items[0], items[1]],
        [*items, own],
        [own, *items[1:]],
    ):
        with pytest.raises(WrongMembers):
            stage.submit(Phase.SHARE, 0, bad)


def test_a_bundle_of_another_length_is_refused():
    stage = until(Phase.SHARE)
    short = stage.forge(0, stage.bundles[0][0], SealedShare, sealed=bytes(10))
    with pytest.raises(BadShare):
        stage.submit(Phase.SHARE, 0, [short, *stage.bundles[0][1:]])


@pytest.mark.parametrize(
    "change", [{"transcript": bytes(32)}, {"members": bytes(32)}, {"ring_bits": 64}, {"elements": 4}]
)
def test_a_header_of_another_view_or_shape_is_refused(change):
    stage = until(Phase.MASK)
    with pytest.raises(WrongTranscript):
        stage.submit(Phase.MASK, 0, [stage.forge(0, stage.headers[0], InputHeader, **change)])


@pytest.mark.parametrize("field", ["transcript", "members", "survivors", "roots"])
def test_a_confirmation_of_another_view_is_refused(field):
    stage = until(Phase.CHECK)
    said = stage.forge(0, stage.confirmations[0], Confirmation, **{field: bytes(32)})
    with pytest.raises(WrongTranscript):
        stage.submit(Phase.CHECK, 0, [said])


def answer_of(stage, i=0):
    return decode(UnmaskAnswer, stage.answers[i].body)


def test_an_answer_that_names_a_member_alive_and_dead_is_refused():
    stage = until(Phase.UNMASK)
    both = OpenedShare(owner=stage.id(1), share=bytes(32))
    with pytest.raises(AliveAndDead):
        stage.submit(Phase.UNMASK, 0, [stage.forge(0, stage.answers[0], UnmaskAnswer, key_shares=(both,))])


@pytest.mark.parametrize("which", ["one missing", "one twice", "a dropped one as alive"])
def test_an_answer_for_other_survivors_is_refused(which):
    stage = Stage(4).advertise().share().mask(range(3)).confirm(range(3)).unmask(range(3))
    shares = answer_of(stage).self_shares
    other = {
        "one missing": shares[1:],
        "one twice": (*shares, shares[0]),
        "a dropped one as alive": (*shares[1:], OpenedShare(owner=stage.id(3), share=bytes(32))),
    }[which]
    changed = stage.forge(0, stage.answers[0], UnmaskAnswer, self_shares=other)
    with pytest.raises((WrongMembers, AliveAndDead)):
        stage.submit(Phase.UNMASK, 0, [changed])


def test_an_answer_without_the_dropped_members_key_is_refused():
    stage = Stage(4).advertise().share().mask(range(3)).confirm(range(3)).unmask(range(3))
    with pytest.raises(WrongMembers):
        stage.submit(Phase.UNMASK, 0, [stage.forge(0, stage.answers[0], UnmaskAnswer, key_shares=())])
    with pytest.raises(WrongTranscript):
        stage.submit(Phase.UNMASK, 0, [stage.forge(0, stage.answers[0], UnmaskAnswer, survivors=bytes(32))])


@pytest.mark.parametrize("share", [b"\xff" * 32, bytes(31)])
def test_a_share_that_is_no_field_element_is_refused(share):
    stage = until(Phase.UNMASK)
    shares = answer_of(stage).self_shares
    changed = (replace(shares[0], share=share), *shares[1:])
    with pytest.raises(BadShare):
        stage.submit(Phase.UNMASK, 0, [stage.forge(0, stage.answers[0], UnmaskAnswer, self_shares=changed)])


@pytest.mark.parametrize(
    ("minimum", "left", "closes"), [(3, 3, True), (3, 2, False), (4, 3, False), (4, 4, True)]
)
def test_a_phase_closes_with_the_threshold_and_the_minimum_cohort(minimum, left, closes):
    stage = Stage(4, threshold=3, minimum=minimum).advertise(range(left))
    whole = Stage(4, threshold=3).advertise().share().mask()
    steps = [
        lambda: collector.close_advertise(stage.config, stage.ads),
        lambda: collector.close_share(stage.config, whole.ids(range(left))),
        lambda: collector.close_mask(stage.config, whole.headers[:left]),
    ]
    for step in steps:
        if closes:
            assert step() == stage.ids(range(left))
        else:
            with pytest.raises(TooFewSurvivors):
                step()


def test_a_check_closes_with_the_threshold():
    stage = until(Phase.CHECK, n=5)
    assert collector.close_check(stage.config, stage.confirmations[1:]) == stage.ids(range(1, 5))
    with pytest.raises(TooFewSurvivors):
        collector.close_check(stage.config, stage.confirmations[2:])


def test_one_sender_counts_once():
    stage = until(Phase.CHECK)
    for close, items in [
        (collector.close_advertise, stage.ads),
        (collector.close_mask, stage.headers),
        (collector.close_check, stage.confirmations),
    ]:
        with pytest.raises(Equivocation):
            close(stage.config, [*items[:3], items[0]])


def test_sets_come_in_cohort_order_whatever_order_messages_came_in():
    stage = until(Phase.CHECK)
    assert collector.close_advertise(stage.config, stage.ads[::-1]) == stage.config.cohort
    assert collector.close_mask(stage.config, stage.headers[::-1]) == stage.config.cohort
    forwards = stage.settled()
    stage.ads.reverse()
    stage.headers.reverse()
    assert stage.settled() == forwards


def test_a_chunk_is_accepted_against_its_signed_header_alone():
    stage = until(Phase.MASK)
    header = decode(InputHeader, stage.headers[0].body)
    (chunk,) = stage.chunks[stage.id(0)]
    collector.check_chunk(header, 0, chunk)
    collector.check_chunk(header, 0, memoryview(chunk))
    for index, bad in [
        (0, chunk[:-1]),
        (0, bytes(len(chunk))),
        (1, chunk),
        (1, b""),
        (-1, chunk),
        (0, stage.chunks[stage.id(1)][0]),
    ]:
        with pytest.raises(BadChunk):
            collector.check_chunk(header, index, bad)


def test_an_answer_under_another_transcript_is_refused():
    stage = until(Phase.UNMASK)
    with pytest.raises(WrongTranscript):
        stage.submit(Phase.UNMASK, 0, [stage.forge(0, stage.answers[0], UnmaskAnswer, transcript=bytes(32))])


def test_each_member_is_handed_the_bundles_that_are_sealed_for_it():
    stage = until(Phase.SHARE)
    handed = collector.shares_by_recipient(
        [stage.submission(Phase.SHARE, stage.bundles[i]) for i in range(4)]
    )
    assert handed.keys() == set(stage.config.cohort)
    for i in range(4):
        bundles = [decode(SealedShare, item.body) for item in handed[stage.id(i)]]
        assert {bundle.recipient for bundle in bundles} == {stage.id(i)}
        assert [bundle.sender for bundle in bundles] == [stage.id(j) for j in range(4) if j != i]
