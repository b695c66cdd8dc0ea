"""The whole secure round by phase, beside Flower's plain FedAvg and its SecAgg+ workflow, in one run.

For every cohort and vector size: real node daemons with their couriers, a coordinator with its fleet, and
one `taste` round after the other; then the two workflows of Flower under the same processes, TLS, keys and
payload. Nodes hold made-up purchases and do not train: what is measured is the exchange. Every cell is
written down as soon as it is there, so that an interrupted run keeps what it has.

``python -m tests.benchmarks.round_time --nodes 3 5 10 --sizes small 10MB 100MB``
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import flwr
import psutil
from rich.console import Console

from deploy.local import preflight
from deploy.local.commands import node_words
from deploy.local.companies import Company, companies
from deploy.local.consortium import Consortium, policy
from deploy.local.cycle import Cycle
from deploy.local.data import DemoData
from deploy.local.generated import write_generated
from deploy.local.memory import MemoryWatch
from deploy.local.processes import Processes
from deploy.local.progress import Progress
from deploy.local.windows import FIT_UNTIL
from tests.benchmarks.fedavg import measure_fedavg, measure_flower
from tests.benchmarks.provenance import commit

OUT: Final = Path(__file__).parent / "results" / "round_time.json"
CONCEPTS: Final = {"small": 44, "10MB": 2_236, "100MB": 7_071}
"""Whose upper triangles have 990, 2,500,966 and 25,003,056 numbers of four bytes."""
ROUNDS: Final = 3
IDLE_S: Final = 60.0
DAY_S: Final = 86_400
TOLERATED_ERROR: Final = 0.01
"""Of a model that is 1 after each round: SecAgg+ clips and quantises."""


class QuietConsortium(Consortium):
    """Its nodes do not train."""

    def start_node(self, company: Company) -> None:
        """``serve`` by the benchmark's own entry."""
        words = node_words(
            self.node_home(company), "serve", f"--log={self.plan.home / 'logs' / company.slug}"
        )
        quiet = (sys.executable, "-m", "tests.benchmarks.quiet_node", *words[1:])
        self.processes.start(company.slug, quiet)


class Idle:
    """Share of one core and proportional memory that a node's courier takes while nothing happens."""

    def __init__(self, processes: Processes, company: Company) -> None:
        self._family = [
            each
            for each in processes.family(processes.daemons[company.slug])
            if any(word in " ".join(each.cmdline()) for word in ("flower-", "flwr-"))
        ]

    def measure(self) -> dict[str, float]:
        """Look twice, :data:`IDLE_S` apart."""
        before, began = self._cpu_s(), time.monotonic()
        time.sleep(IDLE_S)
        from deploy.local.memory import pss_bytes

        return {
            "processes": len(self._family),
            "cpu_share": (self._cpu_s() - before) / (time.monotonic() - began),
            "pss_mb": sum(pss_bytes(each.pid) for each in self._family) / 2**20,
        }

    def _cpu_s(self) -> float:
        times = [each.cpu_times() for each in self._family]
        return sum(each.user + each.system for each in times)


def measure_secure(folder: Path, *, nodes: int, size: str, rounds: int) -> dict[str, Any]:
    """Secure rounds of ``taste`` with real daemons; seconds by phase, bytes, memory, idle cost."""
    members = companies(nodes)
    concepts = CONCEPTS[size]
    lines = write_generated(
        _made(folder / "data"), members, folder / "data" / "concepts.txt", customers=60, concepts=concepts
    )
    data = DemoData(
        folder=folder / "data",
        origin="generated",
        real=False,
        vocabulary=folder / "data" / "concepts.txt",
        lines=tuple(lines),
        concepts=concepts,
    )
    environment = {**policy(nodes), "ALTROVE_NODE_POLICY__MINIMUM_COHORT": "3"}
    with ExitStack() as stack:
        plan = preflight.preflight(folder, members)
        processes = stack.enter_context(Processes(folder=folder, environment=environment))
        consortium = QuietConsortium(plan=plan, processes=processes, data=data)
        cycle = Cycle(consortium, Progress(console=Console(file=Path(os.devnull).open("w")), members=members))  # noqa: SIM115
        consortium.start_coordinator("Bench")
        consortium.publish_vocabulary()
        consortium.for_each(consortium.join)
        consortium.for_each(consortium.connect)
        consortium.found()
        consortium.start_nodes()
        cycle.wait_for_couriers()
        _online(consortium, nodes)
        idle = Idle(processes, members[0]).measure()
        memory = stack.enter_context(MemoryWatch(processes=processes))
        for number in range(rounds):
            until = str(FIT_UNTIL - 7 * DAY_S * number)
            cycle.ask("taste", "taste", {"until": until, "customers_until": until}, f"--epoch={number}")
            time.sleep(4)  # votes
    figures = [asdict(each) for each in cycle.figures]
    return {
        "what": "Altrove secure round",
        "rounds": [
            {
                "round_s": each["wall_s"],
                "attempts": each["attempts"],
                "routes": sorted(set(each["routes"].values())),
                **each["seconds_by_phase"],
            }
            for each in figures
        ],
        "bytes_up_per_node": max(max(each["bytes_up_each"].values()) for each in figures),
        "vector_bytes": figures[0]["vector_bytes"],
        "peak_pss_mb": {name: size / 2**20 for name, size in sorted(_roles(memory.peak_bytes).items())},
        "idle_courier_of_one_node": idle,
    }


def measure_secagg(folder: Path, *, nodes: int, payload_bytes: int, rounds: int) -> dict[str, Any]:
    """Flower's SecAgg+ workflow under the same processes.

    Its masked vector is one object of 8 bytes a number, which the public listener refuses above 6 MiB.

    Raises:
        RuntimeError: no sum came out.
    """
    seen, memory = measure_flower(
        folder,
        "plain_secagg_app.py",
        nodes=nodes,
        payload_bytes=payload_bytes,
        rounds=rounds,
        unfiltered=True,
    )
    if seen["largest_error"] is None or seen["largest_error"] > TOLERATED_ERROR:
        raise RuntimeError(f"no sum came out (error {seen['largest_error']}) of rounds {seen['rounds']}")
    return {
        "what": "Flower SecAgg+",
        "rounds": seen["rounds"],
        "largest_error": seen["largest_error"],
        "bytes_up_per_node": 2 * payload_bytes,
        "peak_rss_mb": memory.peak_mb,
    }


def _roles(peak: dict[str, int]) -> dict[str, int]:
    """The largest process of each kind: the company's name is left out."""
    found: dict[str, int] = {}
    for name, size in peak.items():
        owner, role = name.split(": ", 1)
        kind = f"{'coordinator' if owner == 'coordinator' else 'node'}: {role}"
        found[kind] = max(found.get(kind, 0), size)
    return found


def _online(consortium: Consortium, nodes: int) -> None:
    """Until SuperNodes had time to connect: the fleet's log names each that came online."""
    until, log = time.monotonic() + 120, consortium.coordinator_home / "fleet" / "logs" / "superlink.log"
    while time.monotonic() < until:
        if log.exists() and log.read_text(errors="replace").count("ActivateNode") >= nodes:
            break
        time.sleep(0.5)
    time.sleep(5)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _cell(nodes: int, size: str, rounds: int) -> list[dict[str, Any]]:
    payload = 4 * CONCEPTS[size] * (CONCEPTS[size] + 1) // 2
    arms: dict[str, Callable[[Path], dict[str, Any]]] = {
        "secure": lambda folder: measure_secure(folder, nodes=nodes, size=size, rounds=rounds),
        "fedavg": lambda folder: asdict(
            measure_fedavg(folder, nodes=nodes, payload_bytes=payload, rounds=rounds)
        ),
        "secagg": lambda folder: measure_secagg(
            folder, nodes=nodes, payload_bytes=payload, rounds=2 if size == "small" else 1
        ),
    }
    cells = []
    for name, arm in arms.items():
        with tempfile.TemporaryDirectory(prefix="altrove-") as folder:
            began, load = time.monotonic(), os.getloadavg()[0]
            try:
                measured = arm(Path(folder) / name)
            except Exception as failure:  # noqa: BLE001 - what cannot be measured is written down as that
                measured = {
                    "what": name,
                    "failed": f"{type(failure).__name__}: {failure}"[:500],
                    "rounds": [],
                }
        seconds = [each["round_s"] for each in measured["rounds"]]
        cells.append(
            {
                "arm": name,
                "nodes": nodes,
                "size": size,
                "payload_bytes": payload,
                "median_round_s": statistics.median(seconds) if seconds else None,
                "load_1min_before": load,
                "took_s": time.monotonic() - began,
                **measured,
            }
        )
        print(
            json.dumps({k: cells[-1][k] for k in ("arm", "nodes", "size", "median_round_s", "took_s")}),
            flush=True,
        )
    return cells


def main() -> None:
    """Measure every cell and keep the file current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[3, 5, 10])
    parser.add_argument("--sizes", nargs="+", choices=CONCEPTS, default=list(CONCEPTS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    kept: list[dict[str, Any]] = json.loads(asked.out.read_text())["cells"] if asked.out.exists() else []
    for size in asked.sizes:
        for nodes in asked.nodes:
            kept = [each for each in kept if (each["nodes"], each["size"]) != (nodes, size)]
            kept += _cell(nodes, size, asked.rounds)
            body = {
                "command": f"python -m tests.benchmarks.round_time {' '.join(sys.argv[1:])}".strip(),
                "commit": commit(),
                "versions": {"flwr": flwr.__version__, "python": platform.python_version()},
                "machine": {"cpus": os.cpu_count(), "memory_gb": psutil.virtual_memory().total / 1e9},
                "cells": kept,
            }
            asked.out.write_text(json.dumps(body, indent=1) + "\n")


if __name__ == "__main__":
    main()
