"""Vectors of 100 and 400 MB: carried by real Flower in pieces and in one message, and summed by the real daemon.

Carrying: sealed bytes (random) from a door to a dock through SuperNode, SuperLink and the thin apps, with
TLS; once with a courier killed in mid-vector. Summing: the coordinator as a process, members that mask and
upload over TLS, peak memory of the daemon beyond the vector, in vectors.

``python -m tests.benchmarks.large_vectors --out build/large_vectors.json``
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import flwr
import numpy as np
import psutil

from coordinator.api import shapes
from protocols.identity import IdentityKey
from protocols.limits import CHUNK_BYTES, PIECE_BYTES
from tests.benchmarks.flower_memory import PeakMemory, peak_mb
from tests.benchmarks.provenance import commit
from tests.simulation.fake_daemons import FakeDock, FakeDoor, Work
from tests.simulation.flower_fleet import LocalFleet
from tests.simulation.real_daemons import Daemon, TlsMember, learn_keys

MB = 10**6
MIB = 2**20
WAIT_S = 600.0
ATTEMPT = 1


def carry(folder: Path, *, size: int, piece: int, nodes: int = 1, kill: bool = False) -> dict[str, Any]:
    """``size`` bytes from each of ``nodes`` in pieces of ``piece``; ``kill``: a SuperNode dies after the first."""
    with ExitStack() as stack:
        dock = stack.enter_context(FakeDock(folder / "dock.sock"))
        doors = [stack.enter_context(FakeDoor(folder / f"{i}.sock", piece=piece)) for i in range(nodes)]
        local = LocalFleet(folder, dock.path, tuple(door.path for door in doors))
        local.fleet.on_run = lambda run: setattr(dock, "run_id", run)
        dock.on_poll.append(local.fleet.note_dock_poll)
        memory = stack.enter_context(PeakMemory())
        stack.enter_context(local)
        local.fleet.wait_run(WAIT_S)
        local.wait_online(WAIT_S)
        work = Work(
            lease="one", round=1, attempt=ATTEMPT, nodes=local.nodes, size=size, piece=piece, ttl_s=WAIT_S
        )
        dock.work.append(work)
        _until(lambda: all(door.asked for door in doors), "an envelope was lost")
        sealed = [os.urandom(size) for _ in doors]
        ready = time.monotonic()
        for door, body in zip(doors, sealed, strict=True):
            door.sealed[1, ATTEMPT] = body
        killed = 0
        if kill:
            _until(lambda: len(dock.parts.get((1, ATTEMPT, local.nodes[0]), b"")) >= piece, "no piece came")
            (courier,) = [p for p in local.couriers[0].courier.health() if p.name == "supernode"]
            psutil.Process(courier.pid).kill()
            killed = 1
        try:
            _until(lambda: "one" in dock.done, "the bytes did not arrive")
            why = ", ".join(f"{code}: {reason}" for code, reason in dock.errors.values())
        except TimeoutError as error:
            why = str(error)
        seconds = time.monotonic() - ready
        exact = [dock.vectors.get((1, ATTEMPT, node)) for node in local.nodes] == sealed
        return {
            "what": "in one message" if piece >= size else f"in pieces of {piece // MIB} MiB",
            "nodes": nodes,
            "vector_bytes": size,
            "exact": exact,
            "errors": why,
            "answers_ready_to_all_received_s": round(seconds, 1),
            "couriers_killed": killed,
            "pieces_fetched_at_doors": sum(len(door.offsets) for door in doors),
            "pieces_needed": nodes * -(-size // piece),
            "peak_rss_mb": _rounded(memory.peak_mb),
            "peak_uss_mb": _rounded(memory.peak_uss_mb),
        }


def summed(folder: Path, *, size: int, members: int) -> dict[str, Any]:
    """A real round of `taste` whose masked vectors have about ``size`` bytes; memory of the daemon."""
    concepts = int((2 * size / 4) ** 0.5)
    cells = concepts * (concepts + 1) // 2
    daemon = Daemon(folder)
    try:
        made = [TlsMember(f"m{i}", IdentityKey(bytes([i + 1]) * 32)) for i in range(members)]
        for member in made:
            member.enrol(daemon.admin, folder)
        daemon.admin.change_roster("found")
        for member in made:
            member.approve()
        learn_keys(made)
        daemon.admin.publish("words", [f"C{i:05d}" for i in range(concepts)])
        answer = np.random.default_rng(7).integers(0, 90, cells) << 24
        for member in made:
            member.answer, member.withholds_bytes = answer, True
        idle_mb = peak_mb(daemon.process.pid)
        parameters = {"until": 5, "customers_cap": 100}
        number = daemon.admin.ask(
            shapes.AskRequest(question="taste", parameters=parameters, phase_seconds=[600] * 5)
        )
        upload_s = 0.0
        _poll(made, lambda: all((number, 1) in member.vectors for member in made))
        for member in made:
            began = time.monotonic()
            _upload(member, number)
            upload_s += time.monotonic() - began
            member.vectors.clear()
        arrived_mb = peak_mb(daemon.process.pid)
        _poll(made, lambda: all(member.unmasked for member in made))
        began = time.monotonic()
        view = daemon.admin.round(number)
        while view.state == "open" and time.monotonic() - began < WAIT_S:
            view = daemon.admin.round(number, after=view.sequence, wait_s=20)
        sum_s = time.monotonic() - began
        summed_mb = peak_mb(daemon.process.pid)
        payload = next((daemon.home / "releases").glob("*.safetensors"))
        numbers = np.memmap(payload, dtype="<i8", mode="r", offset=payload.stat().st_size - 8 * cells)
        scale = int(numbers[:1000].sum()) // int((answer[:1000] >> 24).sum())
        exact = all(
            np.array_equal(numbers[at : at + MIB], (answer[at : at + MIB] >> 24) * scale)
            for at in range(0, cells, MIB)
        )
    finally:
        daemon.stop()
    vector_mib = 4 * cells / MIB
    return {
        "members": members,
        "vector_bytes": 4 * cells,
        "state": view.state,
        "exact": exact and scale % members == 0,
        "uploads_s": round(upload_s, 1),
        "last_unmask_answer_to_release_s": round(sum_s, 1),
        "daemon_idle_mb": round(idle_mb, 1),
        "daemon_peak_after_arrivals_mb": round(arrived_mb, 1),
        "daemon_peak_after_release_mb": round(summed_mb, 1),
        "peak_beyond_idle_in_vectors": round((summed_mb - idle_mb) / vector_mib, 3),
    }


def _upload(member: TlsMember, number: int) -> None:
    """The masked vector in pieces, as a node sends it over the API."""
    chunks, step = member.vectors[number, 1], PIECE_BYTES // CHUNK_BYTES
    for first in range(0, len(chunks), step):
        body = b"".join(chunks[first : first + step])
        path = f"/v1/rounds/{number}/1/vector?offset={first * CHUNK_BYTES}"
        member.client.put(path, content=body, auth=member.auth).raise_for_status()


def _poll(members: list[TlsMember], condition: Callable[[], bool]) -> None:
    """Let every member act on what it is handed, until ``condition``."""
    end = time.monotonic() + WAIT_S
    while not condition() and time.monotonic() < end:
        for member in members:
            member.poll()
        time.sleep(0.1)


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in sorted(values.items())}


def _until(condition: Callable[[], object], otherwise: str) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(0.05)


RUNS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "carry 100 MB": lambda folder: carry(folder, size=100 * MB, piece=PIECE_BYTES),
    "carry 100 MB, one message": lambda folder: carry(folder, size=100 * MB, piece=100 * MB),
    "carry 400 MB": lambda folder: carry(folder, size=400 * MB, piece=PIECE_BYTES),
    "carry 400 MB, one message": lambda folder: carry(folder, size=400 * MB, piece=400 * MB),
    "carry 100 MB, 3 nodes": lambda folder: carry(folder, size=100 * MB, piece=PIECE_BYTES, nodes=3),
    "carry 100 MB, killed": lambda folder: carry(folder, size=100 * MB, piece=PIECE_BYTES, kill=True),
    "sum 100 MB of 3": lambda folder: summed(folder, size=100 * MB, members=3),
    "sum 100 MB of 6": lambda folder: summed(folder, size=100 * MB, members=6),
    "sum 400 MB of 3": lambda folder: summed(folder, size=400 * MB, members=3),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/large_vectors.json"))
    parser.add_argument("--only", nargs="*", choices=RUNS, default=list(RUNS))
    asked = parser.parse_args()
    measurements = {}
    for name in asked.only:
        with tempfile.TemporaryDirectory(prefix="altrove-") as folder:
            measurements[name] = RUNS[name](Path(folder))
        print(json.dumps({name: measurements[name]}, indent=2), file=sys.stderr, flush=True)
    machine = {"cpus": os.cpu_count(), "load_1min": os.getloadavg()[0], "python": platform.python_version()}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(
        json.dumps(
            {
                "command": "python -m tests.benchmarks.large_vectors",
                "commit": commit(),
                "versions": {"flwr": flwr.__version__, "python": platform.python_version()},
                "machine": machine,
                "measurements": measurements,
            },
            indent=2,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
