from dataclasses import replace

import numpy as np
import pytest

from protocols.codec import decode
from protocols.errors import (
    AlreadyUnmasked,
    BadShare,
    BadSignature,
    Equivocation,
    IllegalMove,
    MalformedMessage,
    OutOfBounds,
    RingOverflow,
    TooFewSurvivors,
    UnknownSigner,
    WeakKey,
    WrongMembers,
    WrongTranscript,
)
from protocols.identity import IdentityKey, partner_id
from protocols.messages import Advertisement, Confirmation, InputHeader, SealedShare, UnmaskAnswer
from protocols.ring import encode_vector
from protocols.secure_sum import contributor
from protocols.secure_sum.transcript import members_hash
from tests.protocols.secure_sum.stage import Stage


def test_a_whole_attempt_gives_the_exact_sum():
    stage = Stage(4).advertise().share().mask().confirm().unmask()
    assert np.array_equal(stage.total(), stage.expected(range(4)))
    assert stage.states[0].survivors == stage.ids(range(4))


def test_a_member_outside_the_cohort_takes_no_part():
    stage = Stage(3)
    stranger = IdentityKey(bytes(32))
    with pytest.raises(UnknownSigner):
        contributor.advertise(
            stage.config,
            partner_id(stranger.public),
            stranger,
            counter=0,
            rand=bytes(contributor.RAND_ADVERTISE),
        )


def test_a_configuration_that_could_overflow_is_not_advertised_for():
    stage = Stage(3)
    blocks = tuple(replace(block, bound=2**31) for block in stage.spec.blocks)
    stage.config = replace(stage.config, answer=replace(stage.spec, blocks=blocks))
    with pytest.raises(RingOverflow):
        stage.advertise()


def test_randomness_of_another_length_is_refused():
    stage = Stage(3)
    player = stage.players[0]
    with pytest.raises(ValueError, match="random bytes"):
        contributor.advertise(stage.config, player.id, player.key, counter=0, rand=bytes(32))


# ShareKeys


def test_our_own_advertisement_must_be_among_them_unchanged():
    stage = Stage(4).advertise()
    with pytest.raises(WrongTranscript):
        stage.share_one(0, stage.ads[1:])
    other = stage.forge(0, stage.ads[0], Advertisement, counter=8)
    with pytest.raises(WrongTranscript):
        stage.share_one(0, [other, *stage.ads[1:]])


@pytest.mark.parametrize("field", ["seal_key", "mask_key"])
@pytest.mark.parametrize("key", [bytes(32), b"\1" + bytes(31), b"\xff" * 32], ids=["zero", "one", "top"])
def test_a_weak_advertised_key_is_refused(field, key):
    stage = Stage(4).advertise()
    stage.ads[2] = stage.forge(2, stage.ads[2], Advertisement, **{field: key})
    with pytest.raises(WeakKey):
        stage.share_one(0, stage.ads)


@pytest.mark.parametrize(("mine", "theirs"), [("seal_key", "seal_key"), ("mask_key", "seal_key")])
def test_a_copied_key_is_refused(mine, theirs):
    stage = Stage(4).advertise()
    copied = getattr(decode(Advertisement, stage.ads[1].body), theirs)
    stage.ads[2] = stage.forge(2, stage.ads[2], Advertisement, **{mine: copied})
    with pytest.raises(WeakKey, match="already in use"):
        stage.share_one(0, stage.ads)


def test_an_advertisement_for_another_configuration_is_refused():
    stage = Stage(4).advertise()
    stage.ads[3] = stage.forge(3, stage.ads[3], Advertisement, config=bytes(32))
    with pytest.raises(WrongTranscript):
        stage.share_one(0, stage.ads)


def test_an_advertisement_in_anothers_name_is_refused():
    stage = Stage(4).advertise()
    stage.ads[3] = stage.forge(3, stage.ads[3], Advertisement, sender=stage.id(2))
    with pytest.raises(UnknownSigner):
        stage.share_one(0, stage.ads)


def test_a_changed_advertisement_is_refused():
    stage = Stage(4).advertise()
    stage.ads[3] = replace(stage.ads[3], body=stage.ads[3].body[:-1] + b"\x63")
    with pytest.raises(BadSignature):
        stage.share_one(0, stage.ads)


def test_two_advertisements_by_one_member_are_refused():
    stage = Stage(4).advertise()
    second = stage.forge(3, stage.ads[3], Advertisement, counter=9)
    with pytest.raises(Equivocation):
        stage.share_one(0, [*stage.ads, second])


def test_an_advertisement_by_a_stranger_is_refused():
    stage = Stage(4).advertise()
    key = IdentityKey(bytes(32))
    stranger = partner_id(key.public)
    ad = replace(decode(Advertisement, stage.ads[3].body), sender=stranger)
    stage.roll[stranger] = key.public
    with pytest.raises(UnknownSigner, match="cohort"):
        stage.share_one(0, [*stage.ads[:3], key.sign(stranger, ad)])


@pytest.mark.parametrize(("threshold", "minimum", "left"), [(3, 3, 2), (3, 4, 3), (4, 3, 3)])
def test_too_few_advertisements_end_the_attempt(threshold, minimum, left):
    stage = Stage(4, threshold=threshold, minimum=minimum).advertise(range(left))
    with pytest.raises(TooFewSurvivors):
        stage.share_one(0, stage.ads)


def test_another_configuration_than_the_advertised_one_is_refused():
    stage = Stage(4).advertise()
    stage.config = replace(stage.config, attempt=2)
    with pytest.raises(WrongTranscript):
        stage.share_one(0, stage.ads)


# MaskedInput


def test_a_bundle_for_somebody_else_is_refused():
    stage = Stage(4).advertise().share()
    with pytest.raises(WrongMembers):
        contributor.begin_mask(stage.states[0], stage.config, stage.bundles[1][1:2], roll=stage.roll)


def test_a_bundle_of_our_own_is_refused():
    stage = Stage(4).advertise().share()
    own = stage.forge(0, stage.bundles[0][0], SealedShare, recipient=stage.id(0))
    with pytest.raises(WrongMembers):
        contributor.begin_mask(stage.states[0], stage.config, [*stage.bundles_for(0), own], roll=stage.roll)


def test_a_bundle_by_a_member_outside_u1_is_refused():
    late = Stage(4).advertise().share()
    stage = Stage(4).advertise(range(3)).share(range(3))
    forged = stage.forge(3, late.bundles_for(0)[-1], SealedShare)
    with pytest.raises(WrongTranscript):
        stage.mask_one(0, [*stage.bundles_for(0), forged])
    transcript = decode(SealedShare, stage.bundles_for(0)[0].body).transcript
    forged = stage.forge(3, forged, SealedShare, transcript=transcript)
    with pytest.raises(WrongMembers):
        stage.mask_one(0, [*stage.bundles_for(0), forged])


@pytest.mark.parametrize("place", [0, 40, 70, 140], ids=["self commitment", "key commitment", "text", "tag"])
def test_a_changed_bundle_does_not_open_and_its_sender_is_named(place):
    stage = Stage(4).advertise().share()
    bundles = list(stage.bundles_for(0))
    sealed = bytearray(decode(SealedShare, bundles[1].body).sealed)
    sealed[place] ^= 1
    bundles[1] = stage.forge(2, bundles[1], SealedShare, sealed=bytes(sealed))
    with pytest.raises(BadShare, match=stage.id(2).hex()):
        stage.mask_one(0, bundles)


def test_the_same_bundle_twice_is_refused():
    stage = Stage(4).advertise().share()
    with pytest.raises(Equivocation):
        stage.mask_one(0, [*stage.bundles_for(0), stage.bundles_for(0)[0]])


def test_too_few_bundles_end_the_attempt():
    stage = Stage(4).advertise().share()
    with pytest.raises(TooFewSurvivors):
        stage.mask_one(0, stage.bundles_for(0, senders=[1]))


def test_a_chunk_of_the_wrong_kind_is_refused():
    stage = Stage(3).advertise().share()
    masking = contributor.begin_mask(stage.states[0], stage.config, stage.bundles_for(0), roll=stage.roll)
    words = encode_vector(stage.inputs[0], stage.spec)
    for index, bad in [(0, words[1:]), (0, words.astype("<u8")), (1, words), (-1, words), (0, words[None])]:
        with pytest.raises(OutOfBounds):
            contributor.mask_chunk(masking, stage.config, index, bad)
    again = contributor.mask_chunk(masking, stage.config, 0, words)
    assert again == contributor.mask_chunk(masking, stage.config, 0, words)
    assert again != words.tobytes()
    with pytest.raises(MalformedMessage):
        contributor.seal_input(masking, stage.config, [bytes(32)] * 2, key=stage.players[0].key)
    with pytest.raises(ValueError, match="SHA-256"):
        contributor.seal_input(masking, stage.config, [bytes(31)], key=stage.players[0].key)


# ConsistencyCheck


def test_a_split_view_of_u2_is_noticed():
    stage = Stage(4).advertise().share()
    whole = [stage.mask_one(i, stage.bundles_for(i)) for i in (0, 1, 2)]
    part = stage.mask_one(3, stage.bundles_for(3, [0, 1]))
    with pytest.raises(WrongTranscript, match="U2"):
        stage.confirm_one(0, [*whole, part])


def test_a_split_view_of_the_advertisements_is_noticed():
    stage = Stage(4).advertise()
    second = stage.forge(3, stage.ads[3], Advertisement, counter=9)
    bundle = stage.share_one(0, stage.ads)
    stage.bundles[0] = bundle
    stage.bundles[1] = stage.share_one(1, [*stage.ads[:3], second])
    stage.bundles[2] = stage.share_one(2, stage.ads)
    with pytest.raises(WrongTranscript, match="advertisements"):
        stage.mask_one(0, stage.bundles_for(0, [1, 2]))


def test_our_own_header_must_be_among_them_unchanged():
    stage = Stage(4).advertise().share().mask()
    with pytest.raises(WrongTranscript, match="our own"):
        stage.confirm_one(0, stage.headers[1:])
    other = stage.forge(0, stage.headers[0], InputHeader, chunk_hashes=(bytes(32),))
    with pytest.raises(WrongTranscript, match="our own"):
        stage.confirm_one(0, [other, *stage.headers[1:]])


def test_a_header_by_a_member_outside_u2_is_refused():
    stage = Stage(4).advertise().share(range(3)).mask(range(3))
    forged = stage.forge(3, stage.headers[0], InputHeader, sender=stage.id(3))
    with pytest.raises(WrongMembers):
        stage.confirm_one(0, [*stage.headers, forged])


@pytest.mark.parametrize(
    "change", [{"ring_bits": 64, "elements": 5}, {"elements": 4}], ids=["ring", "elements"]
)
def test_a_header_of_another_shape_is_refused(change):
    stage = Stage(4).advertise().share().mask()
    stage.headers[2] = stage.forge(2, stage.headers[2], InputHeader, **change)
    with pytest.raises(WrongTranscript, match="elements"):
        stage.confirm_one(0, stage.headers)


def test_too_few_headers_end_the_attempt():
    stage = Stage(5, minimum=4).advertise().share().mask()
    with pytest.raises(TooFewSurvivors):
        stage.confirm_one(0, stage.headers[:3])


# Unmasking


@pytest.mark.parametrize("field", ["members", "survivors", "roots", "transcript"])
def test_a_confirmation_of_anything_else_is_a_split_view(field):
    stage = Stage(4).advertise().share().mask().confirm()
    stage.confirmations[1] = stage.forge(1, stage.confirmations[1], Confirmation, **{field: bytes(32)})
    with pytest.raises(WrongTranscript):
        stage.unmask_one(0, stage.confirmations)


def test_two_views_of_the_survivors_never_both_reach_the_threshold():
    """The coordinator shows {0,1,2} to two members and {1,2,3} to two: nobody answers (n = 4, t = 3)."""
    stage = Stage(4).advertise().share().mask()
    left = [stage.confirm_one(i, stage.headers[:3]) for i in (0, 1)]
    right = [stage.confirm_one(i, stage.headers[1:]) for i in (2, 3)]
    for i, own in ((0, left), (1, left), (2, right), (3, right)):
        with pytest.raises(TooFewSurvivors):
            stage.unmask_one(i, own)
        with pytest.raises((WrongTranscript, WrongMembers)):
            stage.unmask_one(i, left + right)


def test_a_confirmation_by_a_dropped_member_is_refused():
    stage = Stage(4).advertise().share().mask(range(3)).confirm(range(3))
    forged = stage.forge(3, stage.confirmations[0], Confirmation, sender=stage.id(3))
    with pytest.raises(WrongMembers):
        stage.unmask_one(0, [*stage.confirmations, forged])


def test_fewer_confirmations_than_the_threshold_unmask_nothing():
    stage = Stage(4).advertise().share().mask().confirm()
    with pytest.raises(TooFewSurvivors):
        stage.unmask_one(0, stage.confirmations[:2])
    doubled = [*stage.confirmations[:2], stage.confirmations[1]]
    with pytest.raises(Equivocation):
        stage.unmask_one(0, doubled)


def test_an_answer_opens_one_secret_of_each_member_and_never_both():
    stage = Stage(4).advertise().share().mask(range(3)).confirm(range(3))
    answer = decode(UnmaskAnswer, stage.unmask_one(0, stage.confirmations).body)
    alive = [opened.owner for opened in answer.self_shares]
    dead = [opened.owner for opened in answer.key_shares]
    assert alive == list(stage.ids(range(3)))
    assert dead == [stage.id(3)]
    assert answer.survivors == members_hash(alive)


def test_the_machine_unmasks_once():
    stage = Stage(4).advertise().share().mask().confirm().unmask()
    with pytest.raises(AlreadyUnmasked):
        stage.unmask_one(0, stage.confirmations)
    with pytest.raises(IllegalMove):
        stage.confirm_one(0, stage.headers)


def test_an_answer_that_was_unmasked_for_other_survivors_stays_closed():
    stage = Stage(4).advertise().share().mask().confirm()
    with pytest.raises(AlreadyUnmasked):
        stage.unmask_one(0, stage.confirmations, bound=stage.ids(range(3)))
    stage.unmask_one(0, stage.confirmations, bound=stage.ids((3, 2, 1, 0)))


# Order and configuration


def test_a_step_out_of_order_is_refused():
    stage = Stage(4).advertise().share()
    shared = stage.states[0]
    masking = contributor.begin_mask(shared, stage.config, stage.bundles_for(0), roll=stage.roll)
    stage.mask()
    for state in (masking, stage.states[0]):
        with pytest.raises(IllegalMove):
            contributor.begin_mask(state, stage.config, stage.bundles_for(0), roll=stage.roll)
    for state in (shared, stage.states[0]):
        with pytest.raises(IllegalMove):
            contributor.seal_input(state, stage.config, [bytes(32)], key=stage.players[0].key)


def test_every_step_is_bound_to_the_configuration_that_was_advertised_for():
    stage = Stage(4).advertise().share()
    masking = contributor.begin_mask(stage.states[0], stage.config, stage.bundles_for(0), roll=stage.roll)
    other = replace(stage.config, attempt=2)
    words = encode_vector(stage.inputs[0], stage.spec)
    with pytest.raises(WrongTranscript):
        contributor.begin_mask(stage.states[0], other, stage.bundles_for(0), roll=stage.roll)
    with pytest.raises(WrongTranscript):
        contributor.mask_chunk(masking, other, 0, words)
    with pytest.raises(WrongTranscript):
        contributor.seal_input(masking, other, [bytes(32)], key=stage.players[0].key)
