"""Mutate a seeded sample of ``protocols`` and write down which mutants no test notices.

python -m tests.mutation --mutants 300 --minutes 60       a sample of all modules, for 60 minutes of CPU
python -m tests.mutation --only policy,roster             of some
python -m tests.mutation --more                           go on with that sample where it was stopped
python -m tests.mutation --again                          the survivors of the last run, once more

Writes tests/benchmarks/results/mutation.json and, from it, tests/mutation/REPORT.md, after every few mutants:
a run that is interrupted keeps what it has. Minutes are those of the tests' CPU time, so that a busy machine
does not make the sample smaller.
"""

import argparse
import importlib.metadata
import json
import platform
import random
import sys
from collections.abc import Iterator

from tests.benchmarks.provenance import ROOT, commit
from tests.mutation import report
from tests.mutation.modules import MODULES, Module
from tests.mutation.operators import Mutant, mutants
from tests.mutation.runner import CPU_SECONDS, copied, killed_by, verdict

RESULT = ROOT / "tests/benchmarks/results/mutation.json"
SEED = 20171
WRITTEN_EVERY = 10
"""Mutants after which the results are written."""


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


def play(chosen: list[tuple[Module, Mutant]], minutes: float) -> Iterator[dict[str, object]]:
    """Run each of ``chosen`` until the CPU time is used up; one record a mutant."""
    with copied() as tree:
        tests = sorted({each for module, _ in chosen for each in module.tests}, reverse=True)  # doctests last
        wrong, spent_s = verdict(tree, tuple(tests), 10 * CPU_SECONDS)
        if wrong:
            raise SystemExit(f"without any mutant a test fails already: {wrong}")
        print(f"without any mutant: {spent_s:.1f} CPU s", flush=True)
        spent_s = 0.0
        for number, (module, mutant) in enumerate(chosen, start=1):
            if spent_s > 60 * minutes:
                break
            found, seconds = killed_by(tree, module, mutant)
            spent_s += seconds
            print(f"{number:4}/{len(chosen)} {found or 'SURVIVED':60.60} {mutant.key}", flush=True)
            yield {
                "key": mutant.key,
                "module": module.path,
                "where": mutant.where,
                "line": mutant.line,
                "operator": mutant.operator,
                "killed_by": found,
                "cpu_seconds": round(seconds, 2),
            }


def written(result: dict[str, object]) -> None:
    """Write the results, and the report made from them."""
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    report.write()


def main() -> int:
    """Sample, run, write."""
    words = argparse.ArgumentParser(prog="python -m tests.mutation")
    words.add_argument("--mutants", type=int, default=300)
    words.add_argument("--minutes", type=float, default=60)
    words.add_argument("--seed", type=int, default=SEED)
    words.add_argument("--only", default="")
    words.add_argument("--more", action="store_true")
    words.add_argument("--again", action="store_true")
    asked = words.parse_args()
    only = set(filter(None, asked.only.split(",")))
    if asked.again:
        before = json.loads(RESULT.read_text())
        again = {record["key"]: record for record in play(survivors_of_last_run(), asked.minutes)}
        before["mutants"] = [again.get(one["key"], one) for one in before["mutants"]]
        written({**before, "commit_of_survivors": commit()})
        return 0
    before = json.loads(RESULT.read_text()) if asked.more else {"mutants": [], "commits": []}
    records, known = list(before["mutants"]), {one["key"] for one in before["mutants"]}
    chosen = sample(asked.mutants, asked.seed, only)
    waiting = [(module, mutant) for module, mutant in chosen if mutant.key not in known]
    commits = [*(each for each in before["commits"] if each != commit()), commit()]
    left = asked.minutes - _minutes(records)
    for record in play(waiting, left):
        records.append(record)
        if len(records) % WRITTEN_EVERY == 0:
            written(_result(asked, commits, chosen, records))
    written(_result(asked, commits, chosen, records))
    return 0


def _minutes(records: list[dict[str, object]]) -> float:
    return sum(float(str(record["cpu_seconds"])) for record in records) / 60


def _result(
    asked: argparse.Namespace,
    commits: list[str],
    chosen: list[tuple[Module, Mutant]],
    records: list[dict[str, object]],
) -> dict[str, object]:
    return {
        "command": f"python -m tests.mutation --mutants {asked.mutants} --minutes {asked.minutes:g}"
        f" --seed {asked.seed}" + (f" --only {asked.only}" if asked.only else ""),
        "commits": commits,
        "versions": {
            "python": platform.python_version(),
            "pytest": importlib.metadata.version("pytest"),
            "hypothesis": importlib.metadata.version("hypothesis"),
        },
        "possible": {m.path: len(mutants(m.path, (ROOT / m.path).read_text())) for m in MODULES},
        "cpu_minutes": round(_minutes(records), 1),
        "not_run": len({mutant.key for _, mutant in chosen} - {record["key"] for record in records}),
        "mutants": records,
    }


if __name__ == "__main__":
    sys.exit(main())
