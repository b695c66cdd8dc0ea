"""Whoever keeps a listener waiting is hung up on, and nobody else is."""

import asyncio
import contextlib
import socket
import threading
import time

import pytest
import uvicorn

from protocols.service.patience import BYTES_PER_S, Hurried

pytestmark = pytest.mark.enable_socket
LOOK_S = 0.8
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


class Quick(Hurried):
    look_every_s = LOOK_S


async def app(scope, receive, send):
    """Reads the body, then takes its time over the answer."""
    while (await receive()).get("more_body"):
        pass
    await asyncio.sleep(3 * LOOK_S if scope["path"] == "/slow" else 0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def port():
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http=Quick, lifespan="off", ws="none", log_config=None, timeout_keep_alive=600
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def line(port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as opened:
        yield opened


def hung_up(line):
    """Whether the other end hangs up within the time of a test."""
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_connection_that_says_nothing_ends(line):
    assert hung_up(line)


def test_a_head_that_never_ends_ends_the_connection(line):
    line.sendall(b"POST / HTTP/1.1\r\nHost:")
    assert hung_up(line)


def test_a_second_head_that_never_ends_does_too(line):
    line.sendall(HEAD % 0)
    assert line.recv(4096).startswith(b"HTTP/1.1 200")
    line.sendall(b"POST / HT")
    assert hung_up(line)


def test_a_body_that_drips_ends(line):
    line.sendall(HEAD % 10_000_000)
    with contextlib.suppress(ConnectionError):
        for _ in range(200):
            line.sendall(b"x" * (BYTES_PER_S // 100))
            time.sleep(0.05)
        raise AssertionError("it was waited for")


def test_a_slow_but_steady_body_and_a_slow_answer_are_waited_for(line):
    piece = int(4 * LOOK_S * BYTES_PER_S)  # four times what a look asks for, every quarter of a look
    line.sendall(HEAD.replace(b"POST /", b"POST /slow") % (12 * piece))
    for _ in range(12):
        time.sleep(LOOK_S / 4)
        line.sendall(b"x" * piece)
    assert line.recv(4096).startswith(b"HTTP/1.1 200")
