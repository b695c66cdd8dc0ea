"""What the linear check promises, explored to its end; each guard left out once, and the attack that it stops."""

import pytest

from tests.model.linear_check import Guard, World, explore

SIZES = [(honest, colluders) for honest in (2, 3, 4) for colluders in (0, 1, 2)]


def without(*guards, honest=3, colluders=1):
    return explore(World(honest=honest, colluders=colluders, dropped=frozenset(guards)))


@pytest.mark.parametrize("honest", [2, 3, 4])
def test_a_coordinator_alone_makes_nobody_believe_a_wrong_sum(honest):
    assert not explore(World(honest=honest, colluders=0)).wrong


@pytest.mark.parametrize("honest", [2, 3, 4])
def test_one_survivor_that_helps_covers_any_wrong_sum(honest):
    assert explore(World(honest=honest, colluders=1)).wrong


@pytest.mark.parametrize(("honest", "colluders"), SIZES)
def test_no_two_members_believe_different_releases_however_many_collude(honest, colluders):
    assert not explore(World(honest=honest, colluders=colluders)).split


@pytest.mark.parametrize(("honest", "colluders"), SIZES)
def test_linear_answers_tell_nothing_but_of_the_sum_of_all_honest_answers(honest, colluders):
    assert explore(World(honest=honest, colluders=colluders)).least == honest


@pytest.mark.parametrize("guard", [Guard.ONCE, Guard.VIEW, Guard.EVERYBODY])
def test_without_this_guard_a_colluder_splits_the_members(guard):
    assert without(guard, honest=2).split


def test_a_second_answer_tells_nothing_more_as_masks_depend_on_what_is_answered():
    assert without(Guard.ONCE).least == 3


def test_a_second_answer_under_the_same_masks_would_give_a_member_away():
    assert without(Guard.ONCE, Guard.BOUND).least == 1


@pytest.mark.parametrize("guard", list(Guard))
def test_alone_a_coordinator_gains_no_wrong_sum_by_any_guard(guard):
    assert not without(guard, colluders=0).wrong


def test_whose_openings_an_answer_answers_is_said_for_attribution_the_masks_alone_keep_the_promises():
    for colluders in (0, 1):
        found = without(Guard.SAME, colluders=colluders)
        assert (found.wrong, found.split, found.least) == (colluders > 0, False, 3)
