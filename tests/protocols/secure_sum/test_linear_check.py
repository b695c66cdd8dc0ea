"""The linear check against coordinators that publish a wrong sum, a wrong release, and nothing."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from protocols.codec import decode, encode
from protocols.errors import Equivocation, MalformedMessage, NotTheSum, WrongMembers, WrongTranscript
from protocols.keystream import Keystream
from protocols.messages import CLASSICAL, HYBRID
from protocols.questions import ask
from protocols.ring import encode_vector, lift
from protocols.secure_sum import linear_check, linear_contributor
from protocols.secure_sum.agreement import pair_seeds
from protocols.secure_sum.hybrid import private_key
from protocols.secure_sum.linear_check import LinearAnswer, Opening
from protocols.secure_sum.linear_contributor import Armed, Opened
from protocols.secure_sum.linear_function import Q, inner
from protocols.vocabulary import Vocabulary
from tests.protocols.secure_sum.stage import Stage, counting

RELEASE, OTHER = bytes([7]) * 32, bytes([8]) * 32
ALIVE = range(4)
WORDS = Vocabulary.of("words", ["BREAD", "MILK"])


class Checked(Stage):
    """A stage of five, the last of whom falls silent after sharing its keys, up to the armed check."""

    def __init__(self, ring_bits=32, suite=CLASSICAL):
        super().__init__(5, spec=counting(length=3000, bound=20_000, ring_bits=ring_bits), suite=suite)
        self.advertise().share().mask(ALIVE).confirm(ALIVE)
        self.armed = [self.arm(i) for i in ALIVE]
        self.unmask(ALIVE)
        self.sum = sum(self.words(i) for i in ALIVE)

    def arm(self, i):
        return linear_contributor.arm(self.states[i], self.confirmations)

    def words(self, i):
        bits = self.config.answer.ring_bits
        return lift(encode_vector(self.inputs[i], self.spec), bits)

    def open(self, i, release=RELEASE):
        return linear_contributor.open_rho(self.armed[i], release, key=self.players[i].key)

    def opened(self):
        """All states and openings for one release."""
        both = [self.open(i) for i in ALIVE]
        return [state for state, _ in both], [message for _, message in both]

    def answer(self, i, state, openings):
        words = np.split(self.words(i), [1024, 2000])
        return linear_contributor.answer(
            state, self.config, openings, words, key=self.players[i].key, roll=self.roll
        )

    def check(self, state, openings, answers, total):
        linear_check.check(state.claim, self.config, openings, answers, total, roll=self.roll)


@pytest.fixture(scope="module")
def played():
    return Checked()


@pytest.mark.parametrize(("ring_bits", "suite"), [(32, CLASSICAL), (64, CLASSICAL), (32, HYBRID)])
def test_the_true_sum_passes_at_every_survivor(ring_bits, suite):
    stage = Checked(ring_bits, suite)
    states, openings = stage.opened()
    answers = [stage.answer(i, states[i], openings) for i in ALIVE]
    for state in states:
        stage.check(state, openings, answers, stage.sum)


def test_its_messages_are_pinned_to_the_byte(played):
    states, openings = played.opened()
    answers = [played.answer(i, states[i], openings) for i in ALIVE]
    pinned = sha256(b"".join(map(encode, [states[0], *openings, *answers]))).hexdigest()
    assert pinned == "77ffdc474e8696128c8d4c83f4c18029faf351bd5142d4cd38f2e27de4cbd8a4"


def test_where_two_sums_of_one_linear_function_are_within_the_bounds_there_is_no_check():
    spec = ask([("taste", {"until": 5, "customers_cap": 2**32})], WORDS, members=33, epoch="e", ring_bits=64)
    (block,) = spec.blocks
    one, other = np.array([5, 6, 7]), np.array([5 - Q, 6, 7])
    for number in range(3):
        stream = Keystream(bytes([number]) * 32)
        assert inner(stream, [one]) % Q == inner(stream, [other]) % Q
    assert abs(other).max() < 33 * (block.bound << block.scale_bits)
    assert not linear_check.binds(spec, 33)
    usual = ask([("taste", {"until": 5})], WORDS, members=1000, epoch="e", ring_bits=64)
    assert linear_check.binds(usual, 1000)
    for bound, binds in ((2**60 // 3 - 1, True), (2**60 // 3, False)):
        assert linear_check.binds(counting(bound=bound, ring_bits=64), 3) is binds


def test_in_suite_2_what_hides_the_answers_does_not_follow_from_x25519_alone():
    stage = Stage(4, suite=HYBRID).advertise().share()
    shared = dict(stage.states)
    stage.mask()
    keys = {state.me: {each.member: each.key for each in state.checks} for state in stage.states.values()}
    for state in shared.values():
        exchange = private_key(HYBRID, state.mask_secret, state.config).x25519
        for peer in state.peers:
            low, high = sorted((state.me, peer.member), key=stage.config.position)
            bound = {"transcript": state.transcript, "config": state.config, "low": low, "high": high}
            _, classical = pair_seeds(exchange, peer.mask_key[:32], **bound)
            assert keys[state.me][peer.member] == keys[peer.member][state.me] != classical


@pytest.mark.parametrize(("cell", "by"), [(0, 1), (2999, -1), (1500, 2**31)])
def test_a_wrong_sum_is_found_whichever_cell_is_wrong(played, cell, by):
    states, openings = played.opened()
    answers = [played.answer(i, states[i], openings) for i in ALIVE]
    wrong = played.sum.copy()
    wrong[cell] += by
    with pytest.raises(NotTheSum):
        played.check(states[0], openings, answers, wrong)


def test_two_releases_of_one_attempt_are_found_as_soon_as_the_openings_meet(played):
    states, openings = played.opened()
    _, other = played.open(3, OTHER)
    with pytest.raises(WrongTranscript, match="release"):
        played.answer(0, states[0], [*openings[:3], other])
    with pytest.raises(Equivocation, match="two sums"):
        linear_contributor.open_rho(states[0], OTHER, key=played.players[0].key)
    again, message = linear_contributor.open_rho(states[0], RELEASE, key=played.players[0].key)
    assert (again, message) == (states[0], openings[0])


def test_silence_in_either_message_leaves_the_release_unverified(played):
    states, openings = played.opened()
    with pytest.raises(WrongMembers):
        played.answer(0, states[0], openings[:3])
    answers = [played.answer(i, states[i], openings) for i in ALIVE]
    with pytest.raises(WrongMembers):
        played.check(states[0], openings, answers[:3], played.sum)


def test_a_survivor_that_did_not_confirm_cannot_be_checked():
    stage = Stage(5).advertise().share().mask().confirm(range(4))
    with pytest.raises(WrongMembers, match="confirmation of every survivor"):
        linear_contributor.arm(stage.states[0], stage.confirmations)


def test_nobody_can_choose_another_rho_than_it_committed_to(played):
    states, openings = played.opened()
    forged = replace(decode(Opening, openings[1].body), rho=bytes(32))
    signed = played.players[1].key.sign(played.id(1), forged)
    with pytest.raises(WrongTranscript, match="rho"):
        played.answer(0, states[0], [openings[0], signed, *openings[2:]])


def test_an_answer_to_other_openings_is_refused(played):
    states, openings = played.opened()
    answers = [played.answer(i, states[i], openings) for i in ALIVE]
    moved = replace(decode(LinearAnswer, answers[1].body), openings=bytes(32))
    answers[1] = played.players[1].key.sign(played.id(1), moved)
    with pytest.raises(WrongTranscript, match="openings"):
        played.check(states[0], openings, answers, played.sum)


def test_an_answer_is_masked_and_a_second_one_for_another_release_is_masked_afresh(played):
    states, openings = played.opened()
    both = [played.open(i, OTHER) for i in ALIVE]
    first = decode(LinearAnswer, played.answer(0, states[0], openings).body)
    second = decode(LinearAnswer, played.answer(0, both[0][0], [message for _, message in both]).body)
    masks = set()
    for said, state, seen in ((first, states[0], openings), (second, both[0][0], [m for _, m in both])):
        stream = linear_check.challenge(state.claim, played.config, seen, played.roll)
        masks.add((said.z - inner(stream, [played.words(0)])) % Q)
    assert len(masks) == 2
    assert 0 not in masks


def test_one_member_beside_the_coordinator_can_cover_a_wrong_sum(played):
    """The gap that the module states: nothing ties z_i to the vector that its sender masked."""
    states, openings = played.opened()
    answers = [played.answer(i, states[i], openings) for i in ALIVE]
    wrong = played.sum.copy()
    wrong[5] += 1000
    stream = linear_check.challenge(states[3].claim, played.config, openings, played.roll)
    missing = inner(stream, [wrong - played.sum])
    said = decode(LinearAnswer, answers[3].body)
    answers[3] = played.players[3].key.sign(played.id(3), replace(said, z=(said.z + missing) % Q))
    played.check(states[0], openings, answers, wrong)


def test_states_can_be_stored_and_hide_their_secrets(played):
    armed, (opened, _) = played.armed[0], played.open(0)
    assert decode(Armed, encode(armed)) == armed
    assert decode(Opened, encode(opened)) == opened
    assert armed.rho.hex() not in repr(opened)
    assert repr(armed.rho) not in repr(opened)


def test_the_linear_function_is_exact_at_the_ends_of_the_integers():
    values = np.array([-(2**63), 2**63 - 1, -1, 0, 1] * 900)
    stream = Keystream(bytes(range(32)))
    words = stream.words(0, 8 * len(values), 64)
    exact = sum((int(word) & Q) * int(value) for word, value in zip(words, values, strict=True))
    assert inner(stream, [values[:1500], values[1500:]]) == exact


def test_whoever_took_no_part_checks_the_same_claim_from_the_signed_confirmations(played):
    states, openings = played.opened()
    answers = [played.answer(i, states[i], openings) for i in ALIVE]
    claim = linear_check.claim_of(
        played.config,
        played.confirmations,
        transcript=played.armed[0].transcript,
        survivors=played.ids(ALIVE),
        release=RELEASE,
        roll=played.roll,
    )
    assert claim == states[0].claim
    linear_check.check(claim, played.config, openings, answers, played.sum, roll=played.roll)


@pytest.mark.parametrize("change", ["transcript", "survivors"])
def test_a_claim_over_other_survivors_or_advertisements_than_were_confirmed_is_refused(played, change):
    given = {"transcript": played.armed[0].transcript, "survivors": played.ids(ALIVE)}
    other = {"transcript": bytes(32), "survivors": played.ids(range(3))}
    with pytest.raises(WrongTranscript):
        linear_check.claim_of(
            played.config,
            played.confirmations,
            release=RELEASE,
            roll=played.roll,
            **(given | {change: other[change]}),
        )


def test_messages_of_a_member_that_is_no_survivor_are_refused(played):
    states, openings = played.opened()
    absent = played.players[4]
    foreign = replace(decode(Opening, openings[0].body), sender=absent.id)
    with pytest.raises(WrongMembers, match="messages of survivors"):
        linear_check.opened(
            states[0].claim, played.config, [absent.key.sign(absent.id, foreign)], played.roll
        )


def test_a_number_beyond_the_field_is_no_answer(played):
    states, openings = played.opened()
    said = decode(LinearAnswer, played.answer(0, states[0], openings).body)
    with pytest.raises(MalformedMessage):
        replace(said, z=Q)
