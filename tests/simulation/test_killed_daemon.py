"""The real daemon, over TLS with client certificates, killed with SIGKILL once in every phase."""

import subprocess

import httpx
import pytest

from coordinator.admin_client import Admin
from coordinator.api import shapes
from coordinator.errors import NotInitialised
from protocols.identity import IdentityKey
from tests.simulation.real_daemons import PROGRAM, Daemon, TlsMember, learn_keys

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]


@pytest.fixture
def daemon(tmp_path):
    made = Daemon(tmp_path)
    yield made
    if made.process.poll() is None:
        made.stop()


def founded(daemon, folder):
    members = [TlsMember(f"m{i}", IdentityKey(bytes([i + 1]) * 32)) for i in range(3)]
    for member in members:
        member.enrol(daemon.admin, folder)
    daemon.admin.change_roster("found")
    for member in members:
        member.approve()
    learn_keys(members)
    daemon.admin.publish("words", ["BREAD", "MILK", "WINE"])
    return members


def test_a_daemon_killed_in_every_phase_completes_the_round_once(daemon, tmp_path):
    members = founded(daemon, tmp_path)
    asked = shapes.AskRequest(question="taste", parameters={"until": 5, "customers_cap": 100})
    number = daemon.admin.ask(asked)
    kills = 0
    for _ in range(12):
        members[0].poll()  # one is in, the others are not: the phase is open
        daemon.kill()
        kills += 1
        daemon.start()
        for member in members:
            member.client.close()
            member.reconnect()
            member.poll()
        before = daemon.admin.round(number)
        view = (
            daemon.admin.round(number, after=before.sequence, wait_s=3) if before.state == "open" else before
        )
        if view.state != "open":
            break
    assert view.state == "released"
    assert kills >= 5
    assert len(view.attempts) == 1
    assert all(member.unmasked == [(number, 1)] for member in members)
    assert len(daemon.admin.releases()) == 1
    cells = daemon.admin.release(view.release).readings[0]["gram"]
    upper = [cells[i][j] for i in range(3) for j in range(i, 3)]
    assert upper == [float(value) for value in sum(member.answer for member in members) / 2**24]
    verified = subprocess.run(
        (*PROGRAM, "audit", "verify", "--home", str(daemon.home)), capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stdout
    assert daemon.stop() == 0


def test_without_a_client_certificate_nobody_speaks_to_the_members_listener(daemon, tmp_path):
    member = TlsMember("m", IdentityKey(bytes([9]) * 32))
    member.enrol(daemon.admin, tmp_path)
    assert member.get("/v1/consortium").status_code == 200
    with httpx.Client(base_url=member.url, verify=member.bare) as bare, pytest.raises(httpx.TransportError):
        bare.get("/v1/consortium")


def test_the_command_line_of_an_empty_home_says_to_run_init(tmp_path):
    with pytest.raises(NotInitialised):
        Admin(tmp_path)
