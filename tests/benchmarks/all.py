"""``make bench``: every measurement that the documents quote, one after the other.

python tests/benchmarks/all.py              all of them (hours on two cores)
python tests/benchmarks/all.py demo latency only these
python tests/benchmarks/all.py --list       what there is, and how long each took when it was last run
python tests/benchmarks/all.py --resume     without those that went well on this commit
python tests/benchmarks/all.py --afresh landmarks   what it kept of an earlier run as well

The comparison goes on within itself as well: every arm is kept when it is measured. The parts whose names end in
``-table`` make Markdown and plots from the JSON of the others, in seconds.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # run as a file, so that `make` needs no module path

from tests.benchmarks.provenance import commit  # noqa: E402

RESULTS = Path("tests") / "benchmarks" / "results"
PAYLOAD_BYTES = 9_870_124
"""One masked `taste` answer at 2,221 concepts: 2,467,531 words of four bytes."""

MEASUREMENTS = {
    "quality": ("-m", "tests.benchmarks.quality", "5", "20"),
    "surprise": ("-m", "tests.benchmarks.surprise", "5", "20"),
    "comparison": ("-m", "tests.benchmarks.comparison"),
    "floor": ("-m", "tests.benchmarks.floor"),
    "few-customers": ("-m", "tests.benchmarks.few_customers"),
    "libraries": ("-m", "tests.benchmarks.libraries"),
    "taste-speed": ("-m", "tests.benchmarks.taste_speed"),
    "encoder": ("-m", "tests.benchmarks.encoder_parts"),
    "encoder-join": ("-m", "tests.benchmarks.encoder_join"),
    "encoder-oracle": ("-m", "tests.benchmarks.encoder_oracle"),
    "encoder-speed": ("-m", "tests.benchmarks.encoder_speed"),
    "privacy-quality": ("-m", "tests.benchmarks.privacy_quality"),
    "privacy-choice": ("-m", "tests.benchmarks.privacy_choice"),
    "privacy-served": ("-m", "tests.benchmarks.privacy_served", "--afresh"),
    "tempering": ("-m", "tests.benchmarks.tempering"),
    "refits": ("-m", "tests.benchmarks.refits"),
    "newcomers": ("-m", "tests.benchmarks.newcomers"),
    "landmarks": ("-m", "tests.benchmarks.landmarks"),
    "leakage": ("-m", "tests.benchmarks.leakage"),
    "crypto-suites": ("-m", "tests.benchmarks.crypto_suites"),
    "rhythm": ("-m", "tests.benchmarks.rhythm"),
    "nonbuyers": ("-m", "tests.benchmarks.nonbuyers"),
    "latency": ("-m", "tests.benchmarks.latency"),
    "latency-growth": ("-m", "tests.benchmarks.latency_growth"),
    "fedavg": (
        *("-m", "tests.benchmarks.fedavg", "--nodes", "5"),
        *("--payload-bytes", str(PAYLOAD_BYTES), "--out", str(RESULTS / "fedavg.json")),
    ),
    "round-time": ("-m", "tests.benchmarks.round_time"),
    "flower-growth": ("-m", "tests.benchmarks.flower_growth"),
    "large-vectors": ("-m", "tests.benchmarks.large_vectors", "--out", str(RESULTS / "large_vectors.json")),
    "demo": ("-m", "deploy.local", "--yes"),
    "comparison-table": ("-m", "tests.benchmarks.comparison_table"),
    "floor-table": ("-m", "tests.benchmarks.floor_table"),
    "few-customers-table": ("-m", "tests.benchmarks.few_customers", "--table"),
    "growth-table": ("-m", "tests.benchmarks.growth_table"),
    "quality-table": ("-m", "tests.benchmarks.quality_table"),
    "surprise-table": ("-m", "tests.benchmarks.surprise_table"),
    "encoder-table": ("-m", "tests.benchmarks.encoder_table"),
    "privacy-table": ("-m", "tests.benchmarks.privacy_table"),
    "newcomers-table": ("-m", "tests.benchmarks.newcomers_table"),
    "rhythm-table": ("-m", "tests.benchmarks.rhythm_table"),
    "leakage-table": ("-m", "tests.benchmarks.leakage_table"),
    "nonbuyers-table": ("-m", "tests.benchmarks.nonbuyers_table"),
    "round-time-table": ("-m", "tests.benchmarks.round_time_table"),
    "round-table": ("-m", "tests.benchmarks.round_table"),
}


KEEPING = {"landmarks"}
"""Parts that pass over what they find measured, unless told ``--afresh``."""

TIMES = RESULTS / "times.json"


def main(words: list[str]) -> int:
    """Run the wanted measurements, all when none is named."""
    parser = argparse.ArgumentParser(prog="make bench", description="; ".join(MEASUREMENTS))
    parser.add_argument("wanted", nargs="*", metavar="PART")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--afresh", action="store_true", help=f"for {', '.join(KEEPING)}: nothing is kept")
    asked = parser.parse_args(words)
    if unknown := [name for name in asked.wanted if name not in MEASUREMENTS]:
        print(f"no measurement {unknown[0]}; there are: {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    times = json.loads(TIMES.read_text()) if TIMES.exists() else {}
    if asked.list:
        for name in MEASUREMENTS:
            print(f"{name:20} {_took(times.get(name))}")
        return 0
    failed = 0
    for name in asked.wanted or MEASUREMENTS:
        if asked.resume and times.get(name, {}).get("commit") == commit():
            continue
        more = ("--afresh",) if asked.afresh and name in KEEPING else ()
        failed += not _measured((*MEASUREMENTS[name], *more), name, times)
    print(f"Results: {RESULTS}")
    return 1 if failed else 0


def _measured(words: tuple[str, ...], name: str, times: dict[str, dict[str, object]]) -> bool:
    """Run one part and, if it went well, note how long it took."""
    began, before = time.monotonic(), _cpu_s()
    code = subprocess.run([sys.executable, *words], check=False).returncode
    took = {"wall_s": round(time.monotonic() - began), "cpu_s": round(_cpu_s() - before), "commit": commit()}
    print(f"=== {name}: {'well' if code == 0 else f'exit {code}'} after {took['wall_s']} s\n")
    if code == 0:
        times[name] = took
        TIMES.write_text(json.dumps(times, indent=1, sort_keys=True) + "\n")
    return code == 0


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _took(found: dict[str, object] | None) -> str:
    return f"{found['wall_s']} s, {found['cpu_s']} s of CPU, at {found['commit']}" if found else "not yet"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
