"""No courier runs that nobody vouches for, and the node says so and goes on over the API."""

import asyncio
import os
import socket
import ssl
import stat
import threading
from contextlib import suppress
from time import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from participant.courier import Isolation, trust
from participant.courier.pipe import CannotReach
from participant.courier_desk import CourierDesk
from participant.errors import BadSettings
from participant.home import Home
from participant.settings import CourierSwitch, Settings
from protocols.bundle import ReleaseKey
from protocols.service.jobs import Stop
from protocols.service.tls import server_context
from tests.protocols.service.daemon import Certificates, identity

KEY = ReleaseKey.of(Ed25519PrivateKey.from_private_bytes(bytes(32)))


class Noticing:
    """An exchange that remembers whether it was told to do without a courier."""

    alone = False

    def __init__(self):
        self.courier_was_silent = threading.Event()

    def without_courier(self):
        self.alone = True


def desk(tmp_path, *, trusted=True, link=None, **courier):
    home = Home(root=tmp_path / "home")
    home.make()
    if trusted:
        trust(home.courier.trusted, (KEY,))
    exchange = Noticing()
    made = CourierDesk(
        home=home,
        settings=Settings(courier=CourierSwitch(**courier)),
        link=link,
        exchange=exchange,
        coordinator="https://coordinator.example:7402",
    )
    return made, exchange


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"trusted": False}, "no release key is trusted"),
        ({"mode": "off"}, "by the settings"),
        ({}, "no sandbox works here"),
    ],
)
def test_what_keeps_the_courier_from_running_is_said_and_the_api_used(tmp_path, monkeypatch, parts, words):
    monkeypatch.setattr("participant.courier_desk.find_isolation", lambda _user: Isolation.NONE)
    made, exchange = desk(tmp_path, **parts)
    made.run(Stop())
    assert words in made.sentence()
    assert "over the coordinator's API" in made.sentence()
    assert exchange.alone


@pytest.mark.parametrize(
    ("said", "words"),
    [("bubblewrap said: no", "(bubblewrap said: no)"), ("", "(one works now: start the node again)")],
)
def test_why_no_sandbox_works_is_said(tmp_path, monkeypatch, said, words):
    monkeypatch.setattr("participant.courier_desk.find_isolation", lambda _user: Isolation.NONE)
    monkeypatch.setattr("participant.courier_desk.why_no_sandbox", lambda _user: said)
    assert words in desk(tmp_path)[0].refusal()


def test_a_courier_without_a_sandbox_is_accepted_by_name_only_and_said_loudly(tmp_path, monkeypatch):
    monkeypatch.setattr("participant.courier_desk.find_isolation", lambda _user: Isolation.NONE)
    made, _ = desk(tmp_path, require_sandbox=False)
    assert made.refusal() == ""
    assert made.sentence() == Isolation.NONE.sentence


def test_apart_the_courier_is_given_two_folders_by_group_and_the_rest_stays_closed(tmp_path):
    made, _ = desk(tmp_path, mode="apart", user="10002")
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / "home").iterdir()
        if path.is_dir()
    }
    assert (modes.pop("courier"), modes.pop("run")) == (0o750, 0o750)
    assert set(modes.values()) == {0o700}
    assert (made.user.uid, made.socket_mode, made.isolation) == (10002, 0o660, Isolation.APART)
    Home(root=tmp_path / "home").make()  # a later verb leaves them as they are
    assert stat.S_IMODE((tmp_path / "home" / "run").stat().st_mode) == 0o750


def test_beside_the_daemon_sockets_are_open_to_the_couriers_user_only(tmp_path):
    made, _ = desk(tmp_path)
    assert made.socket_mode == (0o666 if os.getuid() == 0 else 0o600)


@pytest.mark.parametrize("user", ["", str(os.getuid())])
def test_apart_needs_a_user_of_its_own(tmp_path, user):
    if user == "" and os.getuid() == 0:
        user = "0"  # root's default is another user already
    with pytest.raises(BadSettings, match="the user of the courier's container"):
        desk(tmp_path, mode="apart", user=user)


class Card:
    def __init__(self, address):
        self.fleet = {"address": address}

    def card(self):
        return self


@pytest.mark.parametrize(
    "address",
    [
        "",
        "10.0.0.5:22",
        "127.0.0.1:5432",
        "coordinator.example",
        "coordinator.example:1\r\nX-Evil: 1",
        "evil:7403",
    ],
)
def test_the_pipe_leads_to_the_coordinators_own_host_or_there_is_none(tmp_path, monkeypatch, address):
    monkeypatch.setattr("participant.courier_desk.find_isolation", lambda _user: Isolation.SANDBOX)
    monkeypatch.setattr("participant.courier_desk.FleetPipe", None)
    made, exchange = desk(tmp_path, link=Card(address))
    made.run(Stop())
    assert exchange.alone


def test_the_coordinators_own_address_is_taken(tmp_path):
    made, _ = desk(tmp_path, link=Card("coordinator.example:7403"))
    assert made._fleet(Stop()) == "coordinator.example:7403"


@pytest.mark.enable_socket
@pytest.mark.parametrize("named", ["127.0.0.1", "database.example"])
def test_the_pipe_has_the_fleet_prove_itself_and_shows_no_certificate_of_the_node(
    tmp_path, monkeypatch, named
):
    """The courier is nobody's client: with the node's certificate it could speak at the members' listener."""
    certificates, shown = Certificates(folder=tmp_path, now=int(time())), []
    tls = server_context(
        *certificates.server([named]), authority=certificates.write_authority(), require_client=True
    )
    tls.verify_mode = ssl.CERT_OPTIONAL
    monkeypatch.setattr("participant.courier_desk.find_isolation", lambda _user: Isolation.SANDBOX)

    class Trying:
        """A pipe that connects once and whose job is done."""

        def __init__(self, path, route, *, uids, mode):
            self.route = route

        def run(self, stop):
            try:
                asyncio.run(self.try_once())
                shown.append("connected")
            except CannotReach as reason:
                shown.append(str(reason))

        async def try_once(self):
            _, writer = await self.route.connect()
            writer.close()
            with suppress(OSError):  # the other end may have hung up first
                await writer.wait_closed()

    monkeypatch.setattr("participant.courier_desk.FleetPipe", Trying)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            peer, _ = listener.accept()
            with peer, suppress(OSError), tls.wrap_socket(peer, server_side=True) as secured:
                shown.append(secured.getpeercert())

        serving = threading.Thread(target=serve)
        serving.start()
        made, _ = desk(tmp_path, link=Card(f"127.0.0.1:{listener.getsockname()[1]}"))
        made._coordinator = "https://127.0.0.1:7402"
        home = Home(root=tmp_path / "home")
        home.authority.write_text(certificates.authority_pem)
        certificate, key = certificates.client(identity(1)[0])
        home.certificate.write_bytes(certificate.read_bytes())
        home.tls_key.write_bytes(key.read_bytes())
        monkeypatch.setattr(made, "_keep", lambda stop: serving.join(60) or stop.set())
        made.run(Stop())
    if named == "127.0.0.1":
        assert {str(each) for each in shown} == {"connected", "None"}
    else:
        assert len(shown) == 1
        assert "is not the coordinator" in shown[0]


def test_a_courier_that_did_not_come_is_started_anew_once_it_had_time_to_connect(tmp_path, monkeypatch):
    made, exchange = desk(tmp_path, require_sandbox=False)
    clock, reasons = [1000.0], []
    monkeypatch.setattr("participant.courier_desk.time.monotonic", lambda: clock[0])

    class Ticking:
        """A stop that lets a second pass at every wait, and the silence be noted at some."""

        def wait(self, seconds):
            clock[0] += 1
            if clock[0] in {1030.0, 1070.0, 1090.0, 1200.0}:
                exchange.courier_was_silent.set()
            return clock[0] >= 1300

    class Anew:
        def __init__(self, settings):
            self.running = False

        def start(self):
            self.running = True

        def stop(self):
            self.running = False

        def restart(self, reason):
            assert self.running
            reasons.append((clock[0], reason))

    monkeypatch.setattr("participant.courier_desk.Courier", Anew)
    made._keep(Ticking())
    assert [at for at, _ in reasons] == [1070.0, 1200.0]
