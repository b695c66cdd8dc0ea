"""The real daemon, over TLS with client certificates, killed with SIGKILL once in every phase."""

import subprocess
import time
from hashlib import sha256

import httpx
import numpy as np
import pytest
from safetensors.numpy import load_file

from coordinator.admin_client import Admin
from coordinator.api import shapes
from coordinator.errors import NotInitialised
from protocols.identity import IdentityKey
from protocols.limits import CHUNK_BYTES
from protocols.service.signing import content_digest
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


def test_a_connection_cut_in_mid_chunk_and_a_killed_daemon_lose_no_verified_chunk(daemon, tmp_path):
    members = founded(daemon, tmp_path)
    concepts = 800  # 320,400 cells: 1.3 MB in two chunks
    daemon.admin.publish("many", [f"C{i:03d}" for i in range(concepts)])
    for index, member in enumerate(members):
        member.answer = np.full(concepts * (concepts + 1) // 2, (index + 1) << 24)
        member.withholds_bytes = True
    number = daemon.admin.ask(
        shapes.AskRequest(question="taste", parameters={"until": 5, "customers_cap": 100})
    )
    everybody(members, lambda: all((number, 1) in member.vectors for member in members))
    first, *others = members
    path, body = f"/v1/rounds/{number}/1/vector", b"".join(first.vectors[number, 1])

    def cut():
        yield body[: CHUNK_BYTES + 1_000]
        raise ConnectionError("the cable")

    headers = {"Content-Digest": content_digest(sha256(body).digest()), "Content-Length": str(len(body))}
    with pytest.raises(ConnectionError):
        first.client.put(path, content=cut(), headers=headers, auth=first.auth)
    for restarted in (False, True):
        if restarted:
            daemon.kill()
            daemon.start()
            for member in members:
                member.client.close()
                member.reconnect()
        until(lambda: first.get(path).json() == {"have": CHUNK_BYTES, "size": len(body)})
    rest = first.client.put(f"{path}?offset={CHUNK_BYTES}", content=body[CHUNK_BYTES:], auth=first.auth)
    assert rest.json() == {"have": len(body), "size": len(body)}
    for member in others:
        assert member.upload(number, 1).status_code == 200
    everybody(members, lambda: daemon.admin.round(number).state != "open")
    view = daemon.admin.round(number)
    assert (view.state, len(view.attempts)) == ("released", 1)
    payload = daemon.home / "releases"
    (numbers,) = (load_file(path)["sum"] for path in payload.glob("*.safetensors"))
    assert len(set(numbers.tolist())) == 1
    assert numbers[0] % 6 == 0, "1 + 2 + 3, at the scale of the question"
    assert daemon.stop() == 0


def everybody(members, condition):
    """Every member acts on what it is handed, until ``condition``."""

    def step():
        for member in members:
            member.poll()
        return condition()

    until(step)


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_without_a_client_certificate_nobody_speaks_to_the_members_listener(daemon, tmp_path):
    member = TlsMember("m", IdentityKey(bytes([9]) * 32))
    member.enrol(daemon.admin, tmp_path)
    assert member.get("/v1/consortium").status_code == 200
    with httpx.Client(base_url=member.url, verify=member.bare) as bare, pytest.raises(httpx.TransportError):
        bare.get("/v1/consortium")


def test_the_command_line_of_an_empty_home_says_to_run_init(tmp_path):
    with pytest.raises(NotInitialised):
        Admin(tmp_path)
