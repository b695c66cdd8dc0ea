import json
from dataclasses import replace
from random import Random

import pytest

from protocols.errors import AltroveError
from tests.model import table
from tests.model.attempts import attempts, interleaved
from tests.model.claims import CLAIMS
from tests.model.knowledge import revealed
from tests.model.party import Cohort, Guard, Local, World, moves
from tests.model.replay import Attempt, replay
from tests.model.rounds import Step, explore

QUICK = [claim for claim in CLAIMS if claim.quick]
THREE = Cohort(members=0b111, threshold=3, minimum=3)
FOUR = Cohort(members=0b1111, threshold=3, minimum=3)


@pytest.mark.parametrize("claim", QUICK, ids=lambda claim: claim.name)
def test_an_attack_comes_out_exactly_where_it_is_claimed(claim):
    found = explore(claim.world, claim.cohorts, one_sum=claim.one_sum)
    assert bool(found.attack) == claim.attack
    if not claim.attack and claim.one_sum:
        assert found.sums == 1
        assert found.least >= found.promised


@pytest.mark.parametrize(
    ("world", "cohort"),
    [
        (World(honest=3, colluders=0), THREE),
        (World(honest=2, colluders=1), THREE),
        (World(honest=2, colluders=1, restored=True), THREE),
        (World(honest=2, colluders=2), FOUR),
    ],
)
def test_steps_in_any_order_end_as_steps_phase_by_phase_do(world, cohort):
    bound = (0,) * world.honest
    assert attempts(world, cohort, bound)[0] == interleaved(world, cohort, bound)


def test_two_colluders_of_four_get_two_sums_from_the_real_machines_too():
    world = World(honest=2, colluders=2)
    found = explore(world, [FOUR])
    assert list(replay(world, found.attack)) == [((1, 0), True), ((0, 1), True)]


def test_what_the_model_reaches_without_the_binding_the_real_machines_refuse():
    world = World(honest=3, colluders=1, dropped=frozenset({Guard.ONCE}))
    found = explore(world, [FOUR])
    assert len(found.attack) == 2
    with pytest.raises(AltroveError, match="companies of the first unmasking"):
        list(replay(world, found.attack))


def test_from_seven_members_on_it_is_the_confirmations_that_keep_a_sum_large():
    """Each of five is told of two other dropouts: three votes open a secret, and a sum of two is left."""
    everybody, cohort = 0b1111111, Cohort(members=0b1111111, threshold=5, minimum=3)
    gone = (0b01100, 0b10100, 0b11000, 0b10100, 0b01100)
    state = tuple(Local(everybody, 0, everybody, everybody & ~each) for each in gone)
    world = World(honest=5, colluders=2)
    without = replace(world, dropped=frozenset({Guard.CONSISTENCY}))
    for at in range(5):
        assert not list(moves(world, cohort, (0,) * 5, state, at))
        assert list(moves(without, cohort, (0,) * 5, state, at)) == [state[at]._replace(opened=True)]
    opened = tuple(local._replace(opened=True) for local in state)
    assert revealed(without, cohort, opened) == ((1, 1, 0, 0, 0),)


def accepted(attempt, state, at, move):
    """Whether the real machine of member ``at`` takes the step to ``move`` from ``state``."""
    attempt.step = Step(cohort=FOUR, state=state)
    try:
        if move.opened:
            attempt.unmasked(at, move, ())
        elif move.u3:
            attempt.once(attempt.confirmed, at, move)
        elif move.u2:
            attempt.once(attempt.masking, at, move.transcript, move.u2)
        else:
            attempt.once(attempt.shared, at, move.transcript)
    except AltroveError:
        return False
    return True


def proposed(rng, world, local, me):
    """A next step of a machine, allowed or not; U2 are those whose bundles come, and the machine itself."""
    some = rng.randrange(1 << world.n) | rng.randrange(1 << world.n)
    if not local.u1:
        return Local(some or 1)
    if not local.u2:
        return local._replace(u2=some & local.u1 | 1 << me)
    if not local.u3:
        return local._replace(u3=some & local.u2 or local.u2)
    return local._replace(opened=True)


def test_the_model_lets_a_machine_step_exactly_where_the_real_one_does():
    rng, world, seen = Random(2017), World(honest=3, colluders=1), set()
    attempt = Attempt(world, Step(cohort=FOUR, state=()), 1)
    for _ in range(40):
        state = (Local(),) * 3
        for _ in range(14):
            at = rng.randrange(3)
            legal = list(moves(world, FOUR, (0,) * 3, state, at))
            move = rng.choice(legal) if legal and rng.random() < 0.7 else proposed(rng, world, state[at], at)
            if state[at].opened or not _deliverable(world, state, move):
                continue
            assert accepted(attempt, state, at, move) == (move in legal), (state, at, move)
            seen.add((bool(move.u2) + bool(move.u3) + move.opened, move in legal))
            if move in legal:
                state = (*state[:at], move, *state[at + 1 :])
    assert seen == {(phase, verdict) for phase in range(4) for verdict in (True, False)}


def _deliverable(world, state, move):
    """Whether every honest message of the step exists: the adversary can show nothing else."""
    depth, members = (3, move.u3) if move.u3 else (2, move.u2) if move.u2 else (0, 0)
    return not depth or all(state[i][:depth] == move[:depth] for i in range(world.honest) if members >> i & 1)


def test_the_table_is_that_of_the_figures():
    figures = json.loads(table.RESULT.read_text())
    assert table.RESULT.with_suffix(".md").read_text() == table.table(figures)
    explored = [one["claim"] for one in figures["claims"]]
    assert [*explored, *figures["not_explored"]] == [claim.name for claim in CLAIMS]


def test_a_claim_that_came_out_otherwise_stands_out_in_the_table():
    figures = json.loads(table.RESULT.read_text())
    wrong = replace(CLAIMS[0], attack=True)
    figures["claims"][0]["attack_expected"] = wrong.attack
    assert "not as claimed" in table.table(figures)
