import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, Response

from protocols.service.app import create_app
from protocols.service.client import ServiceClient
from protocols.service.errors import CannotListen, PortTaken
from protocols.service.listeners import Listeners, Tcp, Unix
from protocols.service.patience import Hurried
from protocols.service.problems import Refused
from protocols.service.waiting import Bell
from tests.protocols.service.daemon import running

SOON_S = 20.0
"""Shorter than either poll lasts by itself; a busy machine may need most of it."""


def app(name: str, bell: Bell | None = None, asked: threading.Semaphore | None = None):
    router = APIRouter()

    @router.get("/name")
    async def tell() -> dict[str, str]:
        return {"name": name}

    @router.get("/wait")
    async def wait() -> Response:
        if asked:
            asked.release()
        found = await (bell or Bell()).wait(lambda: None, seconds=25)
        return Response(status_code=204 if found is None else 200)

    @router.get("/deaf")
    async def deaf() -> None:
        if asked:
            asked.release()
        await asyncio.sleep(60)

    return create_app(name, routers=[router])


def tcp(name="tcp", port=0, bell=None, asked=None):
    return Tcp(app=app(name, bell, asked), host="127.0.0.1", port=port, flag="--admin-port")


def test_a_tcp_listener_hangs_up_on_who_says_nothing(monkeypatch):
    monkeypatch.setattr(Hurried, "look_every_s", 0.5)
    with (
        running(tcp("one")) as (port,),
        socket.create_connection(("127.0.0.1", port), timeout=SOON_S) as line,
        suppress(ConnectionResetError),
    ):
        assert line.recv(1) == b""


def test_each_listener_answers_with_its_own_app(tmp_path):
    door = Unix(app=app("door"), path=tmp_path / "door.sock")
    with running(tcp("one"), tcp("two"), door) as (first, second, none):
        assert none == 0
        for port, name in ((first, "one"), (second, "two")):
            assert httpx.get(f"http://127.0.0.1:{port}/name").json() == {"name": name}
        with ServiceClient("http://door", socket_path=door.path) as client:
            assert client.get("/name").json() == {"name": "door"}
        assert door.path.stat().st_mode & 0o777 == 0o600
    assert not door.path.exists()


def test_a_taken_port_is_named_with_the_flag_to_change_and_nothing_stays_open(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        door = Unix(app=app("door"), path=tmp_path / "door.sock")
        free = tcp()
        with pytest.raises(PortTaken) as caught:
            Listeners([door, free, tcp(port=port)])
    assert str(port) in caught.value.expected
    assert "--admin-port" in caught.value.do
    with socket.socket(socket.AF_UNIX) as probe:
        assert probe.connect_ex(str(door.path)) != 0


def test_a_second_daemon_on_the_same_socket_is_refused_and_a_stale_socket_is_replaced(tmp_path):
    door = Unix(app=app("door"), path=tmp_path / "door.sock")
    with running(door), pytest.raises(PortTaken, match="home folder"):
        Listeners([Unix(app=app("second"), path=door.path)])
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(door.path))
    stale.close()
    with running(door), ServiceClient("http://door", socket_path=door.path) as client:
        assert client.get("/name").json() == {"name": "door"}


@pytest.mark.parametrize(
    "listener",
    [
        Tcp(app=app("x"), host="192.0.2.1", port=0, flag="--host"),
        Unix(app=app("x"), path=Path("/nonexistent/folder/x.sock")),
        Unix(app=app("x"), path=Path("/tmp") / ("x" * 120)),
    ],
)
def test_an_impossible_address_is_said_in_words(listener):
    with pytest.raises(CannotListen):
        Listeners([listener])


def test_an_app_that_fails_to_start_ends_all_listeners():
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def broken(_app):
        raise ValueError("no")
        yield

    listeners = Listeners(
        [tcp(), Tcp(app=create_app("b", routers=(), lifespan=broken), host="127.0.0.1", port=0, flag="")]
    )
    asyncio.run(asyncio.wait_for(listeners.serve(), 30))


def test_shutdown_lets_a_long_poll_go_at_once_and_cuts_a_deaf_one_with_words():
    bell, answers, asked = Bell(), {}, threading.Semaphore(0)

    def ask(port: int, path: str) -> None:
        try:
            with ServiceClient(f"http://127.0.0.1:{port}") as client:
                answers[path] = client.get(path).status_code
        except Refused as error:
            answers[path] = error.problem.code

    with running(tcp(bell=bell, asked=asked), on_stop=bell.close) as (port,):
        threads = [threading.Thread(target=ask, args=(port, path)) for path in ("/wait", "/deaf")]
        for thread in threads:
            thread.start()
            assert asked.acquire(timeout=SOON_S)
        began = time.monotonic()
    assert time.monotonic() - began < SOON_S
    for thread in threads:
        thread.join(SOON_S)
    assert answers == {"/wait": 204, "/deaf": "stopping"}


PROGRAM = """
import sys, pathlib
from protocols.service.app import create_app
from protocols.service.listeners import Listeners, Tcp, Unix
from protocols.service.patience import Hurried
from fastapi import APIRouter
import asyncio
router = APIRouter()
@router.get("/deaf")
async def deaf() -> None:
    print("asked", flush=True)
    await asyncio.sleep(60)
listeners = Listeners([Tcp(app=create_app("a", routers=[router]), host="127.0.0.1", port=0, flag="--port"),
                       Unix(app=create_app("b", routers=()), path=pathlib.Path(sys.argv[1]))])
print(listeners.ports[0], flush=True)
listeners.run()
print("clean", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_cleanly_in_spite_of_an_open_long_poll(tmp_path, number):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, tmp_path / "s.sock"],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    ) as daemon:
        port = int(daemon.stdout.readline())
        held = httpx.Client(timeout=60)
        poll = threading.Thread(target=lambda: held.get(f"http://127.0.0.1:{port}/deaf"))
        poll.start()
        assert any(line == "asked\n" for line in daemon.stdout)
        daemon.send_signal(number)
        assert daemon.wait(SOON_S) == 0
        assert daemon.stdout.read().endswith("clean\n")
        poll.join(SOON_S)
        held.close()
    assert not (tmp_path / "s.sock").exists()


def test_a_connection_does_not_wait_for_acknowledgements_before_it_sends_the_rest():
    served = Listeners([Tcp(app=app("quick"), host="127.0.0.1", port=0, flag="--port")])
    listening = served._sockets[0]
    listening.listen()
    with socket.create_connection(("127.0.0.1", served.ports[0])), listening.accept()[0] as accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    listening.close()
