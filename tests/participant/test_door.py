"""The door refuses: STOP, other questions, other survivors, full disks, broken signatures."""

import errno
from dataclasses import replace

import pytest

from participant.errors import AnswerVoided, NotInCohort
from participant.home import Home
from participant.switch import StopSwitch
from protocols.errors import (
    AlreadyUnmasked,
    BadSignature,
    BelowMinimumCohort,
    DifferencingRefused,
    Equivocation,
    QuestionNotAllowed,
    ReplayedRound,
    Stopped,
)
from protocols.identity import COORDINATOR, IdentityKey
from protocols.messages import Phase
from protocols.service import durable
from protocols.service.errors import StorageFull
from protocols.service.unit_of_work import transaction
from tests.participant.door_play import POLICY, Play


@pytest.fixture
def play(tmp_path):
    return Play(tmp_path / "home")


def until(play, attempt, phase):
    while attempt.phase is not phase:
        play.peers_act(attempt)
        play.door_acts(attempt)


@pytest.mark.parametrize("content", [None, b"", b"open\n", b"Open", b"stopped", b"openopen"])
def test_anything_but_exactly_open_is_stopped(tmp_path, content):
    path = tmp_path / "door.state"
    if content is not None:
        path.write_bytes(content)
    assert not StopSwitch(path).is_open()
    path.write_bytes(b"open")
    assert StopSwitch(path).is_open()


def test_stop_works_on_a_full_disk(tmp_path, monkeypatch):
    path = tmp_path / "door.state"
    path.write_bytes(b"open")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(durable, "sync", full)
    StopSwitch(path).stop()
    assert not StopSwitch(path).is_open()


def test_stop_is_on_disk_before_the_reason_is_written(tmp_path, monkeypatch):
    path, seen = tmp_path / "door.state", []
    path.write_bytes(b"open")
    monkeypatch.setattr(durable, "sync_folder", lambda folder: seen.append((folder, path.exists())))
    monkeypatch.setattr(durable, "write", lambda *_: seen.append("written"))
    StopSwitch(path).stop()
    assert seen == [(tmp_path, False), "written"]


def test_a_home_that_others_may_read_is_closed_to_them(tmp_path):
    home = Home(root=tmp_path / "home")
    for folder in (home.root, home.vectors):
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
    home.make()
    folders = [home.root, *(path for path in home.root.iterdir() if path.is_dir())]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}


@pytest.mark.parametrize("phase", list(Phase)[:5])
def test_stop_holds_in_every_phase(play, phase):
    attempt = play.ask()
    until(play, attempt, phase)
    play.door.switch.stop()
    with pytest.raises(Stopped):
        play.door_acts(attempt)
    play.door.switch.release()
    play.finish(attempt)
    assert attempt.phase is Phase.RELEASED


def test_stop_cuts_a_vector_that_is_being_carried(play, monkeypatch):
    attempt = play.ask()
    until(play, attempt, Phase.CHECK)
    monkeypatch.setattr("participant.door.carrying.READ_BYTES", 8)
    chunks = play.door.piece(1, 1).read()
    next(chunks)
    play.door.switch.stop()
    with pytest.raises(Stopped):
        next(chunks)


def test_another_input_for_a_phase_that_was_answered_is_refused(play):
    attempt = play.ask()
    until(play, attempt, Phase.SHARE)
    play.peers_act(attempt)
    given = play.given(attempt)
    first = play.door.answer(given)
    assert play.door.answer(replace(given, items=given.items[::-1])) == first
    with pytest.raises(Equivocation):
        play.door.answer(replace(given, items=given.items[:-1]))


def test_an_answer_is_never_unmasked_for_a_second_set(play):
    first = play.ask()
    play.finish(first)
    again = play.ask()  # the same question, epoch and cohort under another round number
    for phase in (Phase.ADVERTISE, Phase.SHARE):
        assert again.phase is phase
        play.peers_act(again)
        play.door_acts(again)
    play.peers_act(again, without=frozenset({2}))
    play.door_acts(again)
    play.coordinator.close(again)
    with pytest.raises(AlreadyUnmasked):
        play.door_acts(again)


def test_a_lost_sealed_vector_is_never_recomputed(play):
    attempt = play.ask()
    until(play, attempt, Phase.MASK)
    play.door.seal(1, 1, play.own, at_cap=play.at_cap)
    next((play.root / "vectors").glob("*.sealed")).unlink()
    with pytest.raises(AnswerVoided):
        play.door_acts(attempt)


def test_a_voided_answer_stays_closed_for_later_rounds(play):
    attempt = play.ask()
    until(play, attempt, Phase.MASK)
    withdrawal = play.door.withdrawal("test")
    with transaction(play.door._db) as connection:
        withdrawal.close(connection)
    withdrawal.erase()
    assert [closed.answer_id for closed in withdrawal.closed] == [attempt.config.answer_id]
    with pytest.raises(AnswerVoided):
        play.door_acts(play.ask())


def test_a_retry_that_changes_the_question_is_refused(play):
    attempt = play.ask()
    until(play, attempt, Phase.SHARE)
    second = play.coordinator.retry(attempt, minimum_cohort=4)
    with pytest.raises(ReplayedRound):
        play.door_acts(second)


def test_an_accepted_retry_closes_the_attempt_before_it(play):
    first = play.ask()
    until(play, first, Phase.MASK)
    second = play.coordinator.retry(first)
    play.finish(second)
    assert second.phase is Phase.RELEASED
    keys = list((play.root / "secrets").iterdir())
    assert keys == []


def test_a_configuration_of_another_coordinator_is_refused(play):
    attempt = play.ask()
    attempt.signed = IdentityKey(bytes(range(32))).sign(COORDINATOR, attempt.config)
    with pytest.raises(BadSignature):
        play.door_acts(attempt)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda c: {"cohort": c.cohort[::-1]}, NotInCohort),
        (
            lambda c: {"answer": replace(c.answer, blocks=(replace(c.answer.blocks[0], scale_bits=4),))},
            QuestionNotAllowed,
        ),
    ],
)
def test_a_configuration_that_is_not_what_was_agreed_is_refused(play, change, error):
    attempt = play.ask()
    attempt.config = replace(attempt.config, **change(attempt.config))
    attempt.signed = play.coordinator.key.sign(COORDINATOR, attempt.config)
    with pytest.raises(error):
        play.door_acts(attempt)


def test_the_minimum_cohort_of_the_policy_is_a_floor(tmp_path):
    play = Play(tmp_path / "home", policy=replace(POLICY, minimum_cohort=4))
    with pytest.raises(BelowMinimumCohort):
        play.door_acts(play.ask())


def test_survivors_that_differ_by_one_company_are_refused_unless_accepted_by_name(tmp_path):
    play = Play(tmp_path / "home", policy=replace(POLICY, accept_company_differencing=False))
    play.finish(play.ask())
    second = play.ask(epoch="e2")
    for _ in range(2):
        play.peers_act(second)
        play.door_acts(second)
    play.peers_act(second, without=frozenset({2}))
    play.door_acts(second)
    play.coordinator.close(second)
    with pytest.raises(DifferencingRefused):
        play.door_acts(second)


def test_a_full_disk_leaves_nothing_half_written_and_the_round_goes_on_afterwards(play, monkeypatch):
    attempt = play.ask()
    until(play, attempt, Phase.MASK)
    sync = durable.sync

    def full(descriptor):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(durable, "sync", full)
    with pytest.raises(StorageFull):
        play.door_acts(attempt)
    assert list((play.root / "vectors").iterdir()) == []
    monkeypatch.setattr(durable, "sync", sync)
    play.finish(attempt)
    assert attempt.phase is Phase.RELEASED


def test_secrets_lie_under_a_key_outside_the_database_and_go_with_it(play):
    attempt = play.ask()
    until(play, attempt, Phase.CHECK)
    (key,) = (play.root / "secrets").iterdir()
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_bytes() not in (play.root / "node.db").read_bytes()
    play.finish(attempt)
    assert not key.exists()
