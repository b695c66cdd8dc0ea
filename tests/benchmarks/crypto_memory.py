"""Peak memory of whoever adds masked vectors: our coordinator's real path, and Flower's own workflow.

Ours: the members' vectors lie in a spool, as the dock leaves them; a fresh process unmasks, adds and
writes the payload of the release with the daemon's own functions. Flower's: the two last stages of its
``SecAggPlusWorkflow`` with a grid that hands over ready-made replies, as ``send_and_receive`` would.
A fresh process each; what counts is its peak beyond what it held before, in vectors of 4 bytes a parameter.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.flower_memory import peak_mb

WORD_BYTES = 4


def measure(members: int, elements: int) -> dict[str, Any]:
    """Peaks of both, in vectors."""
    with tempfile.TemporaryDirectory(prefix="altrove-memory-") as folder:
        prepare(Path(folder), members, elements)
        ours = _child("ours", folder)
    theirs = _child("flower", str(members), str(elements))
    vector_mb = WORD_BYTES * elements / 2**20
    return {
        "members": members,
        "parameters": elements,
        "vector_mb": round(vector_mb, 1),
        "altrove_peak_mb": round(ours, 1),
        "altrove_vectors": round(ours / vector_mb, 3),
        "flower_peak_mb": round(theirs, 1),
        "flower_vectors": round(theirs / vector_mb, 1),
    }


def prepare(folder: Path, members: int, elements: int) -> None:
    """Play a round up to its last answer; vectors lie in the spool, messages beside it."""
    from protocols.messages import Phase
    from tests.benchmarks.crypto_graph import Graph

    graph = Graph(members, elements, folder / "home")
    for phase in (graph.advertise, graph.share, graph.mask, graph.confirm, graph.unmask):
        phase()
    kept = (graph.config, graph.settled, tuple(graph.sent[Phase.UNMASK]))
    (folder / "kept").write_bytes(pickle.dumps(kept))


def ours(folder: Path) -> None:
    """Unmask, add and write the payload."""
    from coordinator.releases.publishing import Payloads
    from coordinator.rounds.spool import Spool
    from coordinator.rounds.summing import total

    (folder / "releases").mkdir()
    payloads, spool = Payloads(folder=folder / "releases"), Spool(folder=folder / "home" / "spool")
    config, settled, answers = pickle.loads((folder / "kept").read_bytes())
    began = _resident_mb()
    summed = total(config, settled, answers, (), spool)
    payloads.keep(summed.elements, summed.parts)
    print(peak_mb(os.getpid()) - began)


def flower(members: int, elements: int) -> None:
    """Flower's collect and unmask stages, with every node alive."""
    from tests.benchmarks.crypto_flower import aggregator

    began, run = _resident_mb(), aggregator(members, elements)
    run()
    print(peak_mb(os.getpid()) - began)


def _resident_mb() -> float:
    with Path("/proc/self/status").open(encoding="ascii") as status:
        (line,) = (each for each in status if each.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def _child(*words: str) -> float:
    done = subprocess.run(
        (sys.executable, "-W", "ignore", "-m", "tests.benchmarks.crypto_memory", *words),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        ours(Path(sys.argv[2]))
    else:
        flower(int(sys.argv[2]), int(sys.argv[3]))
