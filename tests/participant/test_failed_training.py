"""What a training failed on is not tried again every minute, and the officer reads why."""

import numpy as np
import pytest
from structlog.testing import capture_logs

from participant import failed_training, training
from participant.intake import read
from participant.overview import Overview
from participant.serving import Recommender
from protocols.errors import BadRelease
from protocols.service.errors import StorageFull
from tests.participant import asked, nodes
from tests.participant.shop import write_sales
from tests.participant.test_exchange import turn_all

HOUR = 3600
LATER = asked.AUTUMN + 86_400
SINGULAR = BadRelease(expected="an invertible matrix", came="a singular one", do="use a larger lambda")


def undone(node):
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    return Overview(node, recommender).status().undone


@pytest.fixture
def failing(start_four, monkeypatch):
    """A node with a pair of sums on which every training fails while ``errors`` has any, and what was tried."""
    coordinator, made, clock = start_four()
    for until in (asked.SUMMER, asked.AUTUMN):
        coordinator.ask(asked.taste(4, epoch=str(until), until=until))
        turn_all(made, 12)
    truth, errors, tried = training.train, [], []

    def train(*given, **named):
        tried.append(clock.now())
        if errors:
            raise errors[0]
        return truth(*given, **named)

    monkeypatch.setattr(training, "train", train)
    errors.append(SINGULAR)
    return coordinator, made, clock, errors, tried


def test_what_failed_is_tried_again_after_an_hour_and_said_once(failing):
    _, (node, *_), clock, errors, tried = failing
    assert undone(node) == ()
    with capture_logs() as logs:
        for _ in range(3):
            assert not node.trainer.turn()
        assert len(tried) == 1
        clock.advance(HOUR - 1)
        assert not node.trainer.turn()
        assert len(tried) == 1
        clock.advance(1)
        assert not node.trainer.turn()
        assert len(tried) == 2
    assert [line["event"] for line in logs].count("training failed") == 1
    (sentence,) = undone(node)
    assert "expected an invertible matrix; came a singular one; use a larger lambda" in sentence
    assert "tell the other members" in sentence
    errors.clear()
    clock.advance(HOUR)
    assert node.trainer.turn()
    assert undone(node) == ()


def test_where_nothing_serves_yet_own_data_do_while_a_pair_fails(failing, monkeypatch):
    _, (node, *_), _, errors, tried = failing
    node.trainer._settings = node.trainer._settings.model_copy(update={"local_first": True})
    truth = training.train

    def train(*given, exchange, **named):
        errors[:] = [] if exchange is None else [SINGULAR]
        return truth(*given, exchange=exchange, **named)

    monkeypatch.setattr(training, "train", train)
    assert node.trainer.turn()
    assert node.trainer.in_use()[1].release == ""
    assert "a singular one" in undone(node)[0]
    assert not node.trainer.turn()
    assert len(tried) == 2


def test_another_process_of_the_same_home_reads_why_and_tries_at_once(failing):
    coordinator, (node, *_), clock, errors, tried = failing
    errors[0] = np.linalg.LinAlgError("of somebody")
    assert not node.trainer.turn()
    company = next(each for each in coordinator.members if each.id == node.member.partner)
    again = nodes.start(node.home.root, company, coordinator, clock)
    assert undone(again) == undone(node)
    assert "LinAlgError" in undone(again)[0]
    assert "of somebody" not in undone(again)[0]
    assert not again.trainer.turn()
    assert len(tried) == 2
    again.db.dispose()


def test_an_erasure_before_the_first_model_leaves_what_the_officer_reads(start_four):
    node = start_four()[1][0]
    node.trainer.failed.note("what was tried", SINGULAR)
    said = undone(node)
    assert node.eraser.erase("c0").rows > 0
    assert undone(node) == said != ()


def test_other_sums_and_purchases_that_are_read_in_are_tried_at_once(failing, tmp_path):
    coordinator, made, _, _, tried = failing
    node = made[0]
    assert not node.trainer.turn()
    sales = write_sales(tmp_path / "more.parquet", [("new", "bread", "b", asked.SUMMER, 1.0)])
    read([sales], home=node.home.root, engine=node.db, now=asked.NOW)
    assert not node.trainer.turn()
    assert len(tried) == 2
    coordinator.ask(asked.taste(4, epoch="later", until=LATER))
    turn_all(made, 12)
    assert not node.trainer.turn()
    assert len(tried) == 3
    assert not node.trainer.turn()
    assert len(tried) == 3


@pytest.mark.parametrize("error", [KeyError("of somebody"), RuntimeError("a layer"), MemoryError()])
def test_whatever_a_sum_provokes_is_not_provoked_again_every_minute(failing, error):
    _, (node, *_), _, errors, tried = failing
    errors[0] = error
    assert not node.trainer.turn()
    assert not node.trainer.turn()
    assert len(tried) == 1
    (sentence,) = undone(node)
    assert type(error).__name__ in sentence
    assert "of somebody" not in sentence


def test_where_the_disk_is_full_it_waits_as_well(failing, monkeypatch):
    """What a training fails of most simply: its model has no room, nor has the sentence about it."""
    _, (node, *_), _, errors, tried = failing
    errors[0] = StorageFull(expected="room", came="no space left", do="free some space")

    def full(*_given, **_named):
        raise errors[0]

    monkeypatch.setattr(failed_training.durable, "write", full)
    with capture_logs() as logs:
        assert not node.trainer.turn()
        assert not node.trainer.turn()
    assert len(tried) == 1
    assert "no space left" in next(line["why"] for line in logs if line["event"] == "training failed")


def test_a_clock_that_is_set_back_lengthens_no_wait(failing):
    _, (node, *_), clock, _, tried = failing
    assert not node.trainer.turn()
    clock.jump(-400 * 86_400)
    clock.advance(HOUR)
    assert not node.trainer.turn()
    assert len(tried) == 2


def test_a_sentence_that_is_being_written_holds_no_erasure_up(failing):
    _, (node, *_), _, errors, _ = failing
    errors.clear()
    assert node.trainer.turn()
    half = node.home.models / (failed_training.FILE + ".partial")
    half.write_text("Training fai")
    assert node.eraser.erase("c0").rows == 3
    assert half.exists()
