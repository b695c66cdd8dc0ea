"""``make bench-crypto``: what the secure sum costs, beside Flower's own SecAgg+ code in the same run.

    python -m tests.benchmarks.crypto                    all, half an hour of one core and more
    python -m tests.benchmarks.crypto client shamir      only these; the others' last figures stay
    python -m tests.benchmarks.crypto --most 100000000   no more than so many members times parameters

writes ``results/crypto.json`` and, made from it, ``results/crypto.md``. CPU seconds of one process, so that
what else the machine does counts as little as possible; ours and Flower's take turns.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from protocols.limits import CHUNK_BYTES
from protocols.masks import apply_masks
from tests.benchmarks import crypto_client, crypto_sampler, crypto_table
from tests.benchmarks.crypto_memory import measure as memory_of
from tests.benchmarks.crypto_timing import alone, in_turns
from tests.benchmarks.provenance import commit

RESULTS: Final = Path(__file__).parent / "results"
COMMAND: Final = "make bench-crypto"
PACKAGES: Final = ("flwr", "cryptography", "numpy", "pycryptodome")
COHORTS: Final = (3, 10, 100)
PARAMETERS: Final = (10**6, 10**7)
GRAPH: Final = (3, 10, 30, 100, 300, 1000)
CHECK: Final = (100, 300, 1000)
GRAPH_PARAMETERS: Final = 10**6
MOST: Final = 10**9
"""Members times parameters: all sizes above."""

STREAMS: Final = 10


def client(most: int) -> list[dict[str, Any]]:
    """The masked-input step of one node: ours from an answer in fixed point, Flower's from the same float32 numbers."""
    from tests.benchmarks import crypto_flower

    found = []
    for elements in PARAMETERS:
        vector = np.random.default_rng(elements).normal(size=elements).astype(np.float32)
        answer = crypto_client.answer_of(vector)
        for members in (each for each in COHORTS if each * elements <= most):
            ours = crypto_client.Member(members, elements)
            theirs = crypto_flower.client(members, crypto_client.threshold(members), vector)
            chunks, submission = ours.masked_input(answer)
            up = sum(map(len, chunks)) + len(submission)
            found.append(
                {
                    "members": members,
                    "parameters": elements,
                    **in_turns(lambda: ours.masked_input(answer), theirs),  # noqa: B023
                    "altrove_bytes_per_parameter": round((up + ours.upload_bytes) / elements, 4),
                    "flower_bytes_per_parameter": round(sum(map(len, theirs())) / elements, 4),
                }
            )
            _show("client", found[-1])
    return found


def masks(_: int) -> dict[str, Any]:
    """Ring words of masks made and added a second, in the chunks in which a vector is masked."""
    keys = [bytes([index + 1]) * 32 for index in range(STREAMS)]
    total = np.zeros(CHUNK_BYTES // 4, dtype="<u4")
    chunks = 8

    def work() -> None:
        for index in range(chunks):
            apply_masks(total, index, keys, (), out=total)

    seen = alone(work)
    words = chunks * len(total) * STREAMS
    rates = {name: round(words / seen[f"{name}_s"]) for name in ("median", "lowest", "highest")}
    return {"elements": words, **seen, "elements_per_s": rates["median"], "rates": rates}


def shamir(_: int) -> list[dict[str, Any]]:
    """One member's mask secret, split among all and combined from the threshold."""
    from tests.benchmarks import crypto_flower

    found = []
    for members in (10, 100):
        ours = crypto_client.shamir(members)
        theirs = crypto_flower.shamir(members, crypto_client.threshold(members))
        whole = [_both(*pair) for pair in (ours, theirs)]
        found.append(
            {
                "members": members,
                "threshold": crypto_client.threshold(members),
                "split": in_turns(ours[0], theirs[0]),
                "combine": in_turns(ours[1], theirs[1]),
                "both": in_turns(*whole),
            }
        )
        _show("shamir", found[-1])
    return found


def memory(_: int) -> list[dict[str, Any]]:
    """Peak memory of the aggregator, in vectors."""
    return [memory_of(members, 10**7) for members in (3, 10)]


def sampler(_: int) -> dict[str, Any]:
    """The noise sampler."""
    return crypto_sampler.measure()


def graph(most: int) -> list[dict[str, Any]]:
    """The complete graph with a tenth of its members lost, each size in a process of its own."""
    found = []
    for members in (each for each in GRAPH if each * GRAPH_PARAMETERS <= most):
        words = (sys.executable, "-m", "tests.benchmarks.crypto_graph", str(members), str(GRAPH_PARAMETERS))
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout))
        _show("graph", found[-1])
    return found


def check(most: int) -> list[dict[str, Any]]:
    """The linear check of a released sum, each size in a process of its own."""
    found = []
    for members in (each for each in CHECK if each * GRAPH_PARAMETERS <= most):
        words = (sys.executable, "-m", "tests.benchmarks.crypto_check", str(members), str(GRAPH_PARAMETERS))
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout))
        _show("check", found[-1])
    return found


MEASUREMENTS: Final[dict[str, Callable[[int], Any]]] = {
    "client": client,
    "masks": masks,
    "shamir": shamir,
    "memory": memory,
    "sampler": sampler,
    "graph": graph,
    "check": check,
}


def main() -> None:
    """Measure what was asked, keep the rest, write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", choices=[*MEASUREMENTS, []], default=[])
    parser.add_argument("--out", type=Path, default=RESULTS / "crypto.json")
    parser.add_argument("--most", type=int, default=MOST, help="members times parameters")
    asked = parser.parse_args()
    result = json.loads(asked.out.read_text(encoding="utf-8")) if asked.out.exists() else {}
    for name in asked.only or MEASUREMENTS:
        seen = MEASUREMENTS[name](asked.most)
        result[name] = {"measured": seen, "provenance": provenance(name, asked.most)}
        asked.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    crypto_table.write(asked.out)


def provenance(name: str, most: int) -> dict[str, Any]:
    """Command, commit, machine and versions."""
    limit = "" if most >= MOST else f" --most {most}"
    return {
        "command": f'{COMMAND} ARGS="{name}{limit}"',
        "commit": commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 1),
        "versions": {"python": platform.python_version()} | {each: version(each) for each in PACKAGES},
    }


def _both(*work: Callable[[], object]) -> Callable[[], object]:
    return lambda: [each() for each in work]


def _processor() -> str:
    """Model and the instructions that matter here."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    fields = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    named = {key.strip(): value.strip() for key, value in fields.items()}
    has = [flag for flag in ("aes", "vaes", "sha_ni", "avx512f") if flag in named.get("flags", "").split()]
    family = f"family {named.get('cpu family')}, model {named.get('model')}"
    return f"{named.get('model name')} ({family}; {' '.join(has)})"


def _show(name: str, value: object) -> None:
    print(name, json.dumps(value), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
