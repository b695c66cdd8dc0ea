"""The thin ClientApp waits at the door and hands on exactly the bytes that the door gives."""

import sys
import threading
import time

import pytest
from flwr.app import ConfigRecord, Message, MetricRecord, RecordDict

from participant.courier.client_app import WAIT_S, app
from tests.simulation.fake_daemons import FakeDoor
from tests.simulation.flower_grid import InProcessGrid, NodeApp

NODE = 2**63 + 5
app_module = "participant.courier.client_app"

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def door(tmp_path):
    with FakeDoor(tmp_path / "door.sock") as fake:
        yield fake


def send(door, *, round_=3, attempt=2, offset=0, ttl=30.0, extra=None):
    """Push one envelope and wait for the reply."""
    grid = InProcessGrid({NODE: NodeApp(app, {"door": str(door.path)})})
    envelope = {"round": round_, "attempt": attempt, "offset": offset, **(extra or {})}
    content = RecordDict({"envelope": ConfigRecord(envelope)})
    (reply,) = grid.send_and_receive([Message(content, dst_node_id=NODE, message_type="query", ttl=ttl)])
    grid.close()
    return reply


def test_the_reply_is_the_doors_bytes_and_nothing_else(door):
    door.sealed[3, 2] = bytes(range(256)) * 40
    reply = send(door)
    assert list(reply.content) == ["y"]
    array = reply.content["y"]["y"]
    assert array.data == door.sealed[3, 2]
    assert (array.dtype, array.shape, array.stype) == ("uint32", (2560,), "raw")


def test_bytes_that_are_no_words_travel_as_bytes(door):
    door.sealed[3, 2] = b"seven.."
    array = send(door).content["y"]["y"]
    assert (array.dtype, array.shape, array.data) == ("uint8", (7,), b"seven..")


def test_an_envelope_that_comes_first_waits_until_the_answer_exists(door):
    threading.Timer(0.4, lambda: door.sealed.update({(3, 2): b"late"})).start()
    assert send(door).content["y"]["y"].data == b"late"


def test_a_closed_door_is_an_error_that_says_nothing_more(door):
    door.closed = True
    reply = send(door)
    assert reply.has_error()
    assert (reply.error.code, reply.error.reason) == (410, "closed")


def test_a_door_that_is_away_for_a_moment_is_asked_again(tmp_path):
    door = FakeDoor(tmp_path / "door.sock")
    door.sealed[3, 2] = b"back again"
    timer = threading.Timer(0.3, door.__enter__)
    timer.start()
    try:
        assert send(door).content["y"]["y"].data == b"back again"
    finally:
        timer.join()
        door.__exit__()


def test_waiting_ends_with_the_time_of_the_envelope(door):
    started = time.monotonic()
    assert send(door, ttl=1.0).error.code == 410
    assert time.monotonic() - started < WAIT_S


def test_everything_in_the_message_but_round_attempt_and_offset_is_ignored(door):
    door.sealed[3, 2] = b"only these"
    reply = send(door, extra={"door": "/etc/passwd", "everything": True})
    assert reply.content["y"]["y"].data == b"only these"
    assert set(door.asked) == {(3, 2)}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"envelope": MetricRecord({"round": 1, "attempt": 1, "offset": 0})},
        {"envelope": ConfigRecord({"round": 3, "attempt": 2})},
        {"envelope": ConfigRecord({"round": "three", "attempt": 2, "offset": 0})},
        {"envelope": ConfigRecord({"round": [3, 3], "attempt": 2, "offset": 0})},
        {"envelope": ConfigRecord({"round": "9" * 5_000, "attempt": 2, "offset": 0})},
    ],
)
def test_an_envelope_that_is_none_is_answered_as_a_closed_door_and_the_door_is_not_asked(door, content):
    grid = InProcessGrid({NODE: NodeApp(app, {"door": str(door.path)})})
    message = Message(RecordDict(content), dst_node_id=NODE, message_type="query", ttl=30.0)
    (reply,) = grid.send_and_receive([message])
    grid.close()
    assert (reply.error.code, reply.error.reason) == (410, "closed")
    assert not door.asked


def test_numbers_that_the_door_refuses_are_not_asked_for_again(door, monkeypatch):
    asked = []
    monkeypatch.setattr(sys.modules[app_module], "ask", lambda *given: asked.append(given) or (422, b"{}"))
    assert send(door, round_=-1).error.code == 410
    assert len(asked) == 1


def test_an_envelope_that_is_good_for_ever_waits_one_poll_at_a_time(door):
    door.sealed[3, 2] = b"here"
    assert send(door, ttl=float("inf")).content["y"]["y"].data == b"here"
