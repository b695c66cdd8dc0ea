"""Who lied is told from bundles that were signed all at once: each convicts by itself, and none can be made up."""

from dataclasses import replace

import pytest

from protocols.codec import decode, encode
from protocols.errors import BadShare, BadSignature
from protocols.identity import open_signed
from protocols.messages import OpenedShare, Phase, SealedShare, UnmaskAnswer
from protocols.secure_sum.recomputation import Admitted, recompute
from protocols.secure_sum.sealing import commit_self, commitments
from protocols.secure_sum.unmasking import combine
from tests.protocols.secure_sum.stage import Stage

LIAR, DEALER = 2, 0


def lied(stage):
    """The answers, of which the liar's opens another share of the dealer's b than it was dealt."""
    answer = decode(UnmaskAnswer, stage.answers[LIAR].body)
    shares = tuple(
        OpenedShare(owner=each.owner, share=bytes(32)) if each.owner == stage.id(DEALER) else each
        for each in answer.self_shares
    )
    forged = stage.forge(LIAR, stage.answers[LIAR], UnmaskAnswer, self_shares=shares)
    return [*stage.answers[:LIAR], forged, *stage.answers[LIAR + 1 :]]


def played():
    return Stage(4).advertise().share().mask().confirm().unmask()


def bundle_of(stage, recipient):
    """The bundle of the dealer for one recipient, without all its others."""
    (found,) = (
        each
        for each in stage.bundles[DEALER]
        if decode(SealedShare, each.body).recipient == stage.id(recipient)
    )
    return found


def test_one_bundle_without_the_others_convicts_who_opened_another_share():
    stage = played()
    carried = decode(type(bundle_of(stage, LIAR)), encode(bundle_of(stage, LIAR)))
    dealt = commitments(open_signed(carried, SealedShare, stage.roll))
    wrong, right = (
        next(
            each.share
            for each in decode(UnmaskAnswer, answers[LIAR].body).self_shares
            if each.owner == stage.id(DEALER)
        )
        for answers in (lied(stage), stage.answers)
    )
    hashed = stage.settled().config_hash, stage.id(LIAR), stage.id(DEALER)
    assert commit_self(*hashed, wrong) != dealt.self_share
    assert commit_self(*hashed, right) == dealt.self_share


def test_the_collector_names_the_liar_and_a_member_that_recomputes_names_the_same():
    stage = played()
    bundles = [item for each in stage.bundles.values() for item in each]
    unmasking = combine(stage.config, stage.settled(), lied(stage), bundles=bundles)
    assert unmasking.liars == (stage.id(LIAR),)
    admitted = Admitted(
        config=stage.config, settled=stage.settled(), answers=tuple(lied(stage)), roll=stage.roll
    )
    (part,) = recompute(admitted, lambda member, index: stage.chunks[member][index], bundles=bundles)
    assert part.tolist() == stage.total().tolist()


def test_nobody_can_make_a_bundle_that_convicts_an_honest_member():
    """A coordinator has every signature of the dealer's set, and would like other commitments under it."""
    stage = played()
    true = bundle_of(stage, LIAR)
    message = decode(SealedShare, true.body)
    framing = encode(replace(message, sealed=bytes(64) + message.sealed[64:]))
    for each in stage.bundles[DEALER]:
        with pytest.raises(BadSignature):
            open_signed(replace(each, body=framing), SealedShare, stage.roll)
    admitted = Admitted(
        config=stage.config, settled=stage.settled(), answers=tuple(lied(stage)), roll=stage.roll
    )
    forged = [replace(true, body=framing) if item is true else item for item in stage.bundles[DEALER]]
    others = [item for member, each in stage.bundles.items() if member != DEALER for item in each]
    with pytest.raises(BadSignature):
        list(
            recompute(admitted, lambda member, index: stage.chunks[member][index], bundles=[*forged, *others])
        )


def test_a_dealer_is_named_by_the_recipient_of_a_bundle_that_does_not_open():
    stage = Stage(4).advertise().share()
    other = Stage(4)
    other.rand = lambda i, count: stage.rand(i + 100, count)
    mixed = []
    for bundle in stage.bundles[DEALER]:
        message = decode(SealedShare, bundle.body)
        if message.recipient == stage.id(1):
            swapped = decode(SealedShare, other.advertise().share_one(DEALER, other.ads)[0].body)
            message = replace(message, sealed=swapped.sealed)
        mixed.append(message)
    signed = stage.players[DEALER].key.sign_many(stage.id(DEALER), mixed)
    stage.submit(Phase.SHARE, DEALER, signed)
    stage.bundles[DEALER] = signed
    with pytest.raises(BadShare, match=stage.id(DEALER).hex()):
        stage.mask()
