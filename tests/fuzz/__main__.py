"""Fuzz every decoder: a million inputs or ten minutes of CPU each, whichever comes first.

python -m tests.fuzz                                  all targets; writes tests/benchmarks/results/fuzz.json
python -m tests.fuzz --only release,chunk --write     some targets; the others keep their lines
python -m tests.fuzz --more                           go on where the last run was stopped, with other inputs
python -m tests.fuzz --only release --seconds 60      one target; writes nothing

Minutes are of CPU, so that a busy machine does not make them shorter. Targets take turns, and results are
written after every turn: a run that is interrupted keeps what it has.
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
EXECUTIONS, SECONDS = 1_000_000, 600.0
"""What every decoder is to have: so many inputs, or so many seconds of CPU."""
MEMORY_BYTES = 2 * 2**30
BATCH = 200
"""Inputs between two looks at the time."""
TURN_S = 10.0
"""CPU seconds of one target before the next has its turn."""
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


def turn(run: Run, rng: Random, *, executions: int, seconds: float) -> bool:
    """One target's turn; whether it has had its ``executions`` inputs, or ``seconds`` of CPU, by now."""
    until = min(seconds, run.seconds + TURN_S)
    while (left := executions - run.outcomes.total()) > 0 and run.seconds < until:
        run.batch(rng, min(BATCH, left))
    return left <= 0 or run.seconds >= seconds


def keep(run: Run) -> None:
    """Put what broke a target into the corpus."""
    corpus = json.loads(CORPUS.read_text())
    found = corpus["found"].setdefault(run.target, [])
    for what, data in run.broken.items():
        if len(data) < 2_000 and data.hex() not in found:
            print(f"{run.target}: {what}\n  {data[:60]!r}", file=sys.stderr)
            found.append(data.hex())
    CORPUS.write_text(json.dumps(corpus, indent=1) + "\n")


def record(run: Run, asked: argparse.Namespace, commits: list[str]) -> dict[str, object]:
    """One target's line of the results."""
    done = run.outcomes.total() >= EXECUTIONS
    return {
        "commits": commits,
        "seed": asked.seed,
        "executions": run.outcomes.total(),
        "cpu_seconds": round(run.seconds, 2),
        "ended_by": "executions" if done else "cpu" if run.seconds >= SECONDS else "",
        "kept_inputs": len(run.pool),
        "broken": len(run.broken),
        "outcomes": dict(run.outcomes.most_common()),
    }


def known() -> dict[str, dict[str, object]]:
    """The lines of the last runs."""
    lines: dict[str, dict[str, object]] = json.loads(RESULT.read_text())["targets"]
    return {target: line for target, line in lines.items() if target in TARGETS}


def write(target: str, line: dict[str, object]) -> None:
    """Write the results with ``line`` in the place of the target's old one."""
    lines = {**known(), target: line}
    result = {
        "command": "make fuzz",
        "python": platform.python_version(),
        "memory_limit_bytes": MEMORY_BYTES,
        "not_fuzzed": [each for each in TARGETS if each not in lines],
        "not_to_the_end": [each for each in TARGETS if each in lines and not lines[each]["ended_by"]],
        "executions": sum(int(str(each["executions"])) for each in lines.values()),
        "cpu_seconds": round(sum(float(str(each["cpu_seconds"])) for each in lines.values()), 1),
        "targets": {each: lines[each] for each in TARGETS if each in lines},
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


def resumed(target: str, line: dict[str, object] | None) -> Run:
    """A run of ``target`` that goes on after ``line``."""
    run = Run(target, seeds(target))
    if line:
        run.outcomes.update(line["outcomes"])  # type: ignore[arg-type]
        run.seconds = float(str(line["cpu_seconds"]))
    return run


def main() -> int:
    """Fuzz; 1 if anything but the named errors came out."""
    words = argparse.ArgumentParser(prog="python -m tests.fuzz")
    words.add_argument("--only", default="", metavar="TARGET,TARGET")
    words.add_argument("--write", action="store_true")
    words.add_argument("--more", action="store_true")
    words.add_argument("--executions", type=int, default=EXECUTIONS)
    words.add_argument("--seconds", type=float, default=SECONDS)
    words.add_argument("--seed", type=int, default=1)
    asked = words.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    logging.disable()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began_at, before = commit(), known() if asked.more else {}
    targets = asked.only.split(",") if asked.only else list(TARGETS)
    runs = [resumed(target, before.get(target)) for target in targets]
    chance = {run.target: Random(f"{asked.seed} {run.target} {run.outcomes.total()}") for run in runs}
    waiting = list(runs)
    while waiting:
        for run in list(waiting):
            over = turn(run, chance[run.target], executions=asked.executions, seconds=asked.seconds)
            if over:
                waiting.remove(run)
                print(
                    f"{run.target:16} {run.outcomes.total():8} {dict(run.outcomes.most_common())}", flush=True
                )
            if asked.write or asked.more or not asked.only:
                commits = before.get(run.target, {}).get("commits", [])
                write(
                    run.target,
                    record(run, asked, [*(each for each in commits if each != began_at), began_at]),
                )
            if run.broken:
                keep(run)
    return int(any(run.broken for run in runs))


if __name__ == "__main__":
    sys.exit(main())
