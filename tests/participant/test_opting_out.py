"""An opt-out closes what has not been unmasked, whether the daemon runs or not."""

import sys
import threading
from contextlib import suppress

import numpy as np
import pytest
from typer.testing import CliRunner

from participant.cli import app as cli
from participant.door import Carriage
from participant.errors import AnswerVoided
from participant.opting_out import opt_out
from participant.store.records import UnknownCustomer
from participant.store.sealed_answers import SealedAnswers
from protocols.errors import IllegalMove
from protocols.messages import Phase
from protocols.service.unit_of_work import reading
from tests.participant import asked
from tests.participant.test_exchange import plain_sum, released_sum, turn_all


@pytest.fixture
def four(start_four):
    return start_four()[:2]


def leave(node, customer="c0"):
    return opt_out(customer, db=node.db, records=node.records, door=node.door)


def until(coordinator, made, attempt, phase):
    for _ in range(8):
        if attempt.phase is phase:
            return
        for node in made:
            node.exchange.turn()
    raise AssertionError(attempt.phase)


def vectors(node):
    return sorted(path.suffix for path in (node.home.root / "vectors").iterdir())


def test_an_answer_that_was_only_sealed_is_closed_and_the_customer_is_absent_from_the_next_epoch(four):
    coordinator, made = four
    first = coordinator.ask(asked.taste(4))
    until(coordinator, made[1:], first, Phase.ADVERTISE)
    made[0].exchange.turn()
    node, config = made[0], first.config
    node.exchange._preparation.finish(config, asked.WORDS)
    before = plain_sum(first, made)
    assert vectors(node) == [".sealed"]
    (closed,) = leave(node).closed
    assert (closed.answer_id, closed.questions, closed.rounds) == (config.answer_id, ("taste",), ())
    assert vectors(node) == []
    turn_all(made, 2)
    coordinator.close(first)  # the others' deadline: they go on without it
    turn_all(made)
    assert first.phase is Phase.RELEASED
    np.testing.assert_array_equal(released_sum(coordinator), plain_sum(first, made[1:]))
    again = coordinator.ask(asked.taste(4))
    turn_all(made, 1)
    assert (Phase.ADVERTISE, node.member.partner) not in again.messages
    assert node.exchange.refusals()[0].code == "answer-voided"
    coordinator.abort(again, "enough")
    second = coordinator.ask(asked.taste(4, epoch="2023-q4"))
    turn_all(made)
    assert second.phase is Phase.RELEASED
    np.testing.assert_array_equal(released_sum(coordinator), plain_sum(second, made))
    assert not np.array_equal(plain_sum(second, made), before)


@pytest.mark.parametrize("phase", [Phase.SHARE, Phase.MASK, Phase.CHECK, Phase.UNMASK])
def test_in_every_phase_before_the_unmasking_the_round_goes_on_without_this_company(four, phase):
    coordinator, made = four
    attempt = coordinator.ask(asked.taste(4))
    until(coordinator, made, attempt, phase)
    node = made[0]
    (closed,) = leave(node).closed
    handed = phase in (Phase.CHECK, Phase.UNMASK)
    assert closed.rounds == ((1,) if handed else ())
    assert vectors(node) == []
    assert list((node.home.root / "secrets").iterdir()) == []
    assert node.door.carriage(1, 1) is Carriage.CLOSED
    for _ in range(8):
        turn_all(made, 1)
        others = [m for m in attempt.expected if m != node.member.partner]
        if attempt.phase is not Phase.RELEASED and all(
            (attempt.phase, m) in attempt.messages for m in others
        ):
            coordinator.close(attempt)
    assert attempt.phase is Phase.RELEASED
    assert (Phase.UNMASK, node.member.partner) not in attempt.messages


def test_an_answer_that_was_unmasked_stays_and_is_named_as_one_that_contains_the_customer(four):
    coordinator, made = four
    coordinator.ask(asked.taste(4))
    turn_all(made)
    receipt = leave(made[0])
    assert (receipt.closed, receipt.rounds) == ((), (1,))


def test_a_sum_that_the_others_completed_after_an_opt_out_is_on_every_later_receipt(four):
    coordinator, made = four
    attempt = coordinator.ask(asked.taste(4))
    until(coordinator, made, attempt, Phase.CHECK)
    node, whole = made[0], plain_sum(attempt, made)
    first = leave(node, "c0")
    assert (first.closed[0].rounds, first.rounds) == ((1,), (1,))
    for _ in range(8):
        turn_all(made, 1)
        others = [m for m in attempt.expected if m != node.member.partner]
        if attempt.phase is not Phase.RELEASED and all(
            (attempt.phase, m) in attempt.messages for m in others
        ):
            coordinator.close(attempt)
    np.testing.assert_array_equal(released_sum(coordinator), whole)
    turn_all(made, 2)
    second = leave(node, "c1")
    assert (second.closed, second.rounds) == ((), (1,))
    assert [each.round for each in node.eraser.erase("c0").contained] == [1]


@pytest.mark.parametrize("paused", ["participant.preparation.fill_all", "protocols.ring.encode_parts"])
def test_an_answer_that_is_being_filled_in_or_sealed_is_dropped(four, monkeypatch, paused):
    coordinator, made = four
    node, reached, go_on = made[0], threading.Event(), threading.Event()
    module, name = paused.rsplit(".", 1)
    act = getattr(sys.modules[module], name)

    def slowly(*given):
        done = act(*given)  # of encode_parts: the generator, before its first part
        reached.set()
        assert go_on.wait(20)
        return done

    attempt = coordinator.ask(asked.taste(4))
    with monkeypatch.context() as patched:
        patched.setattr(paused, slowly)
        node.exchange.turn()
        assert reached.wait(20)
        (closed,) = leave(node).closed
        go_on.set()
        with suppress(AnswerVoided):
            node.exchange._preparation.finish(attempt.config, asked.WORDS)
    assert closed.answer_id == attempt.config.answer_id
    assert vectors(node) == []
    with reading(node.db) as connection:
        assert SealedAnswers(connection).find(attempt.config.answer_id).voided


def test_an_answer_that_is_being_filled_in_for_an_attempt_that_has_ended_is_closed_too(four, monkeypatch):
    coordinator, made = four
    node, reached, go_on = made[0], threading.Event(), threading.Event()
    module = sys.modules["participant.preparation"]
    fill = module.fill_all

    def slowly(*given):
        filled = fill(*given)
        reached.set()
        assert go_on.wait(60)
        return filled

    attempt = coordinator.ask(asked.taste(4))
    with monkeypatch.context() as patched:
        patched.setattr(module, "fill_all", slowly)
        node.exchange.turn()
        assert reached.wait(60)
        coordinator.abort(attempt, "too late")
        turn_all([node], 2)
        receipt = leave(node)
        go_on.set()
        with suppress(AnswerVoided, IllegalMove):
            node.exchange._preparation._running[attempt.config.answer_id].result()
    assert [closed.answer_id for closed in receipt.closed] == [attempt.config.answer_id]
    with reading(node.db) as connection:
        assert SealedAnswers(connection).find(attempt.config.answer_id).voided
    assert vectors(node) == []


def test_a_vector_that_is_being_carried_is_cut(four, monkeypatch):
    coordinator, made = four
    attempt = coordinator.ask(asked.taste(4))
    until(coordinator, made, attempt, Phase.CHECK)
    monkeypatch.setattr("participant.door.carrying.READ_BYTES", 8)
    chunks = made[0].door.piece(1, 1).read()
    next(chunks)
    leave(made[0])
    with pytest.raises(IllegalMove):
        next(chunks)


def test_files_that_a_crash_left_behind_go_at_the_next_start(four):
    coordinator, made = four
    attempt = coordinator.ask(asked.taste(4))
    until(coordinator, made, attempt, Phase.CHECK)
    node = made[0]
    withdrawal = node.door.withdrawal("test")
    node.records.opt_out("c0", before_commit=withdrawal.close)
    (node.home.root / "vectors" / "x.sealed.partial").write_bytes(b"half")
    assert vectors(node) == [".masked", ".partial", ".sealed"]
    node.door.recover()
    assert vectors(node) == []
    made[1].door.recover()
    assert vectors(made[1]) == [".masked", ".sealed"]


def test_an_unknown_customer_closes_nothing_and_a_second_opt_out_neither(four):
    coordinator, made = four
    attempt = coordinator.ask(asked.taste(4))
    until(coordinator, made, attempt, Phase.MASK)
    with pytest.raises(UnknownCustomer):
        leave(made[0], "nobody")
    assert vectors(made[0]) == [".sealed"]
    assert len(leave(made[0]).closed) == 1
    assert leave(made[0]).closed == ()


def test_the_verb_closes_the_answer_beside_a_running_node(four):
    coordinator, made = four
    attempt = coordinator.ask(asked.taste(4))
    until(coordinator, made, attempt, Phase.CHECK)
    node = made[0]
    said = CliRunner().invoke(cli, ["opt-out", "c0", "--home", str(node.home.root)])
    assert said.exit_code == 0, said.output
    assert "Closed an unsent answer to taste" in said.output
    assert node.door.carriage(1, 1) is Carriage.CLOSED
    node.exchange.turn()
    assert node.exchange.refusals()[0].code == "secrets-erased"
    assert "opted out" in node.exchange.refusals()[0].reason
    back = CliRunner().invoke(cli, ["opt-out", "c0", "--undo", "--home", str(node.home.root)])
    assert "Counted again" in back.output
