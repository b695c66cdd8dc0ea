"""The thin ServerApp carries envelopes to exactly the listed nodes and bytes to the dock as they come."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from coordinator.courier import bounded
from tests.coordinator.courier.carrying_stage import NODES, SEALED, Stage
from tests.fuzz.couriers import inflated, packed
from tests.simulation.fake_daemons import Work

pytestmark = pytest.mark.enable_socket
server_app_module = "coordinator.courier.server_app"


class Clock:
    """The carrier's clock, which a test puts forward: the time of an envelope is up when it says so."""

    sleep = staticmethod(time.sleep)

    def __init__(self):
        self.ahead_s = 0.0

    def monotonic(self):
        return time.monotonic() + self.ahead_s


@pytest.fixture
def clock(monkeypatch):
    manual = Clock()
    monkeypatch.setattr(sys.modules[server_app_module], "time", manual)
    return manual


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
    assert 20.0 < stage.grid.pushed[0].metadata.ttl <= 30.0


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


def test_a_silent_node_is_given_up_when_the_envelope_runs_out(stage, clock):
    stage.grid.nodes[NODES[2]].fault = "silent"
    stage.ask()
    assert stage.dock.wait(lambda: len(stage.dock.vectors) == 2, 20)
    assert stage.dock.done == []
    clock.ahead_s = 30.0
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


def test_a_node_that_flower_never_takes_is_reported_when_the_envelope_runs_out(stage, clock):
    stage.ask(nodes=(*NODES, 99))
    assert stage.dock.wait(lambda: len(stage.dock.vectors) == 3, 20)
    assert stage.dock.done == []
    clock.ahead_s = 30.0
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


def by_hand(stage, node, data):
    """From now on what Flower finds for ``node`` is ``data``, a reply that somebody wrote byte by byte."""
    pull = stage.grid.pull_messages

    def pulled(message_ids):
        mine = [m.metadata.message_id for m in stage.grid.pushed if m.metadata.dst_node_id == node]
        return [inflated(data)] if message_ids[0] in mine else pull(message_ids)

    stage.grid.pull_messages = pulled


@pytest.mark.parametrize(
    "data",
    [
        packed(("Message", (), b"\xff no protobuf")),
        packed(("RecordDict", (), b"{}"), ("Message", (0,), b"\n\xff")),
        packed(("MetricRecord", (), b"\xff")),
        b"",
    ],
)
def test_a_reply_that_flower_cannot_read_is_reported_and_the_others_go_on(stage, data):
    by_hand(stage, NODES[0], data)
    stage.ask()
    stage.finish()
    assert stage.dock.errors == {(1, 1, str(NODES[0])): (422, "the reply cannot be read")}
    assert stage.dock.vectors == {(1, 1, str(node)): SEALED[node] for node in NODES[1:]}


@pytest.mark.timeout(300)
def test_a_reply_that_grows_beyond_all_memory_is_reported_and_the_process_goes_on():
    """One chunk of 5 MB, named a thousand times: under a bound it is one more reply that cannot be read."""
    child = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31));"
        "from tests.fuzz.couriers import NODE, carried, packed, work;"
        'about = b\'{"dtype":"uint8","shape":[1],"stype":"raw","arraychunk_ids":[0%s]}\' % (b\',0\' * 999);'
        "grown = packed(('ArrayChunk', (), bytes(5 * 10**6)), ('Array', (0,), about),"
        "('ArrayRecord', (1,), b'{\"y\":\"@1\"}'), ('RecordDict', (2,), b'{\"y\":\"@2\"}'), ('Message', (3,), b''));"
        "print(carried(work(NODE), grown)['POST'])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", child],
        capture_output=True,
        check=False,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert "the reply cannot be read" in done.stdout, done.stderr


def test_what_runs_the_serverapp_has_a_bound():
    said = "import resource; print(*resource.getrlimit(resource.RLIMIT_AS))"
    words = [sys.executable, "-I", "-S", bounded.__file__, sys.executable, "-c", said]
    assert subprocess.check_output(words, text=True) == f"{bounded.MEMORY_BYTES} {bounded.MEMORY_BYTES}\n"


@pytest.mark.parametrize("work", [{"nodes": ("not a node",)}, {"lease": "\ud800", "nodes": ()}])
def test_work_that_is_no_work_is_passed_over(stage, work):
    stage.dock.work.append(Work(**({"lease": "odd", "round": 1, "attempt": 1, "nodes": ("1",)} | work)))
    stage.ask()
    stage.finish()
    assert len(stage.dock.vectors) == 3


def test_a_superseded_run_ends_quietly(tmp_path):
    with Stage(tmp_path) as stage:
        stage.dock.run_id = "a newer one"
        stage.thread.join(20)
        assert not stage.thread.is_alive()
        assert stage.dock.vectors == {}


def test_a_node_that_announces_a_reply_and_uploads_nothing_holds_up_nobody(stage):
    release, pull = threading.Event(), stage.grid.pull_messages

    def stuck(message_ids):
        stalled = [m.metadata.message_id for m in stage.grid.pushed if m.metadata.dst_node_id == NODES[0]]
        if message_ids[0] in stalled:
            release.wait(60)
        return pull(message_ids)

    stage.grid.pull_messages = stuck
    stage.ask()
    assert stage.dock.wait(lambda: len(stage.dock.vectors) == 2, 20)
    polls = len(stage.dock.polls)
    assert stage.dock.wait(lambda: len(stage.dock.polls) > polls, 20), "the dock is polled meanwhile"
    release.set()
    stage.finish()
    assert len(stage.dock.vectors) == 3


PIECE, SIZE = 1_000, 3_500


def offsets(stage, node):
    return [m.content["envelope"]["offset"] for m in stage.grid.pushed if m.metadata.dst_node_id == node]


def in_pieces(stage, attempt=1, **kwargs):
    for index, door in enumerate(stage.doors.values()):
        door.piece = PIECE
        door.sealed[1, attempt] = bytes([index + 7]) * 1_234 + bytes(range(200)) * 11 + b"the end" * 9
        door.sealed[1, attempt] = door.sealed[1, attempt][:SIZE].ljust(SIZE, b"x")
    stage.ask(attempt=attempt, size=SIZE, piece=PIECE, **kwargs)


def sealed(stage, attempt=1):
    return {(1, attempt, str(node)): door.sealed[1, attempt] for node, door in stage.doors.items()}


def test_a_long_vector_comes_in_pieces_one_envelope_each_and_one_ahead(stage):
    late = stage.doors[NODES[0]]
    in_pieces(stage)
    bytes_of_late = late.sealed.pop((1, 1))
    assert stage.dock.wait(lambda: len(stage.dock.vectors) == 2, 20)
    assert offsets(stage, NODES[1]) == [0, 1_000, 2_000, 3_000]
    assert offsets(stage, NODES[0]) == [0, 1_000], "not a third one before the first was answered"
    late.sealed[1, 1] = bytes_of_late
    stage.finish()
    assert stage.dock.vectors == sealed(stage)
    assert stage.dock.errors == {}


def test_a_lease_goes_on_where_the_dock_says_that_the_last_run_stopped(stage):
    in_pieces(stage, nodes=NODES[:1])
    stage.dock.parts[1, 1, str(NODES[0])] = bytearray(stage.doors[NODES[0]].sealed[1, 1][:2_000])
    stage.finish()
    assert offsets(stage, NODES[0]) == [2_000, 3_000]
    assert stage.dock.vectors[1, 1, str(NODES[0])] == stage.doors[NODES[0]].sealed[1, 1]


def test_a_courier_that_dies_in_mid_vector_is_reported_and_asked_again_until_it_is_back(stage):
    stage.grid.crashes[NODES[0]] = {1, 4}
    stage.grid.crashes[NODES[1]] = {2, 3, 4}
    in_pieces(stage)
    stage.finish()
    assert stage.dock.vectors == sealed(stage)
    assert stage.dock.errors.keys() == {(1, 1, str(node)) for node in NODES[:2]}


def test_an_envelope_that_a_killed_supernode_took_along_is_sent_again(stage):
    stage.grid.losses = {NODES[0]: {0}, NODES[1]: {1, 2}, NODES[2]: {3}}
    in_pieces(stage)
    stage.finish()
    assert stage.dock.vectors == sealed(stage)
    assert stage.dock.errors == {}, "the vector came, so nobody has to bring it by another way"


def test_a_courier_that_stays_dead_in_mid_vector_is_asked_at_pauses_until_the_envelopes_run_out(stage, clock):
    stage.grid.crashes[NODES[0]] = set(range(2, 99))
    began = time.monotonic()
    in_pieces(stage)
    assert stage.dock.wait(lambda: len(stage.dock.vectors) == 2 and len(offsets(stage, NODES[0])) >= 6, 20)
    assert time.monotonic() - began > 1.0, "asked without pause"
    clock.ahead_s = 30.0
    stage.finish()
    assert len(stage.dock.parts[1, 1, str(NODES[0])]) == 2_000


def test_pieces_in_memory_are_bounded_however_many_nodes_there_are(stage, monkeypatch):
    monkeypatch.setattr(sys.modules[server_app_module], "MEMORY_BYTES", 2 * PIECE)
    busy, most, pull = [], [], stage.grid.pull_messages

    def watched(message_ids):
        busy.append(1)
        most.append(len(busy))
        time.sleep(0.1)  # long enough for the pulls of three nodes to meet
        try:
            return pull(message_ids)
        finally:
            busy.pop()

    stage.grid.pull_messages = watched
    stage.dock.no_header.add(str(NODES[0]))
    in_pieces(stage)
    assert stage.dock.wait(lambda: len(stage.dock.vectors) == 2, 30)
    assert max(most) <= 2
    stage.dock.no_header.clear()
    stage.finish()
    assert stage.dock.vectors == sealed(stage)


def test_a_piece_whose_header_never_comes_is_let_go_and_asked_for_again(stage, monkeypatch):
    monkeypatch.setattr(sys.modules[server_app_module], "HOLD_S", 0.2)
    stage.dock.no_header.add(str(NODES[0]))
    in_pieces(stage)
    assert stage.dock.wait(lambda: offsets(stage, NODES[0]).count(0) >= 2, 20)
    stage.dock.no_header.clear()
    stage.finish()
    assert stage.dock.vectors == sealed(stage)


def test_it_ends_with_its_superexec_even_if_an_interrupt_is_swallowed(tmp_path):
    told = tmp_path / "pid"
    child = (
        "import os, signal, sys, threading, time; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        "from coordinator.courier.server_app import end_with;"
        "threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start();"
        f"open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(300)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    superexec = subprocess.Popen([sys.executable, "-c", parent])
    until = time.monotonic() + 60
    while not (told.exists() and told.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    orphan = psutil.Process(int(told.read_text()))
    superexec.kill()
    superexec.wait()
    until = time.monotonic() + 60
    while _lives(orphan) and time.monotonic() < until:
        time.sleep(0.1)
    survived = _lives(orphan)
    if survived:
        orphan.kill()
    assert not survived


def _lives(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
