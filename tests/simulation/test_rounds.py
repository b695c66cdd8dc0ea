"""Whole rounds against the coordinator's real apps: sums, dropouts, restarts."""

from dataclasses import replace

import numpy as np
import pytest
from cryptography.hazmat.backends.openssl.backend import backend

from coordinator.audit.verification import verify
from protocols.codec import decode
from protocols.errors import SuiteUnavailable
from protocols.messages import HYBRID, PHASES, Phase, UnmaskAnswer
from tests.simulation.rig import NAMES, Rig, expected_gram, founded


@pytest.fixture
def rig(tmp_path):
    made = founded(tmp_path / "home")
    yield made
    made.close()


def problems(rig):
    services = rig.services
    checks = verify(services.db, services.consortium, services.spool, services.payloads)
    return [check for check in checks if check.problem]


def test_five_members_get_the_exact_sum_and_everything_recomputes(rig):
    number = rig.ask()
    view = rig.play(number)
    assert view.round.state == "released"
    assert np.array_equal(rig.total(number), expected_gram(rig.members))
    assert problems(rig) == []


@pytest.mark.parametrize("phase", PHASES)
def test_a_member_silent_from_a_phase_on_leaves_an_exact_sum_of_the_others(rig, phase):
    silent = rig.by_name("Elara")
    silent.mute = set(PHASES[PHASES.index(phase) :])
    number = rig.ask()
    view = rig.play(number)
    assert view.round.state == "released"
    assert len(view.attempts) == 1
    in_sum = [m for m in rig.members if m is not silent or phase in (Phase.CHECK, Phase.UNMASK)]
    assert np.array_equal(rig.total(number), expected_gram(in_sum))
    assert problems(rig) == []


def test_in_suite_2_a_lost_member_and_a_killed_coordinator_change_nothing(rig):
    silent = rig.by_name("Ceres")
    silent.mute = {Phase.MASK, Phase.CHECK, Phase.UNMASK}
    number = rig.ask(suite=HYBRID)
    view = rig.play(number, restart_each_turn=True)
    assert (view.round.state, len(view.attempts)) == ("released", 1)
    assert {attempt.attempt.config.suite for attempt in view.attempts} == {HYBRID}
    assert np.array_equal(rig.total(number), expected_gram([m for m in rig.members if m is not silent]))
    assert problems(rig) == []


def test_a_coordinator_without_ml_kem_asks_nothing_in_suite_2(rig, monkeypatch):
    monkeypatch.setattr(type(backend), "mlkem_supported", lambda _: False)
    with pytest.raises(SuiteUnavailable):
        rig.ask(suite=HYBRID)
    assert rig.play(rig.ask()).round.state == "released"


def test_a_header_without_its_bytes_is_not_in_the_sum(rig):
    rig.by_name("Dione").withholds_bytes = True
    number = rig.ask()
    view = rig.play(number)
    assert len(view.newest.attempt.u3) == 4
    assert np.array_equal(rig.total(number), expected_gram([m for m in rig.members if m.name != "Dione"]))


def test_the_coordinator_may_be_killed_between_all_phases(rig):
    number = rig.ask()
    view = rig.play(number, restart_each_turn=True)
    assert view.round.state == "released"
    assert len(view.attempts) == 1
    assert np.array_equal(rig.total(number), expected_gram(rig.members))
    assert all(member.unmasked == [(1, 1)] for member in rig.members)
    assert problems(rig) == []


def test_too_few_members_abort_with_cause_and_names_and_the_retry_completes(rig):
    for name in ("Dione", "Elara"):
        rig.by_name(name).mute = {Phase.SHARE}
    number = rig.ask(retries=1)
    rig.turn()
    rig.turn()
    rig.pass_deadline()
    first = rig.view(number).attempts[0].attempt
    assert (first.phase, first.cause) == (Phase.ABORTED, "too-few-survivors")
    assert "Dione" in first.reason
    assert "Elara" in first.reason
    assert first.next_step == "attempt 2 has started by itself"
    for member in rig.members:
        member.mute = set()
    view = rig.play(number)
    assert view.round.state == "released"
    configs = [each.attempt.config for each in view.attempts]
    assert configs[0].answer_id == configs[1].answer_id
    assert configs[0].deadlines != configs[1].deadlines
    assert np.array_equal(rig.total(number), expected_gram(rig.members))
    assert problems(rig) == []


def test_a_round_without_retries_left_fails_and_says_what_to_do(rig):
    for name in NAMES[:3]:
        rig.by_name(name).mute = set(PHASES)
    view = rig.play(rig.ask(retries=0))
    assert view.round.state == "failed"
    assert view.newest.attempt.next_step.startswith("check the nodes of Ceres, Dione, Elara")


def test_a_daemon_that_was_down_past_a_deadline_closes_the_phase_with_whoever_is_in(rig):
    number = rig.ask()
    rig.turn()
    rig.by_name("Galene").mute = {Phase.SHARE}
    rig.turn()
    rig.clock.advance(25)
    rig.restart()
    rig.drive()
    assert rig.view(number).newest.attempt.phase is Phase.MASK
    assert len(rig.view(number).newest.attempt.u2) == 4


def test_a_daemon_that_was_down_past_two_deadlines_starts_the_next_attempt(rig):
    number = rig.ask()
    rig.turn()
    rig.clock.advance(60)
    rig.restart()
    rig.drive()
    first, second = rig.view(number).attempts
    assert (first.attempt.cause, second.attempt.phase) == ("too-few-survivors", Phase.ADVERTISE)
    assert rig.play(number).round.state == "released"


def test_the_sum_is_resumed_when_the_daemon_dies_before_it_is_released(rig):
    number = rig.ask()
    for _ in range(4):
        rig.turn()
    for member in rig.members:
        member.poll()
    assert rig.view(number).newest.attempt.phase is Phase.UNMASK
    rig.restart()
    rig.drive()
    assert rig.view(number).round.state == "released"
    assert np.array_equal(rig.total(number), expected_gram(rig.members))
    rig.restart()
    rig.drive()
    assert len(rig.services.library.releases()) == 1


def test_a_vector_of_many_chunks_streams_through_the_spool(tmp_path):
    concepts = [f"C{i:04d}" for i in range(1100)]  # 605,550 cells: 2.4 MB in three chunks
    rig = Rig(tmp_path / "home", NAMES[:4], concepts=concepts)
    rng = np.random.default_rng(5)
    for member in rig.members:
        member.answer = rng.integers(0, 90, 1100 * 1101 // 2) << 24
    number = rig.ask()
    assert rig.play(number).round.state == "released"
    assert np.array_equal(rig.total(number), expected_gram(rig.members, 1100))
    rig.close()


def test_who_opens_a_wrong_share_is_named_from_the_stored_bundles_and_the_sum_is_exact(rig):
    liar = rig.by_name("Dione")
    honest = liar.answer_to

    def lying(given):
        (sent,) = honest(given)
        if given.phase != Phase.UNMASK:
            return (sent,)
        answer = decode(UnmaskAnswer, sent.items[0].body)
        shares = tuple(
            replace(each, share=bytes(32)) if each.owner != liar.id else each for each in answer.self_shares
        )
        return (replace(sent, items=(liar.key.sign(liar.id, replace(answer, self_shares=shares)),)),)

    liar.answer_to = lying
    view = rig.play(rig.ask())
    assert view.round.state == "released"
    assert view.newest.attempt.blamed == (liar.id,)
    assert np.array_equal(rig.total(1), expected_gram(rig.members))
