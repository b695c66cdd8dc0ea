"""A member recomputes the sum from what the coordinator kept, and believes none of it."""

from dataclasses import replace

import numpy as np
import pytest

from protocols.codec import decode
from protocols.errors import (
    BadChunk,
    BadShare,
    BadSignature,
    Equivocation,
    TooFewSurvivors,
    UnknownSigner,
    WrongMembers,
    WrongTranscript,
)
from protocols.identity import COORDINATOR, IdentityKey
from protocols.messages import HYBRID, Confirmation, SealedShare, UnmaskAnswer
from protocols.secure_sum.hybrid import Pair, close
from protocols.secure_sum.recomputation import Evidence, admit_evidence, recompute
from tests.protocols.secure_sum.stage import Stage

KEY = IdentityKey(bytes([9]) * 32)


@pytest.fixture
def stage():
    """Five members; the last falls silent after sharing its keys."""
    made = Stage(5).advertise().share().mask(range(4)).confirm(range(4)).unmask(range(4))
    made.roll |= {COORDINATOR: KEY.public}
    return made


def evidence(stage, **changes):
    made = Evidence(
        config=KEY.sign(COORDINATOR, stage.config),
        ads=tuple(stage.ads),
        members=stage.ids(range(5)),
        headers=tuple(stage.headers),
        answers=tuple(stage.answers),
    )
    return replace(made, **changes)


def own(stage, i=0):
    return decode(Confirmation, stage.confirmations[i].body)


def bundles(stage):
    return [item for each in stage.bundles.values() for item in each]


def numbers(stage, made, dealt=()):
    admitted = admit_evidence(made, stage.roll, own(stage))
    parts = recompute(admitted, lambda member, index: stage.chunks[member][index], bundles=dealt)
    return np.concatenate(list(parts))


def test_it_is_the_exact_sum_of_the_survivors(stage):
    expected = sum(stage.inputs[i] >> 24 for i in range(4)) << stage.spec.blocks[0].scale_bits
    assert np.array_equal(numbers(stage, evidence(stage)), expected)


def test_in_suite_2_the_masks_of_the_lost_member_come_off_with_the_bundles():
    stage = Stage(5, suite=HYBRID).advertise().share().mask(range(4)).confirm(range(4)).unmask(range(4))
    stage.roll |= {COORDINATOR: KEY.public}
    assert np.array_equal(numbers(stage, evidence(stage), bundles(stage)), stage.expected(range(4)))
    with pytest.raises(BadShare, match="ask for them again"):
        numbers(stage, evidence(stage))
    forged = [replace(bundles(stage)[0], signature=bytes(64)), *bundles(stage)[1:]]
    with pytest.raises(BadSignature):
        numbers(stage, evidence(stage), forged)


def test_a_survivor_that_signs_two_capsules_for_the_lost_member_can_turn_a_sum_into_noise_afterwards():
    """The gap that protocols/README.md admits: capsules are signed by one member and confirmed by nobody."""
    stage = Stage(5, suite=HYBRID).advertise().share()
    state, honest = stage.states[0], bundles(stage)
    peer = next(each for each in state.peers if each.member == stage.id(4))
    pair = Pair(config=state.config, transcript=state.transcript, low=stage.id(0), high=stage.id(4))
    second = close(bytes(32), peer.mask_key, pair, stage.encapsulator(0))
    at = next(i for i, item in enumerate(honest) if decode(SealedShare, item.body).recipient == stage.id(4))
    sealed = decode(SealedShare, honest[at].body).sealed
    other = stage.forge(0, honest[at], SealedShare, sealed=sealed[: -len(second)] + second)
    stage.mask(range(4)).confirm(range(4)).unmask(range(4))
    stage.roll |= {COORDINATOR: KEY.public}
    shown = [*honest[:at], other, *honest[at + 1 :]]
    assert np.array_equal(numbers(stage, evidence(stage), honest), stage.expected(range(4)))
    assert not np.any(numbers(stage, evidence(stage), shown) == stage.expected(range(4)))


def test_another_configuration_than_the_confirmed_one_is_refused(stage):
    other = KEY.sign(COORDINATOR, replace(stage.config, audit_size=7))
    with pytest.raises(WrongTranscript):
        numbers(stage, evidence(stage, config=other))


def test_a_configuration_that_the_coordinator_did_not_sign_is_refused(stage):
    with pytest.raises(UnknownSigner):
        numbers(stage, evidence(stage, config=stage.players[0].key.sign(stage.id(0), stage.config)))


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        (lambda s: {"ads": tuple(s.ads[:4])}, WrongTranscript),
        (lambda s: {"members": s.ids(range(4))}, WrongTranscript),
        (lambda s: {"headers": tuple(s.headers[:3])}, TooFewSurvivors),
        (lambda s: {"headers": (*s.headers, s.headers[0])}, Equivocation),
        (lambda s: {"answers": tuple(s.answers[:3])}, TooFewSurvivors),
        (lambda s: {"answers": (*s.answers, s.answers[0])}, Equivocation),
        (lambda s: {"headers": (replace(s.headers[0], signature=bytes(64)), *s.headers[1:])}, BadSignature),
    ],
    ids=["ads", "U2", "U3", "header twice", "answers", "answer twice", "forged header"],
)
def test_evidence_that_is_cut_doubled_or_forged_is_refused(stage, changes, refused):
    with pytest.raises(refused):
        numbers(stage, evidence(stage, **changes(stage)))


def test_survivors_whom_this_company_did_not_confirm_are_refused():
    stage = Stage(7).advertise().share().mask(range(6)).confirm(range(6)).unmask(range(6))
    stage.roll |= {COORDINATOR: KEY.public}
    made = evidence(stage, members=stage.ids(range(7)), headers=tuple(stage.headers[:5]))
    with pytest.raises(WrongTranscript, match="survivors that this company confirmed"):
        admit_evidence(made, stage.roll, own(stage))
    with pytest.raises((WrongTranscript, WrongMembers)):  # nor do its answers fit, for who took no part
        admit_evidence(made, stage.roll)


def test_bytes_that_their_owner_did_not_sign_are_refused(stage):
    stage.chunks[stage.id(1)] = [bytes(len(stage.chunks[stage.id(1)][0]))]
    with pytest.raises(BadChunk):
        numbers(stage, evidence(stage))


def lying(stage):
    """Evidence in which member 0 opened a share of another's secret wrongly."""
    said = decode(UnmaskAnswer, stage.answers[0].body)
    wrong = tuple(
        replace(each, share=bytes(32)) if each.owner == stage.id(1) else each for each in said.self_shares
    )
    answer = stage.players[0].key.sign(stage.id(0), replace(said, self_shares=wrong))
    return evidence(stage, answers=(answer, *stage.answers[1:]))


def test_a_liar_among_the_answers_is_named_by_the_bundles_that_its_victim_signed(stage):
    with pytest.raises(BadShare, match=stage.id(0).hex()):  # four answers, four are needed, one lies
        numbers(stage, lying(stage), bundles(stage))


def test_forged_or_missing_bundles_blame_nobody(stage):
    forged = [replace(each, signature=bytes(64)) for each in bundles(stage)]
    with pytest.raises(BadSignature):
        numbers(stage, lying(stage), forged)
    with pytest.raises(BadShare, match="every member of U2"):
        numbers(stage, lying(stage), bundles(stage)[:3])
