"""Flower alone, for real: a SuperLink, three SuperNodes with registered keys, TLS, and one run.

A fake dock and fake doors stand for the daemons. The envelope goes out before any answer exists.
"""

import socket
import ssl
import urllib.error
import urllib.request
from base64 import b64encode
from contextlib import ExitStack, suppress
from datetime import UTC, datetime

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from coordinator.courier.superlink import BODY_BYTES
from participant.courier import courier_key_pair
from protocols.limits import PIECE_BYTES
from tests.simulation.fake_daemons import FakeDock, FakeDoor, Work
from tests.simulation.flower_fleet import LocalFleet

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket, pytest.mark.timeout(300)]
SEALED = [bytes([index + 1]) * 4_000 for index in range(3)]


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    """(fleet, dock, doors) with every node online and a run that polls the dock."""
    folder = tmp_path_factory.mktemp("flower")
    with ExitStack() as stack:
        dock = stack.enter_context(FakeDock(folder / "dock.sock"))
        doors = [stack.enter_context(FakeDoor(folder / f"door{index}.sock")) for index in range(3)]
        local = LocalFleet(folder, dock.path, tuple(door.path for door in doors))
        local.fleet.on_run = lambda run: setattr(dock, "run_id", run)
        dock.on_poll.append(local.fleet.note_dock_poll)
        stack.enter_context(local)
        local.fleet.wait_run(120)
        local.wait_online(120)
        yield local, dock, doors


def ask(local, dock, attempt, nodes, **given):
    lease = f"attempt {attempt}"
    dock.work.append(Work(lease=lease, round=1, attempt=attempt, nodes=tuple(nodes), **given))


def finished(dock, attempt):
    return dock.wait(lambda: f"attempt {attempt}" in dock.done, 120)


def test_bytes_that_came_into_being_after_the_envelope_arrive_exactly(consortium):
    local, dock, doors = consortium
    ask(local, dock, 1, local.nodes)
    assert dock.wait(lambda: all(door.asked for door in doors), 120), "an envelope did not arrive"
    assert dock.vectors == {}
    for door, sealed in zip(doors, SEALED, strict=True):
        door.sealed[1, 1] = sealed
    assert finished(dock, 1)
    assert dock.vectors == {(1, 1, node): sealed for node, sealed in zip(local.nodes, SEALED, strict=True)}
    assert dock.errors == {}


def test_a_vector_of_several_flower_objects_arrives_exactly_from_the_listed_node_alone(consortium):
    local, dock, doors = consortium
    large = bytes(range(251)) * 25_000  # 6.3 MB: more than one object of 5 MiB
    for door in doors:
        door.sealed[1, 2] = large
    ask(local, dock, 2, local.nodes[:1], size=len(large))
    assert finished(dock, 2)
    assert {key: len(body) for key, body in dock.vectors.items() if key[1] == 2} == {
        (1, 2, local.nodes[0]): len(large)
    }
    assert dock.vectors[1, 2, local.nodes[0]] == large
    assert [(1, 2) in door.asked for door in doors] == [True, False, False]


def test_a_vector_of_several_pieces_arrives_exactly_and_no_piece_is_carried_twice(consortium):
    local, dock, doors = consortium
    piece, long = 2**20, bytes(range(253)) * 11_000  # 2.8 MB: three pieces, the last of them shorter
    for door in doors[:2]:
        door.piece, door.sealed[1, 4] = piece, long
        door.offsets.clear()
    ask(local, dock, 4, local.nodes[:2], size=len(long), piece=piece)
    assert finished(dock, 4)
    assert [dock.vectors[1, 4, node] == long for node in local.nodes[:2]] == [True, True]
    assert [door.offsets for door in doors[:2]] == [[0, piece, 2 * piece]] * 2
    for door in doors[:2]:
        door.piece = PIECE_BYTES


def test_an_unregistered_key_is_refused(consortium):
    local, dock, doors = consortium
    stranger = local.courier("stranger", doors[0].path)
    log = stranger.files.work / "logs" / "supernode.log"
    before = set(local.fleet.health().online)
    stranger.start()
    try:
        assert dock.wait(lambda: log.exists() and "Failed to activate SuperNode" in log.read_text(), 60)
        assert set(local.fleet.health().online) == before
    finally:
        stranger.stop()


def test_registering_the_same_key_again_gives_the_same_node(consortium):
    local, *_ = consortium
    again = local.fleet.register("node0", courier_key_pair(local.couriers[0].files.key))
    assert again == local.nodes[0]


@pytest.mark.parametrize(
    "path", ["/v1/control/list-nodes", "/v1/control/start-run", "/v1/fleet/register-node"]
)
def test_the_public_listener_hides_control(consortium, path):
    local, *_ = consortium
    request = urllib.request.Request(f"https://{local.settings.address}{path}", data=b"", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, context=ssl.create_default_context(cafile=local.settings.ca))
    assert refusal.value.code == 404


def signed(local):
    """The headers with which the first node's SuperNode says who it is."""
    key = load_ssh_private_key(local.couriers[0].files.key.read_bytes(), None)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    said = datetime.now(UTC).isoformat()
    signature = key.sign(said.encode(), ECDSA(SHA256()))
    return {
        "flwr-public-key": b64encode(public).decode(),
        "flwr-signature": b64encode(signature).decode(),
        "flwr-timestamp": said,
    }


@pytest.mark.parametrize(
    ("path", "body", "stranger", "member"),
    [
        ("pull-messages", b"\xff" * 300, {401}, range(400, 500)),
        ("push-object", b"no protobuf", {401}, range(400, 500)),
        ("get-fab", b"", {401}, range(400, 500)),
        ("activate-node", b"\xff" * 300, range(400, 500), range(400, 500)),
        ("push-object", bytes(BODY_BYTES + 1), {404}, {404}),
    ],
)
def test_what_is_no_message_is_refused_and_the_fleet_goes_on(consortium, path, body, stranger, member):
    local, *_ = consortium
    context = ssl.create_default_context(cafile=local.settings.ca)
    kind = {"Content-Type": "application/protobuf"}  # without it Flower does not look at the body at all
    for headers, status in ((kind, stranger), (kind | signed(local), member)):
        request = urllib.request.Request(
            f"https://{local.settings.address}/v1/fleet/{path}", body, headers, method="POST"
        )
        with pytest.raises((urllib.error.HTTPError, ConnectionError, urllib.error.URLError)) as refusal:
            urllib.request.urlopen(request, context=context)
        if isinstance(refusal.value, urllib.error.HTTPError):
            assert refusal.value.code in status
            assert refusal.value.code != 415
            # The gate's own answer has no body: a member's message is judged by Flower.
            assert headers is kind or refusal.value.code == 404 or refusal.value.read()
    assert all(process.running and not process.restarts for process in local.fleet.health().processes)


def connected(local):
    host, port = local.settings.address.rsplit(":", 1)
    context = ssl.create_default_context(cafile=local.settings.ca)
    return context.wrap_socket(socket.create_connection((host, int(port)), timeout=90), server_hostname=host)


def test_a_stranger_is_answered_before_a_byte_of_its_body_has_come(consortium):
    with connected(consortium[0]) as line:
        line.sendall(
            b"POST /v1/fleet/push-object HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % BODY_BYTES
        )
        assert line.recv(4096).startswith(b"HTTP/1.1 401")


def test_the_public_listener_hangs_up_on_who_says_nothing(consortium):
    with connected(consortium[0]) as line, suppress(ConnectionResetError, ssl.SSLEOFError):
        assert line.recv(1) == b""


def test_a_run_that_dies_is_replaced_and_its_lease_is_carried_by_the_new_one(consortium):
    local, dock, doors = consortium
    ask(local, dock, 3, local.nodes)
    assert dock.wait(lambda: all((1, 3) in door.asked for door in doors), 120)
    first = dock.run_id
    (superexec,) = [one for one in local.fleet.health().processes if one.name == "superexec"]
    for child in psutil.Process(superexec.pid).children():
        child.kill()
    local.fleet._polled_at -= 100  # the silence of the dock, without waiting for it
    assert dock.wait(lambda: dock.run_id != first, 120)
    for door, sealed in zip(doors, SEALED, strict=True):
        door.sealed[1, 3] = sealed[::-1]
    assert finished(dock, 3)
    for node, sealed in zip(local.nodes, SEALED, strict=True):
        assert dock.vectors[1, 3, node] == sealed[::-1]


def test_stopping_leaves_no_process(tmp_path):
    with FakeDock(tmp_path / "dock.sock") as dock:
        local = LocalFleet(tmp_path, dock.path, (tmp_path / "door.sock",))
        with local:
            assert dock.wait(lambda: len(local.pids()) == 4, 60)
            processes = [psutil.Process(pid) for pid in local.pids()]
    assert not any(process.is_running() for process in processes)
