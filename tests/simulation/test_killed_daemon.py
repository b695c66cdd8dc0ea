"""The real daemon, over TLS with client certificates, killed with SIGKILL once in every phase."""

import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from coordinator.admin_client import Admin
from coordinator.api import shapes
from coordinator.errors import NotInitialised
from coordinator.home import initialise
from coordinator.settings import load
from protocols.enrolment import Invitation
from protocols.errors import AltroveError
from protocols.identity import COORDINATOR, IdentityKey
from protocols.service.clock import SystemClock
from protocols.service.flower import free_port
from protocols.service.tls import client_context, make_request
from tests.simulation.member import SimulatedMember

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]
PROGRAM = (sys.executable, "-c", "from coordinator.cli import main; main()")


class Daemon:
    """One coordinator process, restarted on the same home folder."""

    def __init__(self, folder):
        self.home = folder / "home"
        ports = {f"{name}_port": free_port() for name in ("partner", "enrol", "admin", "fleet")}
        initialise(load(self.home, **ports), "Killed", SystemClock())
        self.admin = Admin(self.home)
        self.log = (folder / "out").open("wb")
        self.start()

    def start(self):
        words = (*PROGRAM, "serve", "--home", str(self.home), "--courier", "off")
        self.process = subprocess.Popen(words, stdout=self.log, stderr=self.log)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                self.admin.members()
            except AltroveError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError((self.home.parent / "out").read_text())

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(20)
        self.log.close()
        return code


class TlsMember(SimulatedMember):
    """A simulated member behind a real socket, with the certificate it was given."""

    def enrol(self, admin, folder):
        invitation = Invitation.parse(admin.invite(self.name, 1).invitation)
        pair = make_request(self.name)
        self.request_pem = pair.certificate.decode()
        certificate, key = folder / f"{self.name}.pem", folder / f"{self.name}.key"
        with httpx.Client(
            base_url=invitation.enrol_url, verify=client_context(invitation.authority)
        ) as client:
            reply = self.join(client, invitation)
        certificate.write_text(reply["certificate"])
        key.write_bytes(pair.key)
        self.tls = client_context(invitation.authority, certificate=certificate, key=key)
        self.url = invitation.partner_url
        self.bare = client_context(invitation.authority)
        self.reconnect()

    def reconnect(self):
        self.connect(httpx.Client(base_url=self.url, verify=self.tls, timeout=30), SystemClock())


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
    key = bytes.fromhex(members[0].get("/v1/consortium").json()["coordinator_key"])
    for member in members:
        member.roll = {COORDINATOR: key} | {each.id: each.key.public for each in members}
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
