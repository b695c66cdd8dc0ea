from dataclasses import fields
from itertools import product
from typing import get_args

import pytest

from protocols.audit import AuditEntry, TreeHead
from protocols.codec import decode, encode
from protocols.errors import AlreadyUnmasked, IllegalMove, UnknownVersion
from protocols.messages import Phase
from protocols.participation import Participation, Participations
from protocols.secure_sum import contributor
from protocols.secure_sum.collector import PHASE_TABLE, Event, next_phase
from protocols.secure_sum.linear_check import (
    Board,
    Claim,
    Commitment,
    Dispute,
    Grounds,
    LinearAnswer,
    Opening,
)
from protocols.secure_sum.linear_contributor import Armed, Opened
from protocols.secure_sum.recomputation import Evidence, Proof
from protocols.secure_sum.sealing import HeldShares
from protocols.secure_sum.states import (
    IDLE,
    TRANSITIONS,
    CheckKey,
    Closed,
    Move,
    PeerKeys,
    State,
    enter,
)
from tests.protocols.secure_sum.stage import Stage

TAGS = [IDLE, *(kind.TAG for kind in get_args(State))]
STEPS = ("advertise", "share", "mask", "confirm", "unmask")


def states_of_an_attempt():
    """Every state that member 0 goes through, in order."""
    stage = Stage(4).advertise()
    yield stage.states[0]
    stage.share()
    yield stage.states[0]
    yield contributor.begin_mask(stage.states[0], stage.config, stage.bundles_for(0), roll=stage.roll)
    for step in STEPS[2:]:
        getattr(stage, step)()
        yield stage.states[0]
    late = Stage(4).advertise()
    yield contributor.close(late.states[0])


@pytest.mark.parametrize(("state", "move"), list(product(TAGS, Move)))
def test_every_move_that_the_table_lacks_is_refused(state, move):
    if (state, move) in TRANSITIONS:
        assert enter(state, move) == TRANSITIONS[state, move]
    else:
        with pytest.raises((IllegalMove, AlreadyUnmasked), match=r"expected .* came"):
            enter(state, move)


@pytest.mark.parametrize(("phase", "event"), list(product(Phase, Event)))
def test_every_phase_change_that_the_table_lacks_is_refused(phase, event):
    if (phase, event) in PHASE_TABLE:
        assert next_phase(phase, event) is PHASE_TABLE[phase, event]
    else:
        assert phase in {Phase.RELEASED, Phase.ABORTED}
        with pytest.raises(IllegalMove):
            next_phase(phase, event)


def test_the_states_of_an_attempt_are_those_that_the_table_names():
    seen = [state.TAG for state in states_of_an_attempt()]
    walk, at = [], IDLE
    for move in (Move.ADVERTISE, Move.SHARE, Move.BEGIN_MASK, Move.SEAL_INPUT, Move.CONFIRM, Move.UNMASK):
        at = enter(at, move)
        walk.append(at)
    assert seen == [*walk, Closed.TAG]
    assert set(seen) == set(TRANSITIONS.values())


def test_every_state_survives_storage():
    for state in states_of_an_attempt():
        assert decode(type(state), encode(state)) == state


def test_a_state_is_not_read_as_another_one():
    state, other, *_ = states_of_an_attempt()
    with pytest.raises(UnknownVersion):
        decode(type(other), encode(state))


def test_no_secret_is_shown_by_a_state():
    for state in states_of_an_attempt():
        shown = repr(state)
        for secret in ("seal_secret", "mask_secret", "self_secret", "held=", "plus", "minus", "rho=", "own="):
            assert secret not in shown


def test_what_databases_hold_keeps_its_name():
    kinds = (*get_args(State), HeldShares, PeerKeys, CheckKey, Armed, Opened, Evidence, Proof, Claim)
    kinds = (*kinds, Commitment, Opening, LinearAnswer, Board, Grounds, Dispute, AuditEntry, TreeHead)
    kinds = (*kinds, Participation, Participations)
    assert " ".join(kind.TAG for kind in kinds) == (
        "advertised shared masking masked confirmed unmasked closed held-shares peer-keys check-key "
        "check-armed check-opened sum-evidence wrong-sum check-claim check-commitment check-opening "
        "check-answer check-board check-grounds check-dispute audit-entry tree-head participation participations"
    )


def test_a_check_key_does_not_show_itself():
    assert "key=" not in repr(CheckKey(member=bytes(16), key=bytes(32)))


def test_secrets_are_gone_as_soon_as_no_move_needs_them():
    names = {state.TAG: {each.name for each in fields(state)} for state in states_of_an_attempt()}
    assert names["masking"].isdisjoint({"seal_secret", "mask_secret", "self_secret"})
    assert names["masked"].isdisjoint({"plus", "minus"})
    assert names["unmasked"] == {"config", "transcript", "me", "survivors"}
    assert names["closed"] == {"config", "me"}


def test_a_closed_attempt_accepts_nothing_more():
    stage = Stage(4).advertise()
    stage.states[0] = contributor.close(stage.states[0])
    with pytest.raises(IllegalMove):
        stage.share_one(0, stage.ads)
    with pytest.raises(IllegalMove):
        contributor.close(stage.states[0])
