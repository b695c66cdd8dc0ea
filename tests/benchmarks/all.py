"""``make bench``: every measurement that the documents quote, one after the other.

python tests/benchmarks/all.py              all of them (most of an hour on two cores)
python tests/benchmarks/all.py demo latency only these
"""

import subprocess
import sys
import time
from pathlib import Path

RESULTS = Path("tests") / "benchmarks" / "results"
PAYLOAD_BYTES = 9_870_124
"""One masked `taste` answer at 2,221 concepts: 2,467,531 words of four bytes."""

MEASUREMENTS = {
    "quality": ("-m", "tests.benchmarks.quality", "5", "20"),
    "encoder": ("-m", "tests.benchmarks.encoder_parts"),
    "encoder-join": ("-m", "tests.benchmarks.encoder_join"),
    "encoder-oracle": ("-m", "tests.benchmarks.encoder_oracle"),
    "encoder-speed": ("-m", "tests.benchmarks.encoder_speed"),
    "privacy-quality": ("-m", "tests.benchmarks.privacy_quality"),
    "privacy-choice": ("-m", "tests.benchmarks.privacy_choice"),
    "privacy-served": ("-m", "tests.benchmarks.privacy_served", "--afresh"),
    "tempering": ("-m", "tests.benchmarks.tempering"),
    "leakage": ("-m", "tests.benchmarks.leakage"),
    "crypto-suites": ("-m", "tests.benchmarks.crypto_suites"),
    "nonbuyers": ("-m", "tests.benchmarks.nonbuyers"),
    "latency": ("-m", "tests.benchmarks.latency"),
    "fedavg": (
        *("-m", "tests.benchmarks.fedavg", "--nodes", "5"),
        *("--payload-bytes", str(PAYLOAD_BYTES), "--out", str(RESULTS / "fedavg.json")),
    ),
    "round-time": ("-m", "tests.benchmarks.round_time"),
    "flower-growth": ("-m", "tests.benchmarks.flower_growth"),
    "large-vectors": ("-m", "tests.benchmarks.large_vectors", "--out", str(RESULTS / "large_vectors.json")),
    "demo": ("-m", "deploy.local", "--yes"),
    "quality-table": ("-m", "tests.benchmarks.quality_table"),
    "encoder-table": ("-m", "tests.benchmarks.encoder_table"),
    "privacy-table": ("-m", "tests.benchmarks.privacy_table"),
    "leakage-table": ("-m", "tests.benchmarks.leakage_table"),
    "nonbuyers-table": ("-m", "tests.benchmarks.nonbuyers_table"),
    "round-time-table": ("-m", "tests.benchmarks.round_time_table"),
    "round-table": ("-m", "tests.benchmarks.round_table"),
}


def main(wanted: list[str]) -> int:
    """Run the wanted measurements, all when none is named."""
    unknown = [name for name in wanted if name not in MEASUREMENTS]
    if unknown:
        print(f"no measurement {unknown[0]}; there are: {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    failed = 0
    for name, words in MEASUREMENTS.items():
        if wanted and name not in wanted:
            continue
        began = time.monotonic()
        code = subprocess.run([sys.executable, *words], check=False).returncode
        failed += code != 0
        print(
            f"=== {name}: {'well' if code == 0 else f'exit {code}'} after {time.monotonic() - began:.0f} s\n"
        )
    print(f"Results: {RESULTS}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
