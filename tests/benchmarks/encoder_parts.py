"""All parts of the encoder's measurement, each in a process of its own, as many at a time as cores allow.

    python -m tests.benchmarks.encoder_parts                                   two cores: hours
    python -m tests.benchmarks.encoder_parts --cores 16 --minutes 9            one machine with sixteen
    python -m tests.benchmarks.encoder_parts --only 'k5-*,k20-pooled-s0'        those of these names
    python -m tests.benchmarks.encoder_parts --list

A part that is complete in the folder, of the same code, is not measured again. At the end of ``--minutes`` what still
runs is stopped; its curve is kept. Then ``python -m tests.benchmarks.encoder_join`` and ``encoder_table``.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from tests.benchmarks.encoder import arguments, name_of
from tests.benchmarks.provenance import ROOT, commit

FOLDER: Final = ROOT / ".altrove" / "bench" / "encoder"
SERVERS: Final = (("momentum", 300_000), ("momentum", 1_000_000), ("fedadam", 3_000), ("fedadam", 10_000))
"""Beside FedAvg with a rate of 1. Momentum adds up to ten times its rate; FedAdam's is what a weight moves by."""
LOOK_S: Final = 0.5


def parts(seeds: int, seeds_of_20: int, pooled_seeds: int) -> Iterator[tuple[str, ...]]:
    """What is typed for each part, those that take longest first."""
    for seed in range(seeds_of_20):
        yield ("--part", "federated", "--companies", "20", "--seed", str(seed), "--threads", "4")
    yield ("--part", "pooled", "--companies", "20", "--seed", "0", "--threads", "2")
    for seed in range(seeds):
        yield ("--part", "federated", "--companies", "5", "--seed", str(seed))
    for seed in range(pooled_seeds):
        yield ("--part", "pooled", "--companies", "5", "--seed", str(seed))
    for server, rate in SERVERS:
        other = ("--server", server, "--server-rate", str(rate), "--curve-only")
        yield ("--part", "federated", "--companies", "5", "--seed", "0", *other)
    for company in range(5):
        yield ("--part", "local", "--companies", "5", "--seed", "0", "--company", str(company))


@dataclass(slots=True, kw_only=True)
class Running:
    """A part at work."""

    name: str
    threads: int
    process: subprocess.Popen[bytes]
    began: float


class Crew:
    """Processes of parts, never with more threads together than ``cores``."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self._asked = asked
        self._began = time.monotonic()
        self._running: list[Running] = []
        self._commit = asked.commit or commit()

    def work(self) -> int:
        """Measure every part that is wanted; how many did not end well."""
        waiting = [words for words in listed(self._asked) if not self._is_there(words)]
        failed = 0
        while waiting or self._running:
            while waiting and self._has_room(waiting[0]):
                self._start(waiting.pop(0))
            time.sleep(LOOK_S)
            failed += self._ended()
            if self._left_s() <= 0:
                failed += len(waiting) + len(self._running)
                print(f"no time left for {len(waiting)} parts; {len(self._running)} are stopped", flush=True)
                self._stop()
                break
        return failed

    def _left_s(self) -> float:
        return 60 * self._asked.minutes - (time.monotonic() - self._began)

    def _has_room(self, words: tuple[str, ...]) -> bool:
        """A part wider than the machine is measured by itself."""
        busy = sum(each.threads for each in self._running)
        return not busy or busy + typed(words).threads <= self._asked.cores

    def _is_there(self, words: tuple[str, ...]) -> bool:
        path = self._asked.out / f"{named(words)}.json"
        if not path.exists():
            return False
        found = json.loads(path.read_text(encoding="utf-8"))
        there = bool(found["complete"] and found["commit"] == self._commit)
        if there:
            print(f"{named(words)}: complete at this commit, not measured again", flush=True)
        return there

    def _start(self, words: tuple[str, ...]) -> None:
        rounds = self._asked.rounds_of_20 if typed(words).companies == 20 else self._asked.rounds
        more = ("--rounds", str(rounds), "--commit", self._commit)
        more = (*more, "--minutes", f"{self._left_s() / 60:.2f}", "--out", str(self._asked.out))
        with (self._asked.out / f"{named(words)}.log").open("wb") as log:
            process = subprocess.Popen(
                (sys.executable, "-m", "tests.benchmarks.encoder", *words, *more),
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        threads = typed(words).threads
        self._running.append(
            Running(name=named(words), threads=threads, process=process, began=time.monotonic())
        )

    def _ended(self) -> int:
        failed = 0
        for each in [one for one in self._running if one.process.poll() is not None]:
            self._running.remove(each)
            code = each.process.returncode
            failed += code != 0
            took = time.monotonic() - each.began
            print(f"{each.name}: {'well' if code == 0 else f'exit {code}'} after {took:.0f} s", flush=True)
        return failed

    def _stop(self) -> None:
        for each in self._running:
            each.process.terminate()
        for each in self._running:
            each.process.wait()
        self._running.clear()


def listed(asked: argparse.Namespace) -> list[tuple[str, ...]]:
    """The wanted parts."""
    found = parts(asked.seeds, asked.seeds_of_20, asked.pooled_seeds)
    return [each for each in found if any(fnmatch(named(each), name) for name in asked.only.split(","))]


def named(words: tuple[str, ...]) -> str:
    """A part's name from what is typed for it."""
    return name_of(typed(words))


def typed(words: tuple[str, ...]) -> argparse.Namespace:
    """What a part is told."""
    return arguments().parse_args([*words, "--out", "."])


def main() -> int:
    """Measure the parts."""
    words = argparse.ArgumentParser(prog="python -m tests.benchmarks.encoder_parts")
    words.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    words.add_argument("--minutes", type=float, default=24 * 60)
    words.add_argument("--rounds", type=int, default=10)
    words.add_argument("--rounds-of-20", type=int, default=16)
    words.add_argument("--seeds", type=int, default=5)
    words.add_argument("--seeds-of-20", type=int, default=3)
    words.add_argument("--pooled-seeds", type=int, default=3)
    words.add_argument("--only", default="*", metavar="NAME,NAME")
    words.add_argument("--list", action="store_true")
    words.add_argument("--commit", default="", help="where there is no repository to ask")
    words.add_argument("--out", type=Path, default=FOLDER)
    asked = words.parse_args()
    if asked.list:
        print("\n".join(named(each) for each in listed(asked)))
        return 0
    asked.out = asked.out.absolute()
    asked.out.mkdir(parents=True, exist_ok=True)
    return 1 if Crew(asked).work() else 0


if __name__ == "__main__":
    raise SystemExit(main())
