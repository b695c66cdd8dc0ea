"""Whole attempts in suite 2: exact whoever is lost, and whoever spoils a ciphertext is named."""

from copy import copy
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from cryptography.hazmat.backends.openssl.backend import backend

from participant.entropy import encapsulate
from protocols.codec import decode, encode
from protocols.errors import BadShare, SuiteUnavailable, TooFewSurvivors, WeakKey
from protocols.limits import KEM_CIPHERTEXT_BYTES
from protocols.messages import CLASSICAL, HYBRID, Advertisement, Phase, SealedShare, UnmaskAnswer
from protocols.secure_sum import collector, contributor
from protocols.secure_sum.encapsulation import decapsulation_key, encapsulation_key
from protocols.secure_sum.hybrid import CAPSULE_BYTES, Pair, close, pair_secret
from protocols.secure_sum.play import play
from protocols.secure_sum.sealing import SEALED_BYTES
from protocols.secure_sum.states import Shared
from protocols.secure_sum.unmasking import combine
from tests.protocols.secure_sum.stage import SEED, Stage

FLOOR = 3


class Drawing(Stage):
    """A stage whose members draw like a node: quicker than the standard's algorithm in Python."""

    def __init__(self, n=4, **more):
        super().__init__(n, suite=HYBRID, **more)

    def encapsulator(self, _):
        return encapsulate

    def but(self, **lists):
        """The same stage, gone on from here by itself."""
        other = copy(self)
        other.states, other.chunks = dict(self.states), dict(self.chunks)
        for name, value in lists.items():
            setattr(other, name, value)
        return other


def kept(members):
    """Every set of ``members`` that an attempt goes on with, and every one with which it must not."""
    sets = [each for size in range(len(members) + 1) for each in combinations(members, size)]
    return [each for each in sets if len(each) >= FLOOR], [each for each in sets if len(each) < FLOOR]


@pytest.mark.parametrize("n", [3, 4, 5])
def test_every_dropout_pattern_gives_the_exact_sum_or_an_abort(n):
    """Who is lost in which phase: with a threshold of three, up to two of five, in any two places."""
    base = Drawing(n, threshold=FLOOR).advertise()
    config, played = base.config, 0
    going, ending = kept(range(n))
    for u1 in ending:
        with pytest.raises(TooFewSurvivors):
            collector.close_advertise(config, [base.ads[i] for i in u1])
    for u1 in going:
        shared = base.but(ads=[base.ads[i] for i in u1], bundles={}).share(u1)
        for u2 in kept(u1)[0]:
            masked = shared.but(bundles={i: shared.bundles[i] for i in u2}, headers=[]).mask(u2)
            for u3 in kept(u2)[0]:
                headers = [masked.headers[u2.index(i)] for i in u3]
                done = masked.but(headers=headers, confirmations=[], answers=[]).confirm(u3).unmask(u3)
                for answering in kept(u3)[0]:
                    answers = [done.answers[u3.index(i)] for i in answering]
                    assert np.array_equal(done.but(answers=answers).total(), done.expected(u3))
                    played += 1
                for answering in kept(u3)[1]:
                    few = done.but(answers=[done.answers[u3.index(i)] for i in answering])
                    with pytest.raises(TooFewSurvivors):
                        few.combine()
    assert played == {3: 1, 4: 17, 5: 181}[n]


def test_one_process_plays_suite_2_as_it_plays_suite_1():
    stage = Drawing(5)
    lost = {Phase.SHARE: {4}, Phase.MASK: {1}}
    result = play(
        stage.inputs,
        spec=stage.spec,
        seed=SEED,
        threshold=3,
        dropouts=lost,
        suite=HYBRID,
        encapsulate=encapsulate,
    )
    assert np.array_equal(result.sum, stage.expected((0, 2, 3)))


def test_two_lost_members_of_seven_leave_the_sum_of_the_others():
    for lost in ((0, 1), (0, 6), (3, 4), (5, 6)):
        left = [i for i in range(7) if i not in lost]
        stage = Drawing(7).advertise().share().mask(left).confirm(left).unmask(left)
        assert np.array_equal(stage.total(), stage.expected(left))


def spoilt(stage, sender, recipient, start, more=b""):
    """The bundle of ``sender`` for ``recipient`` with one byte changed and signed again."""
    index = [decode(SealedShare, item.body).recipient for item in stage.bundles[sender]].index(
        stage.id(recipient)
    )
    item = stage.bundles[sender][index]
    data = bytearray(decode(SealedShare, item.body).sealed)
    if more:
        data[start : start + len(more)] = more
    else:
        data[start] ^= 1
    items = list(stage.bundles[sender])
    items[index] = stage.forge(sender, item, SealedShare, sealed=bytes(data))
    stage.bundles[sender] = tuple(items)


CAPSULE_AT = SEALED_BYTES + KEM_CIPHERTEXT_BYTES


@pytest.mark.parametrize(
    "place", [SEALED_BYTES, CAPSULE_AT - 1, CAPSULE_AT, CAPSULE_AT + 1100, CAPSULE_AT + CAPSULE_BYTES - 1]
)
def test_a_member_that_spoils_a_ciphertext_is_named_by_who_gets_it(place):
    stage = Drawing().advertise().share()
    spoilt(stage, 1, 3, place)
    with pytest.raises(BadShare, match=stage.id(1).hex()):
        stage.mask_one(3, stage.bundles_for(3))
    stage.mask_one(0, stage.bundles_for(0))


def test_who_refused_a_spoilt_capsule_is_not_blamed_when_it_is_lost():
    stage = Drawing().advertise().share()
    spoilt(stage, 1, 3, CAPSULE_AT)
    stage.mask((0, 1, 2)).confirm((0, 1, 2)).unmask((0, 1, 2))
    with pytest.raises(BadShare) as caught:
        stage.combine()
    assert stage.id(1).hex() in str(caught.value)
    assert not any(stage.id(i).hex() in str(caught.value) for i in (0, 2, 3))


def with_another_secret(stage, sender, recipient):
    """The sender commits to a secret that is not the one of its shared s_i, and closes that in the capsule."""
    state = stage.states[sender]
    peer = next(each for each in state.peers if each.member == stage.id(recipient))
    pair = Pair(config=state.config, transcript=state.transcript, low=state.me, high=peer.member)
    spoilt(
        stage,
        sender,
        recipient,
        CAPSULE_AT,
        close(pair_secret(bytes(32), pair), peer.mask_key, pair, encapsulate),
    )


def test_a_secret_that_does_not_follow_from_what_was_shared_is_found_when_its_owner_is_lost():
    stage = Drawing().advertise().share()
    with_another_secret(stage, 0, 2)
    stage.mask((1, 2, 3)).confirm((1, 2, 3)).unmask((1, 2, 3))
    with pytest.raises(BadShare) as caught:
        stage.combine()
    assert stage.id(0).hex() in str(caught.value)
    assert not any(stage.id(i).hex() in str(caught.value) for i in (1, 2, 3))


def test_a_member_whose_ml_kem_key_does_not_follow_from_what_it_shares_is_named_and_not_who_wrote_to_it():
    stage = Drawing().advertise()
    own = decode(Advertisement, stage.ads[3].body)
    other = encapsulation_key(decapsulation_key(bytes(64)))
    stage.ads[3] = stage.forge(3, stage.ads[3], Advertisement, mask_key=own.mask_key[:32] + other)
    stage.states[3] = replace(stage.states[3], advertisement=stage.ads[3].body)
    stage.share()
    with pytest.raises(BadShare):
        stage.mask_one(3, stage.bundles_for(3))
    stage.mask((0, 1, 2)).confirm((0, 1, 2)).unmask((0, 1, 2))
    with pytest.raises(BadShare) as caught:
        stage.combine()
    assert stage.id(3).hex() in str(caught.value)
    assert not any(stage.id(i).hex() in str(caught.value) for i in (0, 1, 2))


def test_who_opens_wrong_shares_is_named_beside_a_lost_member():
    stage = Drawing(5, threshold=3).advertise().share()
    left = (0, 1, 3, 4)
    stage.mask(left).confirm(left).unmask(left)
    said = decode(UnmaskAnswer, stage.answers[1].body)
    wrong = tuple(replace(each, share=bytes(31) + b"\7") for each in said.key_shares)
    stage.answers[1] = stage.forge(1, stage.answers[1], UnmaskAnswer, key_shares=wrong)
    assert stage.combine().liars == (stage.id(1),)
    assert np.array_equal(stage.total(), stage.expected(left))


def test_the_masks_of_a_lost_member_need_the_bundles():
    stage = Drawing().advertise().share().mask((0, 1, 3)).confirm((0, 1, 3)).unmask((0, 1, 3))
    with pytest.raises(ValueError, match="bundles"):
        combine(stage.config, stage.settled(), stage.answers, bundles=())


@pytest.mark.parametrize(("sender", "recipient"), [(0, 3), (3, 0)])
@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"\0", lambda b: b[:SEALED_BYTES]])
def test_the_collector_takes_bundles_of_the_one_right_length(sender, recipient, change):
    stage = Drawing().advertise().share()
    stage.submit(Phase.SHARE, sender, stage.bundles[sender])
    items = list(stage.bundles[sender])
    at = [decode(SealedShare, item.body).recipient for item in items].index(stage.id(recipient))
    sealed = change(decode(SealedShare, items[at].body).sealed)
    items[at] = stage.forge(sender, items[at], SealedShare, sealed=sealed)
    with pytest.raises(BadShare, match="sealed bytes"):
        stage.submit(Phase.SHARE, sender, items)


@pytest.mark.parametrize(("suite", "other"), [(CLASSICAL, HYBRID), (HYBRID, CLASSICAL)])
def test_keys_of_the_other_suite_are_refused_by_collector_and_members(suite, other):
    stage, elsewhere = (Stage(suite=each).advertise() for each in (suite, other))
    theirs = decode(Advertisement, elsewhere.ads[1].body)
    forged = stage.forge(1, stage.ads[1], Advertisement, seal_key=theirs.seal_key, mask_key=theirs.mask_key)
    with pytest.raises(WeakKey, match=f"suite {suite}"):
        stage.submit(Phase.ADVERTISE, 1, [forged])
    with pytest.raises(WeakKey, match=f"suite {suite}"):
        stage.share_one(0, [stage.ads[0], forged, *stage.ads[2:]])


@pytest.mark.parametrize("part", [slice(0, 32), slice(32, None)])
def test_half_a_key_of_another_member_is_a_copy(part):
    stage = Drawing().advertise()
    theirs, own = (decode(Advertisement, stage.ads[i].body).mask_key for i in (1, 2))
    copied = bytearray(own)
    copied[part] = theirs[part]
    stage.ads[2] = stage.forge(2, stage.ads[2], Advertisement, mask_key=bytes(copied))
    with pytest.raises(WeakKey, match="already in use"):
        stage.share_one(0, stage.ads)


def test_a_member_without_a_source_of_encapsulations_says_so():
    stage = Drawing().advertise()
    player = stage.players[0]
    with pytest.raises(ValueError, match="suite 2 draws"):
        contributor.share(
            stage.states[0],
            stage.config,
            stage.ads,
            key=player.key,
            roll=stage.roll,
            rand=stage.rand(0, contributor.RAND_SHARE(4)),
        )


def test_a_member_without_ml_kem_advertises_nothing(monkeypatch):
    monkeypatch.setattr(type(backend), "mlkem_supported", lambda _: False)
    Stage(suite=CLASSICAL).advertise()
    with pytest.raises(SuiteUnavailable):
        Drawing().advertise()


def test_a_state_of_suite_2_comes_back_from_its_bytes_and_goes_on():
    stage = Drawing().advertise().share()
    for i, state in stage.states.items():
        stage.states[i] = decode(Shared, encode(state))
    left = (0, 1, 3)
    stage.mask(left).confirm(left).unmask(left)
    assert np.array_equal(stage.total(), stage.expected(left))
