from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import decode
from protocols.errors import BadChunk, BadShare, Equivocation, TooFewSurvivors
from protocols.messages import SealedShare, UnmaskAnswer
from protocols.secure_sum.dealing import seal_for
from protocols.secure_sum.sealing import HeldShares
from protocols.secure_sum.unmasking import combine, sum_chunks
from tests.protocols.secure_sum.stage import Stage


def finished(n=5, dropped=(), **changes):
    """A stage where ``dropped`` sealed shares but sent no vector, and everybody else answered."""
    left = [i for i in range(n) if i not in dropped]
    return Stage(n, **changes).advertise().share().mask(left).confirm(left).unmask(left), left


def lie(stage, i, owners=None, kind="self_shares"):
    """Member at place ``i`` of the answers opens wrong shares of ``owners`` (of everybody if None)."""
    signed = stage.answers[i]
    answer = decode(UnmaskAnswer, signed.body)
    opened = tuple(
        replace(each, share=bytes(31) + b"\7") if owners is None or each.owner in owners else each
        for each in getattr(answer, kind)
    )
    who = next(k for k, player in enumerate(stage.players) if player.id == signed.signer)
    stage.answers[i] = stage.forge(who, signed, UnmaskAnswer, **{kind: opened})


@pytest.mark.parametrize("dropped", [(), (0,), (2,), (4,)])
def test_the_sum_of_the_survivors_is_exact_whoever_is_lost(dropped):
    stage, left = finished(5, dropped)
    assert np.array_equal(stage.total(), stage.expected(left))


@pytest.mark.parametrize("answering", list(combinations(range(5), 4)))
def test_any_threshold_of_answers_is_enough(answering):
    stage, left = finished(5)
    stage.answers = [stage.answers[i] for i in answering]
    assert np.array_equal(stage.total(), stage.expected(left))


@settings(max_examples=30)
@given(st.data())
def test_the_order_of_messages_changes_nothing(data):
    def shuffle(items):
        return list(data.draw(st.permutations(items)))

    n = data.draw(st.integers(3, 6))
    dropped = data.draw(st.sampled_from([(), (n - 1,), (0,)])) if n > 3 else ()
    left = [i for i in range(n) if i not in dropped]
    stage = Stage(n).advertise(shuffle(range(n)))
    for i in shuffle(range(n)):
        stage.bundles[i] = stage.share_one(i, shuffle(stage.ads))
    stage.headers = [stage.mask_one(i, shuffle(stage.bundles_for(i))) for i in shuffle(left)]
    stage.confirmations = [stage.confirm_one(i, shuffle(stage.headers)) for i in shuffle(left)]
    stage.answers = [stage.unmask_one(i, shuffle(stage.confirmations)) for i in shuffle(left)]
    assert np.array_equal(stage.total(), stage.expected(left))


def test_too_few_answers_unmask_nothing():
    stage, _ = finished(5)
    stage.answers = stage.answers[:3]
    with pytest.raises(TooFewSurvivors):
        stage.combine()
    stage.answers.append(stage.answers[0])
    with pytest.raises(Equivocation):
        stage.combine()


def test_a_member_that_opens_wrong_shares_is_named_and_the_sum_is_made_without_its_answer():
    stage, left = finished(5)
    lie(stage, 1)
    unmasking = stage.combine()
    assert unmasking.liars == (stage.id(1),)
    assert np.array_equal(stage.total(), stage.expected(left))


def test_a_wrong_share_of_a_dropped_members_key_is_attributed():
    stage, _ = finished(7, dropped=(3,))
    lie(stage, 0, kind="key_shares")
    assert stage.combine().liars == (stage.id(0),)


def test_liars_that_leave_too_few_honest_answers_are_named():
    stage, _ = finished(5)
    lie(stage, 0)
    lie(stage, 3, owners=[stage.id(1)])
    with pytest.raises(BadShare) as caught:
        stage.combine()
    assert stage.id(0).hex() in str(caught.value)
    assert stage.id(3).hex() in str(caught.value)
    assert stage.id(1).hex() not in str(caught.value)


def test_a_survivor_that_opens_its_own_share_wrong_is_named():
    stage, left = finished(5)
    lie(stage, 2, owners=[stage.id(2)])
    assert stage.combine().liars == (stage.id(2),)
    assert np.array_equal(stage.total(), stage.expected(left))


def dealing_badly(stage, dealer, recipient):
    """The dealer seals a self share for one recipient that is not on its polynomial."""
    state = stage.states[dealer]
    peer = next(each for each in state.peers if each.member == stage.id(recipient))
    wrong = HeldShares(owner=stage.id(dealer), self_share=bytes(31) + b"\1", key_share=bytes(31) + b"\2")
    bundle = stage.players[dealer].key.sign(stage.id(dealer), seal_for(state, peer, wrong))
    stage.bundles[dealer] = tuple(
        bundle if decode(SealedShare, item.body).recipient == stage.id(recipient) else item
        for item in stage.bundles[dealer]
    )


def test_a_dealer_whose_shares_do_not_belong_together_is_named_and_nobody_else():
    stage = Stage(5).advertise().share()
    dealing_badly(stage, dealer=4, recipient=1)
    stage.mask().confirm().unmask()
    with pytest.raises(BadShare) as caught:
        stage.combine()
    assert stage.id(4).hex() in str(caught.value)
    assert not any(stage.id(i).hex() in str(caught.value) for i in range(4))


def test_blame_needs_the_signed_bundles():
    stage, _ = finished(5)
    lie(stage, 1)
    with pytest.raises(ValueError, match="bundles"):
        combine(stage.config, stage.settled(), stage.answers, bundles=())


def test_bundles_are_read_only_when_a_secret_is_wrong():
    stage, _ = finished(4)

    def never():
        raise AssertionError
        yield

    assert combine(stage.config, stage.settled(), stage.answers, bundles=never()).liars == ()


def test_chunks_are_verified_before_they_are_added_and_in_the_order_of_the_survivors():
    stage, _ = finished(4)
    unmasking = stage.combine()
    chunks = [stage.chunks[member][0] for member in unmasking.survivors]
    for bad in (chunks[::-1], chunks[1:], [*chunks, chunks[0]], [bytes(len(chunks[0])), *chunks[1:]], []):
        with pytest.raises(BadChunk):
            sum_chunks(stage.config, unmasking, 0, bad)
    for index in (-1, 1):
        with pytest.raises(BadChunk):
            sum_chunks(stage.config, unmasking, index, chunks)


def test_the_sum_of_the_masked_vectors_alone_is_not_the_sum():
    stage, left = finished(4)
    raw = sum(np.frombuffer(stage.chunks[stage.id(i)][0], dtype="<u4").astype(np.int64) for i in left)
    assert not np.any(raw % 2**32 == stage.expected(left) % 2**32)


def test_no_seed_is_shown_by_an_unmasking():
    shown = repr(finished(4)[0].combine())
    assert "plus" not in shown
    assert "minus" not in shown


def test_masked_vectors_of_one_member_under_two_attempts_have_nothing_in_common():
    first, second = Stage(4), Stage(4)
    second.config = replace(second.config, attempt=2)
    for stage in (first, second):
        stage.advertise().share().mask()
    a, b = (np.frombuffer(stage.chunks[stage.id(0)][0], dtype="<u4") for stage in (first, second))
    assert not np.any(a == b)
