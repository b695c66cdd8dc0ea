"""A signed and hostile app bundle gets the door and nothing else; an unsigned one is not even run."""

import json
import os
import socket
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.courier import bundle
from participant.courier import Isolation, courier_user, find_isolation
from participant.courier.sandbox import MEMORY_DISK_BYTES, TASKS
from tests.simulation.fake_daemons import FakeDoor
from tests.simulation.flower_fleet import LocalFleet

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket, pytest.mark.timeout(300)]
COULD_NOT_BE_VERIFIED = 7
"""Flower's code for a bundle whose signature no trusted key has made."""

PYPROJECT = bundle.PYPROJECT.replace('dock = ""', 'node = ""\nresult = ""\ntargets = "{}"')
HOME = {
    "node.db": "database",
    "keys/identity.seed": "key",
    "data/sales.parquet": "data",
    "node.toml": "settings",
}
REQUESTS = {
    "GET /door/vectors/1/1?wait_s=1 HTTP/1.1": 200,
    "POST /door/vectors/1/1 HTTP/1.1": 405,
    "GET /v1/recommendations HTTP/1.1": 404,
    "GET /docs HTTP/1.1": 404,
}


def hostile(folder):
    source = Path(__file__).with_name("hostile")
    package = folder / bundle.PACKAGE
    package.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    for name in ("__init__.py", "client_app.py", "server_app.py"):
        (package / name).write_bytes((source / name).read_bytes())
    return bundle.build(folder)


def until(condition, seconds=150):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def outcome(tmp_path, door, targets, **fleet):
    """What the ClientApp of the hostile bundle reported."""
    result, config = tmp_path / "result.json", {"targets": json.dumps(targets), "result": "", "node": ""}
    config["result"] = str(result)
    fab = hostile(tmp_path / "hostile")
    local = LocalFleet(
        tmp_path, tmp_path / "dock.sock", (door,), fab=fab, run_config=config, first_poll_s=1e9, **fleet
    )
    starts_run = local.fleet._start_run

    def when_registered(control):
        if registered := control.nodes():
            local.fleet._run_config["node"] = registered[0].node
            starts_run(control)

    local.fleet._start_run = when_registered
    with local:
        assert until(result.exists), "the hostile bundle did not answer"
    return json.loads(result.read_text())


@pytest.mark.skipif(
    find_isolation(courier_user("")) is not Isolation.SANDBOX,
    reason="no sandbox works on this machine (bubblewrap missing, or user namespaces forbidden)",
)
def test_a_hostile_bundle_gets_nothing_but_the_door(tmp_path, monkeypatch):
    monkeypatch.setenv("ALTROVE_NODE_DATABASE", "postgresql://node:secret@db/node")
    home = tmp_path / "node0"
    for name, content in HOME.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(content)
        (home / name).chmod(0o666)  # it is the cell that hides them, not their mode
    for folder in (home / "keys", home / "data"):
        folder.chmod(0o777)
    with FakeDoor(tmp_path / "real.sock") as door, socket.create_server(("127.0.0.1", 0)) as shop:
        door.sealed[1, 1] = b"sealed"
        files = [str(home / name) for name in HOME]
        files += [str(home / "courier" / name) for name in ("courier.key", "trusted.json")]
        files += [str(home / "courier" / "work" / name) for name in ("loopback.key", "loopback.pem")]
        targets = {
            "files": [*files, "/etc/passwd", "/etc/shadow", "/root/.bashrc"],
            "folders": [str(home), str(tmp_path), "/etc", "/home"],
            "tcp": [["127.0.0.1", shop.getsockname()[1]], ["192.0.2.1", 443], ["127.0.0.1", 22]],
            "unix": [str(home / "run" / "fleet.sock"), str(tmp_path / "real.sock")],
            "door": str(home / "run" / "door.sock"),
            "requests": [f"{line}\r\nHost: d\r\nConnection: close\r\n\r\n" for line in REQUESTS],
            "pid": os.getpid(),
            "disks": ["/", "/etc", "/dev", "/dev/shm", "/run", "/var", "/tmp"],
        }
        said = outcome(tmp_path, door.path, targets)
    told = {name: said.pop(name) for name in ("user", "environment", "environments")}
    for line, status in REQUESTS.items():
        assert said.pop(f"door {line.split(' HTTP')[0]}").split()[1] == str(status)
    assert said.pop("fill /tmp") <= MEMORY_DISK_BYTES
    assert said.pop("fork") < TASKS
    assert said.pop(f"list {home}") == ["courier", "run"]  # its own folder and the door lie there
    got = {name: result for name, result in said.items() if not str(result).startswith("refused")}
    assert got == {f"list {tmp_path}": ["node0"], "list /etc": ["alternatives", "ld.so.cache"]}
    assert len(said) > 20
    assert told["user"] == courier_user("").uid
    assert "FLWR_HOME" in told["environments"]
    assert "ALTROVE_NODE_DATABASE" not in told["environments"]


def test_a_bundle_that_no_trusted_key_has_signed_is_not_run(tmp_path):
    with FakeDoor(tmp_path / "real.sock") as door:
        said = outcome(tmp_path, door.path, {}, signed_by=Ed25519PrivateKey.generate())
    assert said["error"][0] == COULD_NOT_BE_VERIFIED
