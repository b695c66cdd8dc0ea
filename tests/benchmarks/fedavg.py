"""A plain FedAvg round of Flower, and our envelope-first carry, under one process layout.

Both run the same SuperLink, SuperExec, SuperNodes, TLS and registered keys, with the same payload a
node. FedAvg sends the model down and back up; the carry sends an envelope down and sealed bytes up. They
stand beside the secure round of the demo, which is the carry plus the handshake and the sum.

``python -m tests.benchmarks.fedavg --nodes 5 --payload-bytes 9870124 --out build/fedavg.json``
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import flwr

from coordinator.courier import bundle
from tests.benchmarks.flower_memory import PeakMemory
from tests.benchmarks.provenance import commit
from tests.simulation.fake_daemons import FakeDock, FakeDoor, Work
from tests.simulation.flower_fleet import LocalFleet

PAYLOAD_BYTES = 2_467_531 * 4
"""``taste`` at 2,221 concepts in the 32-bit ring: 9.9 MB."""

WAIT_S = 900.0

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "plain-flower"
version = "1.0.0"
dependencies = ["flwr>=1.41,<1.42"]

[tool.flwr.app]
publisher = "altrove"
fab-include = ["plain_flower/*.py"]

[tool.flwr.app.components]
serverapp = "plain_flower.APP:server"
clientapp = "plain_flower.APP:client"

[tool.flwr.app.config]
nodes = ""
payload_bytes = ""
rounds = ""
result = ""
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Wall seconds by phase of each round; payload bytes a node; peak RSS by role in MB."""

    what: str
    nodes: int
    payload_bytes: int
    rounds: tuple[dict[str, float], ...]
    bytes_down_per_node: int
    bytes_up_per_node: int
    exact: bool
    peak_mb: dict[str, float]
    total_mb: float


def measure_fedavg(
    folder: Path, *, nodes: int = 5, payload_bytes: int = PAYLOAD_BYTES, rounds: int = 2
) -> Measurement:
    """Rounds of Flower's own FedAvg; ``folder`` must be empty and its path short."""
    seen, memory = measure_flower(
        folder, "plain_fedavg_app.py", nodes=nodes, payload_bytes=payload_bytes, rounds=rounds
    )
    return Measurement(
        what="Flower FedAvg",
        nodes=nodes,
        payload_bytes=payload_bytes,
        rounds=tuple(_fedavg_phases(times) for times in seen["rounds"]),
        bytes_down_per_node=payload_bytes,
        bytes_up_per_node=payload_bytes,
        exact=seen["exact"],
        peak_mb=memory.peak_mb,
        total_mb=memory.total_mb,
    )


def measure_flower(
    folder: Path, app: str, *, nodes: int, payload_bytes: int, rounds: int, unfiltered: bool = False
) -> tuple[dict[str, Any], PeakMemory]:
    """Run an app bundle of this folder's ``app`` and return what it wrote down, with the processes' memory."""
    source = folder / "bundle"
    (source / "plain_flower").mkdir(parents=True)
    name = app.removesuffix(".py")
    (source / "pyproject.toml").write_text(PYPROJECT.replace("APP", name))
    (source / "plain_flower" / "__init__.py").write_text("")
    (source / "plain_flower" / app).write_bytes(Path(__file__).with_name(app).read_bytes())
    result = folder / "result.json"
    config = {
        "nodes": str(nodes),
        "payload_bytes": str(payload_bytes),
        "rounds": str(rounds),
        "result": str(result),
    }
    doors = tuple(folder / f"{index}.sock" for index in range(nodes))
    for door in doors:  # nobody asks there, but a cell is given a file
        door.touch()
    local = LocalFleet(
        folder,
        folder / "dock.sock",
        doors,
        fab=bundle.build(source),
        run_config=config,
        first_poll_s=1e9,
        unfiltered=unfiltered,
    )
    with PeakMemory() as memory, local:
        _until(result.exists, f"{name} did not finish")
    return json.loads(result.read_text()), memory


def _fedavg_phases(times: dict[str, float]) -> dict[str, float]:
    return {
        "configure_s": times["configured"] - times["began"],
        "model_to_first_node_s": times["first_started"] - times["configured"],
        "nodes_work_s": times["last_finished"] - times["first_started"],
        "last_answer_to_all_received_s": times["received"] - times["last_finished"],
        "average_s": times["averaged"] - times["received"],
        "round_s": times["averaged"] - times["began"],
    }


def measure_carry(
    folder: Path, *, nodes: int = 5, payload_bytes: int = PAYLOAD_BYTES, rounds: int = 2
) -> Measurement:
    """The same bytes through door, courier and dock, the envelope first; ``folder`` as above."""
    phases, exact = [], True
    with ExitStack() as stack:
        dock = stack.enter_context(FakeDock(folder / "dock.sock"))
        doors = [stack.enter_context(FakeDoor(folder / f"{index}.sock")) for index in range(nodes)]
        local = LocalFleet(folder, dock.path, tuple(door.path for door in doors))
        local.fleet.on_run = lambda run: setattr(dock, "run_id", run)
        dock.on_poll.append(local.fleet.note_dock_poll)
        memory = stack.enter_context(PeakMemory())
        stack.enter_context(local)
        local.fleet.wait_run(WAIT_S)
        local.wait_online(WAIT_S)
        for attempt in range(1, rounds + 1):
            sealed = [os.urandom(payload_bytes) for _ in doors]
            began = time.monotonic()
            dock.work.append(
                Work(lease=str(attempt), round=1, attempt=attempt, nodes=local.nodes, size=payload_bytes)
            )
            _until(lambda: all((1, attempt) in door.asked for door in doors), "an envelope was lost")  # noqa: B023
            asked = time.monotonic()
            for door, body in zip(doors, sealed, strict=True):
                door.sealed[1, attempt] = body
            _until(lambda: str(attempt) in dock.done, "the bytes did not arrive")  # noqa: B023
            exact &= [dock.vectors[1, attempt, node] for node in local.nodes] == sealed
            arrived = [at for _, at in dock.arrived[-nodes:]]
            phases.append(
                {
                    "envelope_to_all_doors_s": asked - began,
                    "answers_ready_to_first_received_s": arrived[0] - asked,
                    "last_answer_to_all_received_s": arrived[-1] - asked,
                    "round_s": arrived[-1] - began,
                }
            )
    return Measurement(
        what="Altrove carry, envelope first",
        nodes=nodes,
        payload_bytes=payload_bytes,
        rounds=tuple(phases),
        bytes_down_per_node=0,
        bytes_up_per_node=payload_bytes,
        exact=exact,
        peak_mb=memory.peak_mb,
        total_mb=memory.total_mb,
    )


def _until(condition: Callable[[], object], otherwise: str) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=5)
    parser.add_argument("--payload-bytes", type=int, default=PAYLOAD_BYTES)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("build/fedavg.json"))
    asked = parser.parse_args()
    measurements = []
    for measure in (measure_fedavg, measure_carry):
        with tempfile.TemporaryDirectory(prefix="altrove-") as folder:
            taken = measure(
                Path(folder), nodes=asked.nodes, payload_bytes=asked.payload_bytes, rounds=asked.rounds
            )
        measurements.append(asdict(taken))
        print(json.dumps(measurements[-1], indent=2), file=sys.stderr)
    machine = {"cpus": os.cpu_count(), "load_1min": os.getloadavg()[0], "python": platform.python_version()}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(
        json.dumps(
            {
                "command": "python -m tests.benchmarks.fedavg",
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
