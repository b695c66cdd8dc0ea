"""What a run of the demo measured, as one JSON file that the benchmarks and the README quote."""

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.memory import MemoryWatch
from deploy.local.progress import Progress

RESULTS: Final = Path("tests") / "benchmarks" / "results" / "demo.json"
PACKAGES: Final = ("altrove", "torch", "flwr", "numpy", "cryptography", "duckdb", "sqlalchemy", "fastapi")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundFigures:
    """One round as measured by the coordinator."""

    round: int
    attempts: int
    question: str
    survivors: int
    elements: int
    vector_bytes: int
    wall_s: float
    seconds_by_phase: Mapping[str, float]
    bytes_up_each: Mapping[str, int]
    routes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Everything that is written down."""

    origin: str
    rounds: tuple[RoundFigures, ...]
    headline: tuple[Mapping[str, object], ...]
    notes: Mapping[str, str] = field(default_factory=dict)


def write(path: Path, measured: Measured, progress: Progress, memory: MemoryWatch) -> None:
    """Write the file; keys say their unit."""
    body = {
        "what": "one run of `make demo`: processes, Flower, secure sum and models on this machine",
        "data": measured.origin,
        "commit": _commit(),
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "wall_s": round(progress.elapsed_s, 1),
        "wall_s_by_step": [
            {"step": step.title, "wall_s": round(step.seconds, 1), "note": step.note}
            for step in progress.steps
        ],
        "peak_pss_bytes": memory.peak_total_bytes,
        "peak_pss_bytes_by_process": dict(sorted(memory.peak_bytes.items())),
        "rounds": [asdict(figures) for figures in measured.rounds],
        "headline": list(measured.headline),
        "notes": dict(measured.notes),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n")


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    dirty = subprocess.run(
        ["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, check=False
    )
    return (done.stdout.strip() or "unknown") + ("+changes" if dirty.stdout.strip() else "")
