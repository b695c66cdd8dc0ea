"""The thin ServerApp carries envelopes to exactly the listed nodes and bytes to the dock as they come."""

import threading
import time

import pytest

from coordinator.courier.server_app import app as server_app
from participant.courier.client_app import app as client_app
from tests.simulation.fake_daemons import FakeDock, FakeDoor, Work
from tests.simulation.flower_grid import RUN_ID, InProcessGrid, NodeApp, run_server_app

pytestmark = pytest.mark.enable_socket
NODES = (11, 22, 2**64 - 3)
SEALED = {node: bytes([index + 1]) * 4_000 for index, node in enumerate(NODES)}


class Stage:
    """A dock, a door for each node, and the ServerApp in a thread."""

    def __init__(self, tmp_path):
        self.dock = FakeDock(tmp_path / "dock.sock", run_id=str(RUN_ID))
        self.doors = {node: FakeDoor(tmp_path / f"{node}.sock") for node in NODES}
        for node, door in self.doors.items():
            door.sealed = {(1, 1): SEALED[node], (1, 2): SEALED[node][::-1] + bytes(4)}
        self.grid = InProcessGrid(
            {node: NodeApp(client_app, {"door": str(door.path)}) for node, door in self.doors.items()}
        )
        self.thread = threading.Thread(
            target=run_server_app, args=(server_app, self.grid, {"dock": str(self.dock.path)})
        )

    def __enter__(self):
        for daemon in (self.dock, *self.doors.values()):
            daemon.__enter__()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.dock.run_id = "another"
        self.thread.join(20)
        for daemon in (self.dock, *self.doors.values()):
            daemon.__exit__()
        self.grid.close()
        assert not self.thread.is_alive()

    def ask(self, *, nodes=NODES, attempt=1, ttl_s=30.0):
        self.dock.work.append(
            Work(
                lease=f"lease-{attempt}", round=1, attempt=attempt, nodes=tuple(map(str, nodes)), ttl_s=ttl_s
            )
        )

    def finish(self, attempt=1):
        assert self.dock.wait(lambda: f"lease-{attempt}" in self.dock.done, 20)


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path) as running:
        yield running


def test_every_nodes_bytes_reach_the_dock_exactly(stage):
    stage.ask()
    stage.finish()
    assert stage.dock.vectors == {(1, 1, str(node)): SEALED[node] for node in NODES}
    assert stage.dock.errors == {}


def test_only_the_listed_nodes_get_an_envelope_and_it_says_round_attempt_and_offset(stage):
    stage.ask(nodes=NODES[:2])
    stage.finish()
    assert [message.metadata.dst_node_id for message in stage.grid.pushed] == list(NODES[:2])
    assert dict(stage.grid.pushed[0].content["envelope"]) == {"round": 1, "attempt": 1, "offset": 0}
    assert stage.grid.pushed[0].metadata.ttl == pytest.approx(30.0, abs=1.0)


def test_a_reply_is_handed_on_while_others_are_still_awaited(stage):
    late = stage.doors[NODES[0]]
    late.sealed.clear()
    stage.ask()
    assert stage.dock.wait(lambda: len(stage.dock.vectors) == 2, 20)
    assert stage.dock.done == []
    late.sealed[1, 1] = SEALED[NODES[0]]
    stage.finish()
    assert len(stage.dock.vectors) == 3


def test_errors_are_reported_for_the_node_that_owes_the_reply(stage):
    stage.grid.nodes[NODES[0]].fault = "offline"
    stage.grid.nodes[NODES[1]].fault = "crashed"
    stage.ask()
    stage.finish()
    assert stage.dock.errors[1, 1, str(NODES[0])] == (5, "Node Unavailable ? offline")
    assert stage.dock.errors[1, 1, str(NODES[1])][0] == 8
    assert stage.dock.vectors == {(1, 1, str(NODES[2])): SEALED[NODES[2]]}


def test_a_closed_door_becomes_an_error_of_its_node(stage):
    stage.doors[NODES[1]].closed = True
    stage.ask()
    stage.finish()
    assert stage.dock.errors == {(1, 1, str(NODES[1])): (410, "closed")}


def test_a_silent_node_is_given_up_when_the_envelope_runs_out(stage):
    stage.grid.nodes[NODES[2]].fault = "silent"
    stage.ask(ttl_s=2.0)
    stage.finish()
    assert stage.dock.errors[1, 1, str(NODES[2])][0] == 408
    assert len(stage.dock.vectors) == 2


def test_a_node_whose_courier_comes_up_late_gets_its_envelope_then(stage):
    late = stage.grid.nodes.pop(NODES[2])
    stage.ask()
    assert stage.dock.wait(lambda: len(stage.dock.vectors) == 2, 20)
    stage.grid.nodes[NODES[2]] = late
    stage.finish()
    assert stage.dock.vectors[1, 1, str(NODES[2])] == SEALED[NODES[2]]
    assert stage.dock.errors == {}


def test_a_node_that_flower_never_takes_is_reported_when_the_envelope_runs_out(stage):
    stage.ask(nodes=(*NODES, 99), ttl_s=2.0)
    stage.finish()
    assert stage.dock.errors[1, 1, "99"][0] == 503
    assert len(stage.dock.vectors) == 3


def test_bytes_wait_until_the_dock_has_accepted_their_header(stage):
    stage.dock.no_header.add(str(NODES[0]))
    stage.ask()
    assert stage.dock.wait(lambda: len(stage.dock.vectors) == 2, 20)
    time.sleep(0.7)
    assert stage.dock.done == []
    stage.dock.no_header.clear()
    stage.finish()
    assert stage.dock.vectors[1, 1, str(NODES[0])] == SEALED[NODES[0]]


def test_a_dock_and_a_superlink_that_fail_for_a_moment_do_not_end_the_run(stage):
    stage.dock.broken = 2
    stage.grid.lost_pulls = 3
    stage.ask()
    stage.finish()
    assert len(stage.dock.vectors) == 3


def test_a_reply_without_the_array_is_reported_and_the_run_goes_on(stage):
    honest = stage.grid.nodes[NODES[0]].app

    def empty(message, context):
        reply = honest(message=message, context=context)
        reply.content.clear()
        return reply

    stage.grid.nodes[NODES[0]].app = empty
    stage.ask()
    stage.finish()
    assert stage.dock.errors[1, 1, str(NODES[0])][0] == 422
    stage.ask(attempt=2)
    stage.finish(attempt=2)
    assert stage.dock.vectors[1, 2, str(NODES[1])] == SEALED[NODES[1]][::-1] + bytes(4)


def test_work_that_is_no_work_is_passed_over(stage):
    stage.dock.work.append(Work(lease="odd", round=1, attempt=1, nodes=("not a node",)))
    stage.ask()
    stage.finish()
    assert len(stage.dock.vectors) == 3


def test_a_superseded_run_ends_quietly(tmp_path):
    with Stage(tmp_path) as stage:
        stage.dock.run_id = "a newer one"
        stage.thread.join(10)
        assert not stage.thread.is_alive()
        assert stage.dock.vectors == {}


def test_a_node_that_announces_a_reply_and_uploads_nothing_holds_up_nobody(stage):
    release, pull = threading.Event(), stage.grid.pull_messages

    def stuck(message_ids):
        stalled = [m.metadata.message_id for m in stage.grid.pushed if m.metadata.dst_node_id == NODES[0]]
        if message_ids[0] in stalled:
            release.wait(20)
        return pull(message_ids)

    stage.grid.pull_messages = stuck
    stage.ask()
    assert stage.dock.wait(lambda: len(stage.dock.vectors) == 2, 10)
    polls = len(stage.dock.polls)
    assert stage.dock.wait(lambda: len(stage.dock.polls) > polls, 5), "the dock is polled meanwhile"
    release.set()
    stage.finish()
    assert len(stage.dock.vectors) == 3
