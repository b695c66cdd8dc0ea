"""The fleet registers keys once, and replaces a run that ended or fell silent."""

import itertools
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.courier import CourierRefused, CourierUnreachable, Fleet, FleetSettings
from coordinator.courier.control import FleetNode, pem_of
from participant.courier import courier_key_pair
from protocols.service.errors import PortTaken


class FakeControl:
    """What the SuperLink promises on its control paths: unique keys, ids for life, runs that end."""

    def __init__(self):
        self.known = {}
        self.keys_seen = set()
        self.running = set()
        self.stopped = []
        self.ids = itertools.count(2**63)
        self.away = False

    def _answer(self):
        if self.away:
            raise CourierUnreachable(expected="the SuperLink", came="nothing", do="wait")

    def nodes(self):
        self._answer()
        return tuple(self.known.values())

    def register(self, name, pem):
        if any(node.key == pem for node in self.known.values()):
            raise CourierRefused(expected="a key of its own", came="a known one", do="make another")
        node = FleetNode(node=str(next(self.ids)), name=name, online=False, key=pem)
        self.known[node.node] = node
        return node.node

    def unregister(self, node):
        del self.known[node]

    def start_run(self, fab, config):
        self._answer()
        run = str(next(self.ids))
        self.running.add(run)
        return run

    def stop_run(self, run):
        self.stopped.append(run)
        self.running.discard(run)

    def run_ended(self, run):
        self._answer()
        return run not in self.running

    def close(self):
        self.away = True


class Clock:
    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    manual = Clock()
    monkeypatch.setattr("coordinator.courier.fleet.time", manual)
    return manual


@pytest.fixture
def fleet(tmp_path, clock, monkeypatch):
    monkeypatch.setattr("coordinator.courier.fleet.free_port", lambda: 2)
    settings = FleetSettings(
        home=tmp_path,
        host="127.0.0.1",
        port=1,
        certificate=tmp_path / "cert",
        key=tmp_path / "key",
        ca=tmp_path / "ca",
        dock=tmp_path / "dock.sock",
    )
    built = Fleet(settings, on_run=lambda run: built.announced.append(run))  # noqa: PLW0108 - bound after
    built.announced = []
    built._control = FakeControl()
    return built


@pytest.fixture
def tick(fleet, clock):
    def after(seconds):
        clock.now += seconds
        fleet._tick()

    return after


@pytest.fixture
def key(tmp_path):
    return courier_key_pair(tmp_path / "courier.key")


def test_registering_twice_gives_the_same_node(fleet, key):
    assert fleet.register("Ceres", key) == fleet.register("Ceres", key)
    assert len(fleet._control.known) == 1


def test_a_comment_in_the_key_file_changes_nothing(fleet, key):
    assert fleet.register("Ceres", key) == fleet.register("Ceres", key + b" ceres@example")


def test_a_new_key_replaces_the_old_one_under_a_new_node(fleet, key, tmp_path):
    first = fleet.register("Ceres", key)
    second = fleet.register("Ceres", courier_key_pair(tmp_path / "second.key"))
    assert second != first
    assert list(fleet._control.known) == [second]


def test_a_key_of_another_member_is_refused(fleet, key):
    fleet.register("Ceres", key)
    with pytest.raises(CourierRefused):
        fleet.register("Dione", key)


@pytest.mark.parametrize(
    "bad",
    [b"", b"not a key", b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJBgiyVxYQAXeHAEMNBGvuxVEzOZEwvpOfXkzUV0PUBk"],
)
def test_what_is_no_p384_key_is_refused_with_what_to_do(fleet, bad):
    with pytest.raises(CourierRefused, match="make the courier key with altrove-node"):
        fleet.register("Ceres", bad)


def test_unregistering_forgets_the_node_and_is_idempotent(fleet, key):
    fleet.register("Ceres", key)
    fleet.unregister("Ceres")
    fleet.unregister("Ceres")
    assert fleet._control.known == {}


def test_registering_waits_for_a_superlink_that_starts(fleet, key, clock):
    fleet._control.away = True
    clock.sleep = lambda _: setattr(fleet._control, "away", False)
    assert fleet.register("Ceres", key)


def test_registering_gives_up_when_the_superlink_does_not_come(fleet, key):
    fleet._control.away = True
    with pytest.raises(CourierUnreachable):
        fleet.register("Ceres", key)


def test_the_first_look_starts_a_run_and_announces_it(fleet, tick):
    tick(0)
    assert fleet.announced == [fleet.health().run_id]


def test_a_run_that_ended_is_replaced(fleet, tick):
    tick(0)
    fleet._control.running.clear()
    tick(3)
    first, second = fleet.announced
    assert first != second == fleet.health().run_id


def test_a_run_that_polls_is_kept(fleet, tick):
    tick(0)
    for _ in range(20):
        fleet.note_dock_poll(fleet.health().run_id)
        tick(20)
    assert len(fleet.announced) == 1


def test_a_run_that_fell_silent_is_stopped_and_replaced(fleet, tick):
    tick(0)
    fleet.note_dock_poll()
    tick(24)
    assert len(fleet.announced) == 1
    tick(3)
    assert fleet._control.stopped == fleet.announced[:1]
    assert fleet.health().run_id == ""
    tick(1)
    assert len(fleet.announced) == 2


def test_a_run_whose_server_app_is_gone_is_replaced_before_it_falls_silent(fleet, tick, monkeypatch):
    tick(0)
    monkeypatch.setattr(fleet._supervision, "lacks", lambda name, word: True)
    tick(3)
    assert len(fleet.announced) == 1, "its ServerApp has yet to start"
    fleet.note_dock_poll()
    tick(3)
    assert fleet._control.stopped == fleet.announced[:1]
    tick(1)
    assert len(fleet.announced) == 2


def test_a_superlink_that_does_not_answer_for_a_minute_is_started_anew_once_a_minute(
    fleet, tick, monkeypatch
):
    restarted = []
    monkeypatch.setattr(fleet._supervision, "restart", lambda name, reason: restarted.append(name))
    tick(0)
    fleet._control.away = True
    for _ in range(20):
        tick(3)
    assert restarted == []
    for _ in range(30):
        tick(3)
    assert restarted == ["superlink"] * 2


def test_polls_of_a_stale_run_do_not_keep_the_present_one(fleet, tick):
    tick(0)
    fleet.note_dock_poll(fleet.health().run_id)
    tick(20)
    fleet.note_dock_poll("a stale run")
    tick(10)
    tick(1)
    assert len(fleet.announced) == 2


def test_a_new_run_gets_longer_before_its_first_poll(fleet, tick):
    tick(0)
    tick(55)
    assert len(fleet.announced) == 1
    tick(10)
    tick(1)
    assert len(fleet.announced) == 2


def test_a_superlink_that_is_away_does_not_end_the_supervision(fleet, tick):
    tick(0)
    fleet._control.away = True
    tick(3)
    assert fleet.health().online == ()
    fleet._control.away = False
    tick(3)
    assert fleet.health().run_id in fleet.announced


def test_health_lists_who_is_online(fleet, tick, key):
    node = fleet.register("Ceres", key)
    fleet._control.known[node] = replace(fleet._control.known[node], online=True)
    tick(0)
    assert fleet.health().online == (node,)


def test_the_key_is_registered_in_the_form_that_flower_stores(key):
    assert pem_of(key).startswith(b"-----BEGIN PUBLIC KEY-----")


@pytest.mark.enable_socket
def test_a_taken_port_is_one_clear_message_and_starts_nothing(fleet):
    with socket.create_server(("127.0.0.1", 0)) as other:
        fleet.settings = replace(fleet.settings, port=other.getsockname()[1])
        with pytest.raises(PortTaken, match="choose another fleet port"):
            fleet.start()
    assert fleet.health().processes[0].pid == 0
    assert list(fleet.settings.home.iterdir()) == []


def test_the_programs_that_read_members_replies_have_a_bound_on_their_memory(fleet):
    argv = {program.name: program.argv for program in fleet._programs()}
    assert [Path(word).name for word in argv["superexec"][3:5]] == ["bounded.py", "flower-superexec"]
