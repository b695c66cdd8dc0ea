"""What the kill matrix judges with can tell good from bad; the matrix itself is `make kill-matrix`."""

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from protocols.messages import Phase
from tests.matrix import table
from tests.matrix.cells import CELLS, SAMPLE, Outcome
from tests.matrix.faults import Kind, Process, cut, family
from tests.matrix.stand import Stand
from tests.simulation.wire import Wire

pytestmark = pytest.mark.enable_socket
WELL = Outcome(cell="supernode/masked-input/kill", outcome="released", attempts=1, route="dock", unmaskings=1)


@pytest.mark.parametrize(
    "change",
    [
        {"exact": False},
        {"unmaskings": 2},
        {"orphans": ("flwr-clientapp",)},
        {"audit": ("votes: forged",)},
        {"outcome": "failed"},
    ],
)
def test_a_wrong_sum_a_second_unmasking_an_orphan_a_bad_audit_and_a_lost_round_are_not_well(change):
    assert WELL.well
    assert not replace(WELL, **change).well


def test_every_process_is_hit_by_every_fault_in_every_phase():
    assert len({str(cell) for cell in CELLS}) == len(Process) * len(Kind) * 5 == len(CELLS)
    assert {str(cell) for cell in CELLS if cell.void} == {
        f"clientapp/{phase}/{kind}" for phase in (Phase.CHECK, Phase.UNMASK) for kind in Kind
    }
    assert set(SAMPLE) <= set(CELLS)


def test_the_page_counts_what_is_not_well():
    bad = replace(WELL, cell="supernode/masked-input/stop", exact=False)
    void = Outcome(cell="clientapp/unmasking/kill", outcome="void", why="it is over")
    found = {
        "command": "x",
        "commit": "abc",
        "machine": {"cores": 2},
        "versions": {"flwr": "1"},
        "wall_s": 60,
        "rows": [outcome.as_row() for outcome in (WELL, bad, void)],
    }
    text = table.page(found)
    assert text.splitlines()[2].startswith("1 of 2 cells well")
    assert "Wrong sums 1" in text
    assert "**NOT WELL**" in text
    assert "it is over" in text


def test_a_process_of_the_run_outside_the_daemons_trees_is_an_orphan(tmp_path):
    stand = Stand(tmp_path)
    lost = subprocess.Popen(["/bin/sleep", "300"], env={"FLWR_HOME": f"{tmp_path}/node/flwr"})
    try:
        assert stand.orphans(within_s=0) == ["/bin/sleep 300"]
        stand._daemons[Process.NODE] = lost
        assert stand.orphans(within_s=0) == []
    finally:
        lost.kill()
        lost.wait()


def test_disconnecting_a_process_ends_its_connections_and_spares_what_is_none(tmp_path):
    code = (
        "import socket, sys\n"
        "listening = socket.create_server(('127.0.0.1', 0))\n"
        "pair = socket.socketpair()\n"
        "far = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "print(listening.getsockname()[1], flush=True)\n"
        "lost = far.recv(1) == b''\n"
        "pair[0].send(b'x')\n"
        "print(lost, pair[1].recv(1) == b'x', flush=True)\n"
        "listening.accept()\n"
        "print('accepted', flush=True)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        words = [sys.executable, "-c", code, str(server.getsockname()[1])]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        peer, _ = server.accept()
        port = int(process.stdout.readline())
        try:
            assert cut(process.pid) == 1
        except SystemExit as refused:
            process.kill()
            pytest.skip(str(refused))
        assert process.stdout.readline() == "True True\n"
        socket.create_connection(("127.0.0.1", port)).close()
        assert process.stdout.readline() == "accepted\n"
        assert process.wait(20) == 0
        process.stdout.close()
        peer.close()


def test_a_wire_passes_cuts_and_mends():
    with socket.create_server(("127.0.0.1", 0)) as server, Wire(server.getsockname()) as wire:
        near = socket.create_connection(("127.0.0.1", wire.port), timeout=20)
        far, _ = server.accept()
        near.sendall(b"one")
        assert far.recv(3) == b"one"
        wire.cut()
        for end in (near, far):
            with pytest.raises(ConnectionResetError):
                end.recv(1)
            end.close()
        with (
            pytest.raises(ConnectionError),
            socket.create_connection(("127.0.0.1", wire.port), timeout=20) as refused,
        ):
            refused.recv(1)
        wire.mend()
        with socket.create_connection(("127.0.0.1", wire.port), timeout=20) as again:
            far, _ = server.accept()
            again.sendall(b"two")
            assert far.recv(3) == b"two"
            far.close()


def test_a_wire_ends_every_connection_at_its_age():
    with socket.create_server(("127.0.0.1", 0)) as server, Wire(server.getsockname(), life_s=0.3) as wire:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", wire.port), timeout=20) as near:
            far, _ = server.accept()
            with pytest.raises(ConnectionResetError):
                near.recv(1)
            far.close()
        assert time.monotonic() - began >= 0.3
        assert wire.dropped == 1


def test_a_family_is_a_process_and_all_below_it():
    child = subprocess.Popen(["/bin/sleep", "300"])
    try:
        assert {os.getpid(), child.pid} <= {mark.pid for mark in family(os.getpid())}
    finally:
        child.kill()
        child.wait()
