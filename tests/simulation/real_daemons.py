"""Real daemons as processes, on free ports, killed and started again; and members that speak real TLS."""

import os
import signal
import subprocess
import sys
import time

import httpx

from coordinator.admin_client import Admin
from coordinator.home import initialise
from coordinator.settings import load
from protocols.enrolment import Invitation
from protocols.errors import AltroveError
from protocols.identity import COORDINATOR
from protocols.service.clock import SystemClock
from protocols.service.flower import free_port
from protocols.service.tls import client_context, make_request
from tests.simulation.member import SimulatedMember

PROGRAM = (sys.executable, "-c", "from coordinator.cli import main; main()")
NODE_PROGRAM = (sys.executable, "-m", "participant.cli")


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


class NodeDaemon:
    """One company's node as a process on ``home``, which has joined. Its log is beside the home."""

    def __init__(self, home, environment):
        self.home = home
        self.log = home.with_suffix(".log").open("ab")
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1"} | environment
        self.process = None

    def start(self):
        words = (*NODE_PROGRAM, "serve", "--home", str(self.home))
        self.process = subprocess.Popen(words, stdout=self.log, stderr=self.log, env=self.environment)

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(20)
        self.log.close()
        return code


def learn_keys(members, others=()):
    """Members trust the keys of the consortium's founders, as after comparing the roster."""
    key = bytes.fromhex(members[0].get("/v1/consortium").json()["coordinator_key"])
    keys = {each.id: each.key.public for each in members} | dict(others)
    for member in members:
        member.roll = {COORDINATOR: key} | keys
