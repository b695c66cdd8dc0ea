"""The daemon and its carrier: any fleet will do, and members' couriers are registered by themselves."""

import shutil
import tempfile
import time
from pathlib import Path

import pytest

from coordinator.app import Daemon
from coordinator.courier.errors import CourierRefused
from coordinator.store.members import Members
from protocols.service.errors import PortTaken
from protocols.service.unit_of_work import reading, transaction
from tests.simulation.rig import founded

pytestmark = pytest.mark.enable_socket


class FakeFleet:
    """Carries nothing; remembers who is registered."""

    def __init__(self):
        self.running = False
        self.keys = {}
        self.polls = []

    def start(self):
        self.running = True

    def stop(self):
        self.running = False

    def register(self, name, courier_key):
        self.keys[name] = courier_key
        return str(sorted(self.keys).index(name) + 1)

    def unregister(self, name):
        self.keys.pop(name, None)

    def note_dock_poll(self, run_id=""):
        self.polls.append(run_id)


@pytest.fixture
def rig():
    # A unix socket's path is short, unlike a test's own folder.
    folder = Path(tempfile.mkdtemp(prefix="alt-"))
    made = founded(folder / "home")
    ports = dict.fromkeys(("partner_port", "enrol_port", "admin_port"), 0)
    object.__setattr__(made.services, "settings", made.settings.model_copy(update=ports))
    yield made
    made.close()
    shutil.rmtree(folder)


def wait_for(condition):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def nodes(rig):
    with reading(rig.services.db) as connection:
        return {member.name: member.flower_node for member in Members(connection).all()}


def test_every_member_is_registered_and_a_removed_one_is_forgotten(rig):
    with transaction(rig.services.db) as connection:
        Members(connection).set_flower_node(rig.members[4].id, "99")
        Members(connection).remove(rig.members[4].id, 5)
    fleet = FakeFleet()
    fleet.keys["Galene"] = b"old"
    daemon = Daemon(rig.services, fleet)
    daemon.start_jobs()
    try:
        assert fleet.running
        assert wait_for(lambda: all(nodes(rig)[member.name] for member in rig.members[:4]))
        assert wait_for(lambda: nodes(rig)["Galene"] == "")
        assert sorted(fleet.keys) == sorted(member.name for member in rig.members[:4])
        rig.services.dock.serve_run("7")
        assert rig.services.dock.lease("7") is None
        assert fleet.polls == ["7"]
    finally:
        daemon.stop_jobs()
    assert not fleet.running


def test_a_removed_member_that_the_daemon_did_not_know_to_be_registered_is_forgotten_too(rig):
    with transaction(rig.services.db) as connection:
        Members(connection).remove(rig.members[4].id, 5)
    fleet = FakeFleet()
    fleet.keys["Galene"] = b"registered just before the daemon was killed"
    daemon = Daemon(rig.services, fleet)
    daemon.start_jobs()
    try:
        assert wait_for(lambda: all(nodes(rig)[member.name] for member in rig.members[:4]))
        assert wait_for(lambda: "Galene" not in fleet.keys)
    finally:
        daemon.stop_jobs()


def test_a_member_whose_courier_key_is_refused_keeps_nobody_else_out(rig):
    refused, *others = nodes(rig)

    class Picky(FakeFleet):
        def register(self, name, courier_key):
            if name == refused:
                raise CourierRefused(expected="an OpenSSH public key", came="another", do="make one")
            return super().register(name, courier_key)

    daemon = Daemon(rig.services, Picky())
    daemon.start_jobs()
    try:
        assert wait_for(lambda: all(nodes(rig)[name] for name in others))
        assert not nodes(rig)[refused]
    finally:
        daemon.stop_jobs()


def test_the_driver_thread_closes_a_phase_on_the_last_arrival_and_not_at_its_deadline(rig):
    daemon = Daemon(rig.services, None)
    daemon.start_jobs()
    try:
        number = rig.ask()
        for _ in range(5):
            before = rig.view(number).sequence
            for member in rig.members:
                member.poll()
            assert wait_for(lambda before=before: rig.view(number).sequence > before)
        assert rig.view(number).round.state == "released"
        assert rig.clock.now() < rig.view(number).newest.attempt.config.deadlines[0]
    finally:
        daemon.stop_jobs()


def test_a_taken_port_is_named_before_anything_starts(rig):
    first = Daemon(rig.services, None)
    taken = first.listeners.ports[2]
    object.__setattr__(
        rig.services, "settings", rig.services.settings.model_copy(update={"admin_port": taken})
    )
    fleet = FakeFleet()
    with pytest.raises(PortTaken, match="--admin-port"):
        Daemon(rig.services, fleet)
    assert not fleet.running
    first.listeners._close()
