"""Fuzz every decoder: a million inputs or ten minutes of CPU each, whichever comes first.

python -m tests.fuzz                                  all targets; writes tests/benchmarks/results/fuzz.json
python -m tests.fuzz --only release,chunk --write     some targets; the others keep their lines
python -m tests.fuzz --only release --seconds 60      one target; writes nothing

Minutes are of CPU, so that a busy machine does not make them shorter. Results are written after every target.
An input that brings out an outcome not seen before (another error, or another thing expected) joins the
corpus of the run. What breaks a target is printed and kept in tests/fuzz/seeds.json, and the run goes on.
"""

import argparse
import json
import logging
import platform
import resource
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import structlog

from protocols.errors import AltroveError
from tests.benchmarks.provenance import ROOT, commit
from tests.fuzz.mutator import mutated
from tests.fuzz.seeds import CORPUS, seeds
from tests.fuzz.targets import TARGETS

RESULT = ROOT / "tests/benchmarks/results/fuzz.json"
MEMORY_BYTES = 2 * 2**30
BATCH = 200
"""Inputs between two looks at the time."""
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
            self.broken.setdefault(f"{type(error).__name__} at {_place(error)}", data)
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


def _place(error: BaseException) -> str:
    """The innermost line that an error came from: the same defect is one find."""
    trace = traceback.extract_tb(error.__traceback__)
    return f"{trace[-1].name}, line {trace[-1].lineno}" if trace else "nowhere"


def fuzz(target: str, *, executions: int, seconds: float, seed: int) -> Run:
    """Try ``executions`` inputs, or as many as take ``seconds`` of CPU."""
    run, rng = Run(target, seeds(target)), Random(f"{seed} {target}")
    while (left := executions - run.outcomes.total()) > 0 and run.seconds < seconds:
        run.batch(rng, min(BATCH, left))
    return run


def keep(run: Run) -> None:
    """Put what broke a target into the corpus."""
    corpus = json.loads(CORPUS.read_text())
    for what, data in run.broken.items():
        print(f"{run.target}: {what}\n  {data[:60]!r}", file=sys.stderr)
        if len(data) < 2_000:
            corpus["found"].setdefault(run.target, []).append(data.hex())
    CORPUS.write_text(json.dumps(corpus, indent=1) + "\n")


def record(run: Run, asked: argparse.Namespace, began_at: str) -> dict[str, object]:
    """One target's line of the results."""
    return {
        "commit": began_at,
        "seed": asked.seed,
        "executions": run.outcomes.total(),
        "cpu_seconds": round(run.seconds, 2),
        "ended_by": "executions" if run.outcomes.total() >= asked.executions else "cpu",
        "kept_inputs": len(run.pool),
        "broken": len(run.broken),
        "outcomes": dict(run.outcomes.most_common()),
    }


def write(lines: dict[str, dict[str, object]]) -> None:
    """Write the results with ``lines`` in the place of these targets' old ones."""
    before = json.loads(RESULT.read_text())["targets"]
    targets = {target: lines.get(target, before.get(target)) for target in TARGETS}
    known = {target: line for target, line in targets.items() if line}
    result = {
        "command": "make fuzz",
        "python": platform.python_version(),
        "memory_limit_bytes": MEMORY_BYTES,
        "not_fuzzed": [target for target, line in targets.items() if not line],
        "executions": sum(int(str(line["executions"])) for line in known.values()),
        "cpu_seconds": round(sum(float(str(line["cpu_seconds"])) for line in known.values()), 1),
        "targets": known,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


def main() -> int:
    """Fuzz; 1 if anything but the named errors came out."""
    words = argparse.ArgumentParser(prog="python -m tests.fuzz")
    words.add_argument("--only", default="", metavar="TARGET,TARGET")
    words.add_argument("--write", action="store_true")
    words.add_argument("--executions", type=int, default=1_000_000)
    words.add_argument("--seconds", type=float, default=600)
    words.add_argument("--seed", type=int, default=1)
    asked = words.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    logging.disable()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    lines: dict[str, dict[str, object]] = {}
    broken, began_at = False, commit()
    for target in filter(None, asked.only.split(",")) if asked.only else TARGETS:
        run = fuzz(target, executions=asked.executions, seconds=asked.seconds, seed=asked.seed)
        rate = run.outcomes.total() / max(run.seconds, 1e-9)
        print(
            f"{run.target:16} {run.outcomes.total():8} {rate:9.0f}/s  {dict(run.outcomes.most_common())}",
            flush=True,
        )
        lines[target] = record(run, asked, began_at)
        if run.broken:
            keep(run)
            broken = True
        if asked.write or not asked.only:
            write(lines)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
