"""Long vectors: the real dock, spool and ServerApp with in-process couriers, and the way breaks at every piece.

A vector of three chunks travels in pieces of one chunk here.
"""

import threading
from hashlib import sha256

import numpy as np
import pytest

from coordinator.api import dock as dock_api
from coordinator.courier import server_app
from coordinator.store.members import Members
from participant.consortium import Consortium
from participant.courier.client_app import app as client_app
from protocols.limits import CHUNK_BYTES
from protocols.messages import Phase
from protocols.service.problems import raise_for_problem
from protocols.service.unit_of_work import transaction
from tests.simulation.fake_daemons import FakeDoor
from tests.simulation.flower_grid import InProcessGrid, NodeApp
from tests.simulation.rig import NAMES, Rig, expected_gram

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]
CONCEPTS = 1_100
"""605,550 cells of four bytes: 2.4 MB, two whole chunks and a part of a third."""
CHUNKS = 3
STEPS_MOST = 1_000


class RigDock:
    """The rig's real dock as the ServerApp of one run calls it; ``pieces`` says what it then had."""

    def __init__(self, rig, run_id):
        self.rig = rig
        self.run_id = run_id
        self.pieces = []

    def call(self, method, target, body=b"", timeout_s=0.0):
        separator = "&" if "?" in target else "?"
        address = f"{target}{separator}run_id={self.run_id}"
        kind = {"Content-Type": server_app.BODIES[method]}
        reply = self.rig.dock.request(method, address, content=body, headers=kind)
        if reply.status_code == 410:
            raise server_app.Superseded
        if method == "PUT" and reply.status_code == 200:
            self.pieces.append(reply.json()["have"])
        return reply.status_code, reply.content


class Fleet:
    """Couriers with a door each, and one ServerApp at a time, stepped by the test."""

    def __init__(self, rig, folder):
        self.rig = rig
        self.runs = 0
        self.doors = {}
        for index, member in enumerate(rig.members):
            door = FakeDoor(folder / f"door{index}.sock", piece=CHUNK_BYTES)
            door.__enter__()
            self.doors[member.name] = door
            with transaction(rig.services.db) as connection:
                Members(connection).set_flower_node(member.id, str(1000 + index))
        self.grid = InProcessGrid(
            {
                1000 + index: NodeApp(client_app, {"door": str(door.path)})
                for index, door in enumerate(self.doors.values())
            }
        )
        self.new_run()

    def new_run(self):
        if self.runs:
            self.carrier.close()
        self.runs += 1
        self.rig.services.dock.serve_run(f"run-{self.runs}")
        self.dock = RigDock(self.rig, f"run-{self.runs}")
        self.carrier = server_app.Carrier(self.grid, self.dock)

    def restart_daemon(self):
        self.rig.restart()
        self.rig.services.dock.serve_run(f"run-{self.runs}")

    def step_until(self, condition, what):
        pause = threading.Event()
        for _ in range(STEPS_MOST):
            if condition():
                return
            if not self.carrier.step():
                pause.wait(0.02)
        raise AssertionError(what)

    def close(self):
        self.carrier.close()
        self.grid.close()
        for door in self.doors.values():
            door.__exit__()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    rng = np.random.default_rng(5)
    return [rng.integers(0, 90, CONCEPTS * (CONCEPTS + 1) // 2) << 24 for _ in NAMES[:3]]


@pytest.fixture
def long(tmp_path, monkeypatch, template):
    """(rig, fleet, round): three members in the masking phase, headers in, sealed bytes at their doors."""
    monkeypatch.setattr(dock_api, "PIECE_BYTES", CHUNK_BYTES)
    monkeypatch.setattr(server_app, "LEASE_WAIT_S", 0)
    rig = Rig(tmp_path / "home", NAMES[:3], concepts=[f"C{i:04d}" for i in range(CONCEPTS)])
    for member, answer in zip(rig.members, template, strict=True):
        member.answer, member.withholds_bytes = answer, True
    number = rig.ask()
    fleet = Fleet(rig, tmp_path)
    for _ in range(2):
        rig.turn()
    for member in rig.members:
        member.poll()
        fleet.doors[member.name].sealed[number, 1] = b"".join(member.vectors[number, 1])
    yield rig, fleet, number
    fleet.close()
    rig.close()


def have(rig, member, number):
    return member.get(f"/v1/rounds/{number}/1/vector").json()["have"]


def upload(member, number, offset=0, body=None):
    whole = b"".join(member.vectors[number, 1])
    sent = whole[offset:] if body is None else body
    return member.client.put(f"/v1/rounds/{number}/1/vector?offset={offset}", content=sent, auth=member.auth)


def routes(rig, number):
    return {rig_name(rig, partner): v.route for partner, v in rig.view(number).newest.vectors.items()}


def rig_name(rig, partner):
    return next(member.name for member in rig.members if member.id == partner)


def released(rig, number):
    for member in rig.members:
        member.withholds_bytes = True
    rig.drive()
    assert rig.play(number).round.state == "released"
    assert len(rig.view(number).attempts) == 1
    assert np.array_equal(rig.total(number), expected_gram(rig.members, CONCEPTS))
    assert not list(rig.services.home.spool.rglob("*.part"))


def all_in(rig, number):
    return lambda: len(rig.view(number).newest.vectors) == len(rig.members)


def test_a_daemon_and_a_run_that_end_at_every_piece_lose_no_piece(long):
    rig, fleet, number = long
    bytes_at_dock = 0
    for pieces in range(1, CHUNKS * len(rig.members)):
        fleet.step_until(lambda: fleet.dock.pieces, "no piece came")
        bytes_at_dock += len(fleet.dock.pieces)
        if pieces % 2:
            fleet.restart_daemon()
        fleet.new_run()
        if all_in(rig, number)():
            break
    fleet.step_until(all_in(rig, number), "a vector is missing")
    assert bytes_at_dock + len(fleet.dock.pieces) == CHUNKS * len(rig.members), "a piece was carried twice"
    assert set(routes(rig, number).values()) == {"dock"}
    released(rig, number)


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_courier_that_dies_after_any_piece_leaves_only_the_rest_to_the_api(long, pieces):
    rig, fleet, number = long
    first = rig.members[0]
    fleet.grid.crashes[1000] = set(range(pieces, 9))
    fleet.step_until(lambda: rig.view(number).newest.courier_errors, "the error was not reported")
    assert have(rig, first, number) == pieces * CHUNK_BYTES
    assert upload(first, number, pieces * CHUNK_BYTES).json()["have"] == len(
        b"".join(first.vectors[number, 1])
    )
    fleet.step_until(all_in(rig, number), "a vector is missing")
    assert routes(rig, number) == {first.name: "upload", NAMES[1]: "dock", NAMES[2]: "dock"}
    released(rig, number)


@pytest.mark.parametrize("cut", [CHUNK_BYTES + 5, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 5])
def test_what_came_of_a_cut_upload_stays_even_over_a_restart_and_the_courier_brings_the_rest(long, cut):
    rig, fleet, number = long
    first = rig.members[0]
    body = b"".join(first.vectors[number, 1])

    def broken():
        yield body[:cut]
        raise ConnectionError("cut")

    with pytest.raises(ConnectionError, match="cut"):
        upload(first, number, body=broken())
    rig.restart()
    fleet.new_run()
    assert upload(first, number, body=body[:cut]).status_code == (200 if cut % CHUNK_BYTES == 0 else 400)
    assert have(rig, first, number) == cut // CHUNK_BYTES * CHUNK_BYTES
    fleet.step_until(all_in(rig, number), "a vector is missing")
    door = fleet.doors[first.name]
    assert min(door.offsets) == cut // CHUNK_BYTES * CHUNK_BYTES, "the courier carried what was there"
    released(rig, number)


def test_both_ways_at_once_bring_one_exact_vector(long):
    rig, fleet, number = long
    threads = [threading.Thread(target=upload, args=(member, number)) for member in rig.members]
    for thread in threads:
        thread.start()
    fleet.step_until(all_in(rig, number), "a vector is missing")
    for thread in threads:
        thread.join()
    released(rig, number)


def test_wrong_bytes_in_the_middle_cost_their_piece_and_not_the_ones_before(long):
    rig, _, number = long
    first = rig.members[0]
    body = bytearray(b"".join(first.vectors[number, 1]))
    body[CHUNK_BYTES + 7] ^= 1
    refused = upload(first, number, body=bytes(body))
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:altrove:problem:bad-chunk")
    assert have(rig, first, number) == CHUNK_BYTES
    assert upload(first, number, CHUNK_BYTES).json()["have"] == len(body)


def test_a_vector_whose_last_chunk_came_before_its_way_broke_is_counted_when_somebody_asks(long):
    rig, _, number = long
    first = rig.members[0]
    header = rig.services.vectors.expect(first.id, number, 1).header
    for index, chunk in enumerate(first.vectors[number, 1]):
        rig.services.spool.partial(number, 1, header).put(index, chunk)
    assert routes(rig, number) == {}
    assert have(rig, first, number) == len(b"".join(first.vectors[number, 1]))
    assert routes(rig, number) == {first.name: "upload"}


def test_the_nodes_own_client_sends_pieces_and_learns_what_is_there(long):
    rig, _, number = long
    first = rig.members[0]
    link, body = Consortium(SignedCaller(first)), b"".join(first.vectors[number, 1])
    assert link.vector_bytes(number, 1) == 0
    for offset in (0, CHUNK_BYTES, 2 * CHUNK_BYTES):
        piece = body[offset : offset + CHUNK_BYTES]
        have = link.put_vector(
            number,
            1,
            offset=offset,
            sha256=sha256(piece).digest(),
            size_bytes=len(piece),
            parts=iter([piece[:9], piece[9:]]),
        )
        assert have == link.vector_bytes(number, 1) == offset + len(piece)
    assert routes(rig, number) == {first.name: "upload"}


class SignedCaller:
    """One member's requests as the node's client signs and judges them."""

    def __init__(self, member):
        self.member = member

    def request(self, method, path, *, content=None, headers=None):
        member = self.member
        return raise_for_problem(
            member.client.request(method, path, content=content, headers=headers, auth=member.auth)
        )


def test_an_offset_within_a_chunk_is_refused(long):
    rig, _, number = long
    assert upload(rig.members[0], number, 7).status_code == 422


def test_half_arrived_vectors_go_when_the_phase_is_over(long):
    rig, _, number = long
    first, *others = rig.members
    upload(first, number, body=b"".join(first.vectors[number, 1])[:CHUNK_BYTES])
    for member in others:
        upload(member, number)
    spool = rig.services.home.spool
    assert len(list(spool.rglob("*.part"))) == 1
    rig.pass_deadline()
    assert rig.view(number).newest.attempt.phase is not Phase.MASK
    assert not list(spool.rglob("*.part"))
    assert upload(first, number).status_code == 404
    assert not list(spool.rglob("*.part"))
