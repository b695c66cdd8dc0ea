"""The fleet pipe leads to the coordinator's fleet, for one user, through the proxy where one is set."""

import os
import socket
import threading
from contextlib import ExitStack, contextmanager
from time import time

import pytest

from participant.courier import FleetPipe, Route
from participant.courier.pipe import CONNECTIONS
from protocols.service.jobs import Jobs
from protocols.service.proxy import HttpProxy
from protocols.service.tls import client_context, server_context
from tests.protocols.service.daemon import Certificates, identity

pytestmark = pytest.mark.enable_socket
CONSOLE = b"GET /recommendations?customer=4711 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
GREETING = 0x16
"""How a TLS connection begins (RFC 8446, section 5.1: a handshake record)."""


@contextmanager
def listening(serve, host="127.0.0.1", port=0):
    """Serve every connection in a thread of its own; yields the port."""

    def accept():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(peer,), daemon=True).start()

    with socket.create_server((host, port)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def upper_casing(heard, tls=None, proxy=b""):
    """Answer in capitals, under ``tls``; ``heard`` keeps what came, and as a proxy the head that came first.

    A proxy answers ``proxy`` to that head, and whatever it lets through speaks with itself.
    """

    def serve(peer):
        with ExitStack() as stack:
            stack.enter_context(peer)
            if proxy:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += peer.recv(1000)
                heard.append(head)
                peer.sendall(proxy)
            try:
                peer = stack.enter_context(tls.wrap_socket(peer, server_side=True)) if tls else peer
                while data := peer.recv(1000):
                    heard.append(data)
                    peer.sendall(data.upper())
            except OSError:
                return

    return serve


@pytest.fixture
def certificates(tmp_path):
    return Certificates(folder=tmp_path, now=int(time()))


@pytest.fixture
def trusting(certificates):
    """What the daemon knows of the fleet before it connects."""
    return client_context(certificates.authority_pem)


@pytest.fixture
def shown(certificates):
    """TLS of the coordinator's host."""
    pair = certificates.server(["127.0.0.1", "coordinator.example"])
    return server_context(*pair, authority=None, require_client=False)


@pytest.fixture
def names(monkeypatch):
    """The coordinator's zone, which it may change at any time: name -> address."""
    zone, real = {}, socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *args, **words: real(zone.get(host, host), *args, **words)
    )
    return zone


@pytest.fixture
def fleet(shown):
    """The fleet as a :class:`Route` knows it."""
    with listening(upper_casing([], shown)) as port:
        yield f"127.0.0.1:{port}"


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


def test_bytes_go_to_the_fleet_and_back(opened, fleet, trusting):
    say = opened(Route(fleet=fleet, tls=trusting))
    assert [say(b"one"), say(b"two")] == [b"ONE", b"TWO"]


def test_another_user_is_hung_up_on(opened, fleet, trusting):
    assert opened(Route(fleet=fleet, tls=trusting), uid=12345)(b"one") == b""


def test_a_fleet_that_is_not_there_is_an_end_of_the_connection(opened, trusting):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert opened(Route(fleet=f"127.0.0.1:{port}", tls=trusting))(b"one") == b""


def test_what_listens_behind_the_coordinators_name_hears_no_byte_of_the_courier(
    opened, trusting, names, caplog, capsys
):
    heard = []
    names["coordinator.example"] = "127.0.0.1"  # the shop's own console, at a port that the coordinator named
    with listening(upper_casing(heard)) as port:
        assert opened(Route(fleet=f"coordinator.example:{port}", tls=trusting))(CONSOLE) == b""
    assert heard[0][0] == GREETING
    assert not any(b"4711" in piece or b"GET" in piece for piece in heard)
    assert "is not the coordinator" in caplog.text + capsys.readouterr().out


def test_a_name_that_leads_elsewhere_the_second_time_leads_nowhere(opened, shown, trusting, names):
    heard = []
    with (
        listening(upper_casing([], shown)) as port,
        listening(upper_casing(heard), "127.0.0.2", port),
    ):
        say = opened(Route(fleet=f"coordinator.example:{port}", tls=trusting))
        names["coordinator.example"] = "127.0.0.1"
        assert say(b"one") == b"ONE"
        names["coordinator.example"] = "127.0.0.2"
        assert say(CONSOLE) == b""
        assert heard[0][0] == GREETING
        names["coordinator.example"] = "127.0.0.1"
        assert say(b"two") == b"TWO"


def strangers(certificates):
    """TLS that the shop's own services, or another member, could show."""
    (certificates.folder / "other").mkdir()
    other = Certificates(folder=certificates.folder / "other", now=certificates.now)
    return {
        "of another authority": other.server(["coordinator.example"]),
        "of another host": certificates.server(["database.example", "127.0.0.1"]),
        "of a member": certificates.client(identity(1)[0]),
    }


@pytest.mark.parametrize("whose", ["of another authority", "of another host", "of a member"])
def test_a_certificate_that_is_not_the_coordinators_hears_no_byte_of_the_courier(
    opened, certificates, trusting, names, whose
):
    heard = []
    names["coordinator.example"] = "127.0.0.1"
    tls = server_context(*strangers(certificates)[whose], authority=None, require_client=False)
    with listening(upper_casing(heard, tls)) as port:
        assert opened(Route(fleet=f"coordinator.example:{port}", tls=trusting))(CONSOLE) == b""
    assert heard == []


OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"


def test_a_proxy_is_asked_for_the_fleet_and_given_its_password(opened, shown, trusting):
    heard = []
    with listening(upper_casing(heard, shown, OPEN)) as port:
        proxy = HttpProxy.parse(f"http://user:p%40ss@127.0.0.1:{port}")
        say = opened(Route(fleet="coordinator.example:7403", tls=trusting, proxy=proxy))
        assert say(b"one") == b"ONE"
    assert heard[0].startswith(
        b"CONNECT coordinator.example:7403 HTTP/1.1\r\nHost: coordinator.example:7403\r\n"
    )
    assert b"Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in heard[0]


@pytest.mark.parametrize("more", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_where_a_proxy_leads_elsewhere_nothing_of_the_courier_is_heard_and_nothing_of_it_comes_back(
    opened, trusting, more
):
    heard = []
    with listening(upper_casing(heard, None, OPEN + more)) as port:
        proxy = HttpProxy.parse(f"http://127.0.0.1:{port}")
        assert opened(Route(fleet="coordinator.example:7403", tls=trusting, proxy=proxy))(CONSOLE) == b""
    assert all(piece[0] == GREETING for piece in heard[1:])


def test_a_proxy_that_refuses_is_named_without_its_password(opened, trusting, caplog, capsys):
    refusing = upper_casing([], None, b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    with listening(refusing) as port:
        proxy = HttpProxy.parse(f"http://user:secret@127.0.0.1:{port}")
        say = opened(Route(fleet="coordinator.example:7403", tls=trusting, proxy=proxy))
        assert say(b"one") == b""
    said = caplog.text + capsys.readouterr().out
    assert "refuses coordinator.example:7403 (407)" in said
    assert "exchange.proxy" in said
    assert "secret" not in said


def test_a_proxy_that_never_ends_its_answer_is_left(opened, trusting):
    with listening(upper_casing([], None, b"HTTP/1.1 200 " + bytes(20_000))) as port:
        proxy = HttpProxy.parse(f"http://127.0.0.1:{port}")
        assert opened(Route(fleet="coordinator.example:7403", tls=trusting, proxy=proxy))(b"one") == b""


def test_a_peer_that_opens_many_connections_takes_its_own_pipe_away(opened, fleet, trusting, tmp_path):
    with ExitStack() as stack:
        say = opened(Route(fleet=fleet, tls=trusting))
        for _ in range(CONNECTIONS):
            peer = stack.enter_context(socket.socket(socket.AF_UNIX))
            peer.settimeout(20)
            peer.connect(str(tmp_path / "fleet.sock"))
            peer.sendall(b"x")
            assert peer.recv(10) == b"X"
        assert say(b"one") == b""


def test_a_peer_that_goes_away_frees_its_connection_to_the_fleet(opened, shown, trusting, tmp_path):
    ended = threading.Event()

    def serve(peer):
        with shown.wrap_socket(peer, server_side=True) as tls:
            tls.sendall(tls.recv(10).upper())
            assert tls.recv(10) == b""
            ended.set()

    with listening(serve) as port:
        opened(Route(fleet=f"127.0.0.1:{port}", tls=trusting))(b"one")
        assert ended.wait(60)
