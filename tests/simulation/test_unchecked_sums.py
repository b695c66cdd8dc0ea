"""Real nodes and a sum of which its linear check says nothing: recomputed, or neither used nor voted on."""

import pytest

from participant import linear_desk, verification
from participant.store.checks import Checks
from participant.verdicts import Outcome
from protocols.limits import LINEAR_CHECK_S
from protocols.messages import Phase
from protocols.service.unit_of_work import reading
from protocols.vote_reasons import NOT_THE_SUM, RECOMPUTED, SIGNED_ONLY
from tests.simulation.checking import (
    add_to_the_sum,
    hand_them_over,
    keep_the_vectors_back,
    kept,
    neither_used_nor_voted_on,
    no_secret_is_left,
    others_check,
    outcomes,
    pass_the_deadline,
    verdicts,
    votes,
)

pytestmark = pytest.mark.timeout(600)


def test_a_sum_of_which_a_survivor_never_confirmed_has_no_check_and_is_recomputed(world):
    world.rig.by_name("Galene").mute = {Phase.CHECK, Phase.UNMASK}
    release = world.release(deadlines=True)
    world.nodes_turn(2)
    assert outcomes(world) == [Outcome.VERIFIED] * 2
    assert votes(world, release) == [(True, RECOMPUTED)] * 2


def test_a_sum_without_a_check_whose_vectors_are_kept_back_is_not_used_however_long_that_lasts(world):
    world.rig.by_name("Galene").mute = {Phase.CHECK, Phase.UNMASK}
    release = world.release(deadlines=True)
    keep_the_vectors_back(world)
    world.nodes_turn(2)
    for _ in range(3):
        neither_used_nor_voted_on(world, release)
        pass_the_deadline(world)
    hand_them_over(world)
    pass_the_deadline(world)
    assert votes(world, release) == [(True, RECOMPUTED)] * 2
    assert [kept(node) for node in world.nodes.values()] == [[release]] * 2


def test_numbers_too_large_for_a_linear_function_are_recomputed(released, monkeypatch):
    world, release = released
    monkeypatch.setattr(linear_desk, "binds", lambda _answer, _survivors: False)
    world.nodes_turn(2)
    assert outcomes(world) == [Outcome.VERIFIED] * 2
    assert votes(world, release) == [(True, RECOMPUTED)] * 2


def test_after_the_silence_of_one_member_the_sum_is_recomputed(released):
    world, release = released
    others_check(world, release, silent=("Galene",))
    assert [kept(node) for node in world.nodes.values()] == [[], []]
    pass_the_deadline(world)
    assert outcomes(world) == [Outcome.VERIFIED] * 2
    assert votes(world, release) == [(True, RECOMPUTED)] * 2
    no_secret_is_left(world)


def test_after_silence_a_sum_too_large_to_be_recomputed_unasked_waits_for_the_officer(released, monkeypatch):
    world, release = released
    monkeypatch.setattr(verification, "RECOMPUTED_AFTER_BYTES", 0)
    others_check(world, release, silent=("Galene",))
    pass_the_deadline(world)
    assert all("no complete set of openings" in verdict.reason for verdict in verdicts(world))
    neither_used_nor_voted_on(world, release)
    no_secret_is_left(world)
    node = world.nodes["Ceres"]
    fetched = []
    world.callers["Ceres"].lies.append(lambda _method, path, _body: fetched.append(path))
    pass_the_deadline(world)
    assert fetched
    assert not any(path.endswith("/payload") for path in fetched)
    assert node.releases.verify(1).outcome is Outcome.VERIFIED
    world.nodes_turn(2)
    assert votes(world, release) == [(True, RECOMPUTED)]
    assert kept(node) == [release]
    again = world.restart("Dione")
    object.__setattr__(again.verification._policy, "accept_unrecomputed", True)
    again.exchange.turn()
    assert kept(again) == [release]
    assert votes(world, release) == [(True, RECOMPUTED), (True, SIGNED_ONLY)]


def test_a_node_that_was_stopped_until_the_deadline_says_nothing_and_keeps_no_secret(released):
    world, release = released
    node = world.nodes["Ceres"]
    node.door.switch.stop()
    others_check(world, release)
    assert len(list((node.home.root / "secrets").iterdir())) == 1
    world.rig.clock.advance(LINEAR_CHECK_S + 120)
    world.nodes_turn()
    assert not any("/check/" in path for path, _ in world.callers["Ceres"].sent)
    (verdict,) = node.verification.verdicts.all()
    assert verdict.outcome is Outcome.VERIFIED  # recomputed, in which it says nothing
    assert list((node.home.root / "secrets").iterdir()) == []
    node.door.switch.release()
    world.nodes_turn(2)
    assert not any("/check/" in path for path, _ in world.callers["Ceres"].sent)
    assert votes(world, release) == [(True, RECOMPUTED)] * 2
    no_secret_is_left(world)


def test_a_coordinator_that_keeps_back_the_answers_and_the_vectors_gets_no_sum_used(world, monkeypatch):
    add_to_the_sum(world, monkeypatch)
    boards = type(world.rig.services.checks)
    monkeypatch.setattr(boards, "answers", lambda _self, _release: ())
    release = world.release()
    keep_the_vectors_back(world)
    others_check(world, release)
    assert [node.verification.verdicts.all() for node in world.nodes.values()] == [(), ()]
    pass_the_deadline(world)
    neither_used_nor_voted_on(world, release)


def test_a_coordinator_that_keeps_back_only_the_answers_is_proved_wrong_by_the_vectors(world, monkeypatch):
    add_to_the_sum(world, monkeypatch)
    boards = type(world.rig.services.checks)
    monkeypatch.setattr(boards, "answers", lambda _self, _release: ())
    release = world.release()
    others_check(world, release)
    pass_the_deadline(world)
    assert outcomes(world) == [Outcome.WRONG] * 2
    assert votes(world, release) == [(False, NOT_THE_SUM)] * 2
    assert [kept(node) for node in world.nodes.values()] == [[], []]


def test_a_coordinator_that_publishes_nothing_is_named_and_the_secrets_go_after_the_deadline(world):
    world.release(publish=False)
    world.nodes_turn()
    node = world.nodes["Ceres"]
    with reading(node.db) as connection:
        assert len(Checks(connection).all()) == 1
    assert len(list((node.home.root / "secrets").iterdir())) == 1
    pass_the_deadline(world)
    assert node.verification.unreleased() == ((1, 1),)
    no_secret_is_left(world)
