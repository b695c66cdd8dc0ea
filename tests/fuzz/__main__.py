"""Fuzz every decoder: ten minutes or a million inputs, whichever comes first.

python -m tests.fuzz                                  all targets; writes tests/benchmarks/results/fuzz.json
python -m tests.fuzz --only release --seconds 60      one target; writes nothing

An input that brings out an outcome not seen before (another error, or another thing expected) joins the
corpus of the run. What breaks a target is printed and kept in tests/fuzz/seeds.json, and the run goes on.
"""

import argparse
import json
import platform
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from protocols.errors import AltroveError
from tests.benchmarks.provenance import ROOT, commit
from tests.fuzz.mutator import mutated
from tests.fuzz.seeds import CORPUS, seeds
from tests.fuzz.targets import TARGETS

RESULT = ROOT / "tests/benchmarks/results/fuzz.json"
MEMORY_BYTES = 2 * 2**30
BATCH = 200
"""Inputs of one target before the next has its turn."""
POOL = 2_000
"""Inputs that a run keeps for one target at most."""


@dataclass(slots=True)
class Run:
    """One target's corpus and counts."""

    target: str
    pool: list[bytes]
    outcomes: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    broken: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0

    def step(self, rng: Random) -> None:
        """Try one mutated input."""
        data = mutated(rng, self.pool)
        try:
            TARGETS[self.target](data)
            name = detail = "accepted"
        except AltroveError as error:
            name, detail = type(error).__name__, f"{type(error).__name__} {error.expected[:24]}"
        except Exception as error:  # noqa: BLE001  # this is what is looked for
            name = detail = f"BROKEN {type(error).__name__}"
            self.broken.setdefault(f"{type(error).__name__}: {error!s:.80}", data)
        self.outcomes[name] += 1
        if detail not in self.seen:
            self.seen.add(detail)
            if len(self.pool) < POOL:
                self.pool.append(data)

    def batch(self, rng: Random, count: int) -> None:
        """Try ``count`` inputs."""
        began = time.process_time()
        for _ in range(count):
            self.step(rng)
        self.seconds += time.process_time() - began


def fuzz(targets: list[str], *, executions: int, seconds: float, seed: int) -> list[Run]:
    """Take turns until ``executions`` inputs or ``seconds`` of CPU are used up."""
    runs, rng = [Run(target, seeds(target)) for target in targets], Random(seed)
    end = time.process_time() + seconds
    while sum(run.outcomes.total() for run in runs) < executions and time.process_time() < end:
        for run in runs:
            run.batch(rng, BATCH)
    return runs


def keep(runs: list[Run]) -> None:
    """Put what broke a target into the corpus."""
    corpus = json.loads(CORPUS.read_text())
    for run in runs:
        for what, data in run.broken.items():
            print(f"{run.target}: {what}\n  {data[:60]!r}", file=sys.stderr)
            if len(data) < 2_000:
                corpus["found"].setdefault(run.target, []).append(data.hex())
    CORPUS.write_text(json.dumps(corpus, indent=1) + "\n")


def main() -> int:
    """Fuzz; 1 if anything but the named errors came out."""
    words = argparse.ArgumentParser(prog="python -m tests.fuzz")
    words.add_argument("--only", default="")
    words.add_argument("--executions", type=int, default=1_000_000)
    words.add_argument("--seconds", type=float, default=600)
    words.add_argument("--seed", type=int, default=1)
    asked = words.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    targets = [target for target in TARGETS if asked.only in ("", target)]
    runs = fuzz(targets, executions=asked.executions, seconds=asked.seconds, seed=asked.seed)
    for run in runs:
        rate = run.outcomes.total() / max(run.seconds, 1e-9)
        print(f"{run.target:16} {run.outcomes.total():8} {rate:9.0f}/s  {dict(run.outcomes.most_common())}")
    if any(run.broken for run in runs):
        keep(runs)
    if not asked.only:
        result = {
            "command": f"python -m tests.fuzz --executions {asked.executions} --seconds {asked.seconds:.0f}"
            f" --seed {asked.seed}",
            "commit": commit(),
            "python": platform.python_version(),
            "executions": sum(run.outcomes.total() for run in runs),
            "cpu_seconds": round(sum(run.seconds for run in runs), 1),
            "memory_limit_bytes": MEMORY_BYTES,
            "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "broken": sum(len(run.broken) for run in runs),
            "targets": {
                run.target: {
                    "executions": run.outcomes.total(),
                    "cpu_seconds": round(run.seconds, 2),
                    "kept_inputs": len(run.pool),
                    "outcomes": dict(run.outcomes.most_common()),
                }
                for run in runs
            },
        }
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
    return int(any(run.broken for run in runs))


if __name__ == "__main__":
    sys.exit(main())
