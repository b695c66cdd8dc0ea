"""A unix listener asks the kernel who connects, whatever the file's mode allows."""

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
from fastapi import APIRouter

from protocols.service import peers
from protocols.service.app import create_app
from protocols.service.client import ServiceClient
from protocols.service.errors import Unreachable
from protocols.service.listeners import Unix
from tests.protocols.service.daemon import running

pytestmark = pytest.mark.enable_socket
STRANGER = 65534
ASK = """
import os, socket, sys
os.chdir(sys.argv[1])
os.setgroups([]); os.setgid({uid}); os.setuid({uid})
peer = socket.socket(socket.AF_UNIX); peer.settimeout(20); peer.connect("door.sock")
try:
    peer.sendall(b"GET /name HTTP/1.1\\r\\nHost: door\\r\\nConnection: close\\r\\n\\r\\n")
    print(peer.recv(15).decode())
except ConnectionError:
    print("")
"""


def listener(path, **more):
    router = APIRouter()

    @router.get("/name")
    async def name() -> str:
        return "door"

    return Unix(app=create_app("door", routers=[router]), path=path, **more)


def test_a_stranger_is_hung_up_on_and_this_user_served(tmp_path, monkeypatch):
    door = listener(tmp_path / "door.sock", mode=0o666)
    with running(door), ServiceClient("http://door", socket_path=door.path) as client:
        assert client.get("/name").json() == "door"
    monkeypatch.setattr(peers, "uid_of", lambda _peer: os.getuid() + 1)
    with (
        running(door),
        ServiceClient("http://door", socket_path=door.path) as client,
        pytest.raises(Unreachable),
    ):
        client.get("/name")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("others", "said"), [((), ""), ((STRANGER,), "HTTP/1.1 200 OK")])
def test_another_user_is_served_only_where_it_is_named(tmp_path, others, said):
    tmp_path.chmod(0o755)
    door = listener(tmp_path / "door.sock", mode=0o666, others=frozenset(others))
    with running(door):
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", ASK.format(uid=STRANGER), str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert done.stdout.strip() == said


def test_a_peer_that_opens_many_connections_is_hung_up_on(tmp_path):
    door = listener(tmp_path / "door.sock")
    with running(door), ExitStack() as stack:
        silent = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(peers.CONNECTIONS)]
        for peer in silent:
            peer.connect(str(door.path))
        with ServiceClient("http://door", socket_path=door.path) as client, pytest.raises(Unreachable):
            client.get("/name")
        for peer in silent:
            peer.close()
        with ServiceClient("http://door", socket_path=door.path) as client:
            until = time.monotonic() + 20
            while (answer := _name(client)) is None and time.monotonic() < until:
                time.sleep(0.05)
            assert answer == "door"


def _name(client):
    try:
        return client.get("/name").json()
    except Unreachable:
        return None
