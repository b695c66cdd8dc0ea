"""Attacks of the coordinator with members: they fail up to the boundary, and beyond it they must succeed."""

from dataclasses import replace

import numpy as np
import pytest

from protocols.codec import decode
from protocols.errors import BadSignature, TooFewSurvivors, WrongTranscript
from protocols.identity import IdentityKey
from protocols.messages import Advertisement, InputHeader
from tests.protocols.secure_sum.stage import Stage


def one_sum(stage, masked, honest, colluders):
    """The sum over ``honest`` and ``colluders``, who keep a copy of their states and step as often as they like."""
    kept = {i: stage.states[i] for i in colluders}
    stage.headers = [masked[i] for i in sorted((*honest, *colluders))]
    stage.confirmations = [stage.confirm_one(i, stage.headers) for i in (*honest, *colluders)]
    stage.answers = [stage.unmask_one(i, stage.confirmations) for i in (*honest, *colluders)]
    stage.states.update(kept)
    return stage.total()


def masked(n):
    """A stage on which all have sent their vectors, and the headers of these."""
    stage = Stage(n).advertise().share().mask()
    return stage, stage.headers


def test_two_colluders_of_four_get_two_sums_and_with_them_one_companys_answer():
    """n = 4, t = 3, c = 2: 2t > n + c does not hold, so a node refuses such a round."""
    stage, headers = masked(4)
    left = one_sum(stage, headers, honest=(0,), colluders=(2, 3))
    right = one_sum(stage, headers, honest=(1,), colluders=(2, 3))
    assert np.array_equal(left, stage.expected((0, 2, 3)))
    assert np.array_equal(right, stage.expected((1, 2, 3)))
    assert np.array_equal(left - stage.expected((2, 3)), stage.expected((0,)))


def test_one_colluder_of_four_gets_one_sum():
    """The same attack with c = 1: whoever confirmed the first set confirms no other, and two are too few."""
    stage, headers = masked(4)
    one_sum(stage, headers, honest=(0, 1), colluders=(3,))
    confirmations = [stage.confirm_one(i, headers[1:]) for i in (2, 3)]
    with pytest.raises(TooFewSurvivors):
        stage.unmask_one(2, confirmations)


def test_three_companies_have_one_sum_even_with_two_colluders_but_it_shows_the_third():
    stage, headers = masked(3)
    total = one_sum(stage, headers, honest=(0,), colluders=(1, 2))
    assert np.array_equal(total - stage.expected((1, 2)), stage.expected((0,)))


def test_two_vectors_of_one_member_shown_to_different_members_unmask_nothing():
    """A colluder signs two headers; each half of the members is shown another one."""
    stage, headers = masked(4)
    other = stage.forge(3, headers[3], InputHeader, chunk_hashes=(bytes(32),))
    left = [stage.confirm_one(i, headers) for i in (0, 1)]
    right = [stage.confirm_one(2, [*headers[:3], other])]
    for i in (0, 2):
        with pytest.raises(WrongTranscript):
            stage.unmask_one(i, left + right)


def test_keys_that_the_coordinator_puts_in_a_members_place_are_refused():
    stage = Stage(4).advertise()
    intruder = IdentityKey(bytes(32))
    keys = decode(Advertisement, stage.ads[3].body)
    own = replace(keys, seal_key=keys.mask_key, mask_key=keys.seal_key)
    stage.ads[3] = intruder.sign(stage.id(3), own)
    with pytest.raises(BadSignature):
        stage.share_one(0, stage.ads)
