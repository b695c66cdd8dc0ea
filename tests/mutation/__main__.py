"""Mutate a seeded sample of ``protocols`` and write down which mutants no test notices.

python -m tests.mutation --mutants 300 --minutes 60       a sample of all modules
python -m tests.mutation --only policy,roster             of some
python -m tests.mutation --again                          the survivors of the last run, once more

Writes tests/benchmarks/results/mutation.json and, from it, tests/mutation/REPORT.md.
"""

import argparse
import importlib.metadata
import json
import platform
import random
import sys
import time

from tests.benchmarks.provenance import ROOT, commit
from tests.mutation import report
from tests.mutation.modules import MODULES, Module
from tests.mutation.operators import Mutant, mutants
from tests.mutation.runner import copied, killed_by, verdict

RESULT = ROOT / "tests/benchmarks/results/mutation.json"
SEED = 20171


def sample(count: int, seed: int, only: set[str]) -> list[tuple[Module, Mutant]]:
    """About ``count`` mutants, by each module's share, in an order that mixes the modules."""
    rng = random.Random(seed)
    chosen = []
    for module in MODULES:
        if not only or module.path.rsplit("/", 1)[1].removesuffix(".py") in only:
            every = mutants(module.path, (ROOT / module.path).read_text())
            wanted = min(len(every), max(1, round(count * module.share / 100)))
            chosen += [(module, mutant) for mutant in rng.sample(every, wanted)]
    rng.shuffle(chosen)
    return chosen


def survivors_of_last_run() -> list[tuple[Module, Mutant]]:
    """The mutants that lived, found again by their keys in the files as they are now."""
    keys = {one["key"] for one in json.loads(RESULT.read_text())["mutants"] if not one["killed_by"]}
    return [
        (module, mutant)
        for module in MODULES
        for mutant in mutants(module.path, (ROOT / module.path).read_text())
        if mutant.key in keys
    ]


def play(chosen: list[tuple[Module, Mutant]], minutes: float) -> list[dict[str, object]]:
    """Run each of ``chosen`` until the time is over; one record a mutant."""
    records: list[dict[str, object]] = []
    with copied() as tree:
        wrong = verdict(tree, tuple(dict.fromkeys(each for module, _ in chosen for each in module.tests)))
        if wrong:
            raise SystemExit(f"without any mutant a test fails already: {wrong}")
        end = time.monotonic() + 60 * minutes
        for module, mutant in chosen:
            if time.monotonic() > end:
                break
            began = time.monotonic()
            found = killed_by(tree, module, mutant)
            records.append(
                {
                    "key": mutant.key,
                    "module": module.path,
                    "where": mutant.where,
                    "line": mutant.line,
                    "operator": mutant.operator,
                    "killed_by": found,
                    "seconds": round(time.monotonic() - began, 2),
                }
            )
            print(f"{len(records):4}/{len(chosen)} {found or 'SURVIVED':60.60} {mutant.key}", flush=True)
    return records


def main() -> int:
    """Sample, run, write."""
    words = argparse.ArgumentParser(prog="python -m tests.mutation")
    words.add_argument("--mutants", type=int, default=300)
    words.add_argument("--minutes", type=float, default=60)
    words.add_argument("--seed", type=int, default=SEED)
    words.add_argument("--only", default="")
    words.add_argument("--again", action="store_true")
    asked = words.parse_args()
    only = set(filter(None, asked.only.split(",")))
    chosen = survivors_of_last_run() if asked.again else sample(asked.mutants, asked.seed, only)
    began = time.monotonic()
    records = play(chosen, asked.minutes)
    if asked.again:
        again = {record["key"]: record for record in records}
        before = json.loads(RESULT.read_text())
        before["mutants"] = [again.get(one["key"], one) for one in before["mutants"]]
        before["commit_of_survivors"] = commit()
        result = before
    else:
        result = {
            "command": f"python -m tests.mutation --mutants {asked.mutants} --seed {asked.seed}"
            + (f" --only {asked.only}" if asked.only else ""),
            "commit": commit(),
            "versions": {
                "python": platform.python_version(),
                "pytest": importlib.metadata.version("pytest"),
                "hypothesis": importlib.metadata.version("hypothesis"),
            },
            "possible": {m.path: len(mutants(m.path, (ROOT / m.path).read_text())) for m in MODULES},
            "minutes": round((time.monotonic() - began) / 60, 1),
            "not_run": len(chosen) - len(records),
            "mutants": records,
        }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
