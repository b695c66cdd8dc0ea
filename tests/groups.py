"""Run every check by group and end with one table: what passed, what failed, what was skipped and why.

python tests/groups.py            everything
python tests/groups.py unit e2e   only these groups
"""

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
REPORTS = ROOT / ".pytest_cache" / "groups"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One line of the summary: a tool, or pytest over some of the tests."""

    name: str
    says: str
    words: tuple[str, ...]
    is_pytest: bool = False


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of a group."""

    group: Group
    ok: bool
    seconds: float
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)


def tool(name: str, says: str, *words: str) -> Group:
    """A group that is one command of the virtual environment."""
    return Group(name=name, says=says, words=(str(BIN / words[0]), *words[1:]))


def tests(name: str, says: str, *words: str) -> Group:
    """A group that is a selection of tests."""
    report = REPORTS / f"{name}.xml"
    start = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={report}")
    return Group(name=name, says=says, words=(*start, *words), is_pytest=True)


NOISE = re.compile(rb"nanobind: | - leaked | - \.\.\. skipped|See https://nanobind")
HEAVY = "postgres or browser or e2e or images"
GROUPS = (
    tool("style", "ruff", "ruff", "check", "."),
    tool("format", "ruff format", "ruff", "format", "--check", "."),
    tool("types", "mypy --strict", "mypy"),
    tool("imports", "import contracts", "lint-imports", "--no-cache"),
    tests(
        "unit",
        "unit, property, vectors, doctests, SQLite",
        "-n",
        "2",
        "--dist",
        "worksteal",
        "-m",
        f"not ({HEAVY})",
    ),
    tests("postgres", "contracts on PostgreSQL", "-m", "postgres"),
    tests("browser", "pages in Chromium", "-m", "browser"),
    tests("e2e", "three nodes over real Flower", "-m", "e2e"),
)


def run(group: Group) -> Outcome:
    """Run one group; its output goes straight to the terminal."""
    print(f"\n=== {group.name}: {group.says}", flush=True)
    began = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    code = streamed(group.words, environment)
    outcome = Outcome(group=group, ok=code == 0, seconds=time.monotonic() - began)
    if group.is_pytest:
        _count(outcome)
        outcome.ok = code == 0 or (code == 5 and outcome.counts["failed"] == 0)
    else:
        outcome.counts["passed" if outcome.ok else "failed"] = 1
    return outcome


def streamed(words: tuple[str, ...], environment: dict[str, str]) -> int:
    """Run a command and pass its output on, without what DuckDB's binding says of itself at exit."""
    running = subprocess.Popen(
        words,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if running.stdout is not None:
        while chunk := running.stdout.read1():
            sys.stdout.buffer.write(
                b"".join(line for line in chunk.splitlines(True) if not NOISE.match(line))
            )
            sys.stdout.buffer.flush()
    return running.wait()


def _count(outcome: Outcome) -> None:
    report = REPORTS / f"{outcome.group.name}.xml"
    if not report.exists():
        outcome.ok = False
        return
    for case in ET.parse(report).iter("testcase"):
        skipped = case.find("skipped")
        if skipped is not None:
            outcome.counts["skipped"] += 1
            outcome.reasons[skipped.get("message", "no reason given")] += 1
        elif case.find("failure") is not None or case.find("error") is not None:
            outcome.counts["failed"] += 1
        else:
            outcome.counts["passed"] += 1
    report.unlink()


def summary(outcomes: list[Outcome]) -> None:
    """Print the table and, last, one line with the totals."""
    print("\n=== summary")
    print(f"{'group':10} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}  what")
    for outcome in outcomes:
        counts = outcome.counts
        mark = "" if outcome.ok else "  <- FAILED"
        print(
            f"{outcome.group.name:10} {counts['passed']:7} {counts['failed']:7} {counts['skipped']:8} "
            f"{outcome.seconds:8.1f}  {outcome.group.says}{mark}"
        )
        for reason, times in outcome.reasons.most_common():
            print(f"{'':10} skipped {times}: {reason}")
        if outcome.group.is_pytest and not counts.total():
            print(f"{'':10} no test is marked {outcome.group.name} yet")
    total = sum((outcome.counts for outcome in outcomes), Counter[str]())
    failed = total["failed"] + sum(not o.ok and not o.counts["failed"] for o in outcomes)
    print(f"\n{total['passed']} passed, {failed} failed, {total['skipped']} skipped", flush=True)


def main(wanted: list[str]) -> int:
    """Run the wanted groups, all when none is named; 0 when all are well."""
    names = {group.name for group in GROUPS}
    for name in wanted:
        if name not in names:
            print(f"no group {name}; there are: {', '.join(group.name for group in GROUPS)}", file=sys.stderr)
            return 2
    REPORTS.mkdir(parents=True, exist_ok=True)
    outcomes = [run(group) for group in GROUPS if not wanted or group.name in wanted]
    summary(outcomes)
    return 0 if all(outcome.ok for outcome in outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
