"""The fleet pipe leads to one address, for one user, through the proxy where one is set."""

import gc
import os
import socket
import threading
from contextlib import ExitStack, contextmanager

import pytest

from participant.courier import FleetPipe, Route
from participant.courier.pipe import CONNECTIONS
from protocols.service.jobs import Jobs
from protocols.service.proxy import HttpProxy

pytestmark = pytest.mark.enable_socket


@contextmanager
def upper_casing(*, proxy=b"", heads=None):
    """A server that answers in capitals; as a proxy it answers ``proxy`` to the head that it keeps first."""

    def serve(peer):
        with peer:
            if proxy:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += peer.recv(1000)
                heads.append(head.decode())
                peer.sendall(proxy)
            while data := peer.recv(1000):
                peer.sendall(data.upper())

    def accept():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(peer,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def opened(tmp_path):
    """Open a pipe along a route and return a function that talks through it."""
    with ExitStack() as stack:

        def open_(route, uid=None):
            path = tmp_path / "fleet.sock"
            pipe, jobs = FleetPipe(path, route, uids=frozenset({uid or os.getuid()}), mode=0o600), Jobs()
            jobs.start("pipe", pipe.run)
            stack.callback(jobs.stop, timeout_s=30)

            def say(data):
                with socket.socket(socket.AF_UNIX) as peer:
                    peer.settimeout(20)
                    peer.connect(str(path))
                    try:
                        peer.sendall(data)
                        return peer.recv(1000)
                    except ConnectionError:
                        return b""

            return say

        yield open_


def test_bytes_go_to_the_fleet_and_back(opened):
    with upper_casing() as fleet:
        say = opened(Route(fleet=fleet))
        assert [say(b"one"), say(b"two")] == [b"ONE", b"TWO"]


def test_who_has_said_all_still_hears_the_answer_after_a_garbage_collection(opened, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as fleet:
        opened(Route(fleet=f"127.0.0.1:{fleet.getsockname()[1]}"))
        with socket.socket(socket.AF_UNIX) as cell:
            cell.settimeout(20)
            cell.connect(str(tmp_path / "fleet.sock"))
            cell.sendall(b"one")
            cell.shutdown(socket.SHUT_WR)
            peer, _ = fleet.accept()
            with peer:
                peer.settimeout(20)
                assert [peer.recv(1000), peer.recv(1000)] == [b"one", b""]
                gc.collect()
                peer.sendall(b"ONE")
            assert cell.recv(1000) == b"ONE"


def test_another_user_is_hung_up_on(opened):
    with upper_casing() as fleet:
        assert opened(Route(fleet=fleet), uid=12345)(b"one") == b""


def test_a_fleet_that_is_not_there_is_an_end_of_the_connection(opened):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert opened(Route(fleet=f"127.0.0.1:{port}"))(b"one") == b""


def test_a_proxy_is_asked_for_the_fleet_and_given_its_password(opened):
    heads = []
    with upper_casing(proxy=b"HTTP/1.1 200 Connection established\r\n\r\n", heads=heads) as proxy:
        say = opened(Route(fleet="fleet.example:7403", proxy=HttpProxy.parse(f"http://user:p%40ss@{proxy}")))
        assert say(b"one") == b"ONE"
    assert heads[0].startswith("CONNECT fleet.example:7403 HTTP/1.1\r\nHost: fleet.example:7403\r\n")
    assert "Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in heads[0]


def test_a_proxy_that_refuses_is_named_without_its_password(opened, caplog, capsys):
    with upper_casing(proxy=b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", heads=[]) as proxy:
        say = opened(Route(fleet="fleet.example:7403", proxy=HttpProxy.parse(f"http://user:secret@{proxy}")))
        assert say(b"one") == b""
    said = caplog.text + capsys.readouterr().out
    assert "refuses fleet.example:7403 (407)" in said
    assert "exchange.proxy" in said
    assert "secret" not in said


def test_a_peer_that_opens_many_connections_takes_its_own_pipe_away(opened, tmp_path):
    with upper_casing() as fleet, ExitStack() as stack:
        say = opened(Route(fleet=fleet))
        for _ in range(CONNECTIONS):
            peer = stack.enter_context(socket.socket(socket.AF_UNIX))
            peer.settimeout(20)
            peer.connect(str(tmp_path / "fleet.sock"))
            peer.sendall(b"x")
            assert peer.recv(10) == b"X"
        assert say(b"one") == b""
