"""What a GPU, and bfloat16 on it, do to the seconds of one company's local training.

    python -m tests.benchmarks.encoder_speed [--out FILE]

Made-up customers with 60 concepts each, popular ones more often; the speed does not depend on who bought what. Arms
take turns, so that what else the machine does falls on all of them. Where there is no GPU its arms are left out and the
report says so. Writes ``results/encoder_speed.json``.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from unittest.mock import patch

import numpy as np
import torch

from participant.answers.autoencoder import Autoencoder, Rows
from protocols.questions.encoder import parse
from protocols.questions.network import Shape, Weights
from tests.benchmarks.provenance import commit, versions

TARGET: Final = Path(__file__).parent / "results" / "encoder_speed.json"
CONCEPTS: Final = (2_221, 20_000)
CUSTOMERS: Final = 1_200
BOUGHT: Final = 60
REPEATS: Final = 5
Arm = Callable[[Shape, Weights], Autoencoder]


def on_processor(shape: Shape, weights: Weights) -> Autoencoder:
    """As where there is no GPU."""
    with patch.object(torch.cuda, "is_available", lambda: False):
        return Autoencoder(shape, weights)


def arms() -> dict[str, Arm]:
    """Ways to train, those of the GPU only where there is one."""
    found: dict[str, Arm] = {f"processor, float32, {torch.get_num_threads()} threads": on_processor}
    if torch.cuda.is_available():
        found["GPU, float32"] = lambda shape, weights: Autoencoder(shape, weights, half=False)
        found["GPU, bfloat16"] = Autoencoder
    return found


def customers(concepts: int) -> Rows:
    """Rows of :data:`BOUGHT` distinct concepts."""
    rng = np.random.default_rng(concepts)
    popular = 1.0 / np.arange(1, concepts + 1) ** 0.8
    chosen = [
        rng.choice(concepts, BOUGHT, replace=False, p=popular / popular.sum()) for _ in range(CUSTOMERS)
    ]
    return Rows(indptr=np.arange(0, CUSTOMERS * BOUGHT + 1, BOUGHT), indices=np.sort(chosen, axis=1).ravel())


def measure(concepts: int) -> list[dict[str, object]]:
    """Seconds of two epochs over all customers, each arm after a turn that does not count."""
    shape, rows = Shape(concepts=concepts, hidden=512, latent=128), customers(concepts)
    weights = np.random.default_rng(0).normal(0, 0.02, shape.size).astype(np.float32)
    asked = parse({"taste": "ab" * 32, "until": 9})
    seconds: dict[str, list[float]] = {arm: [] for arm in arms()}
    for turn in range(REPEATS + 1):
        for arm, make in arms().items():
            network = make(shape, weights)
            began = time.perf_counter()
            network.train(rows, asked, bytes([turn]) * 32)
            if turn:
                seconds[arm].append(time.perf_counter() - began)
    return [
        {
            "concepts": concepts,
            "arm": arm,
            "seconds": float(np.median(took)),
            "fastest": min(took),
            "slowest": max(took),
        }
        for arm, took in seconds.items()
    ]


def main() -> None:
    """Measure and write the file."""
    words = argparse.ArgumentParser(prog="python -m tests.benchmarks.encoder_speed")
    words.add_argument("--threads", type=int, default=1, help="of torch")
    words.add_argument("--commit", default="", help="where there is no repository to ask")
    words.add_argument("--out", type=Path, default=TARGET)
    asked = words.parse_args()
    torch.set_num_threads(asked.threads)
    report = {
        "command": "python -m tests.benchmarks.encoder_speed",
        "commit": asked.commit or commit(),
        "versions": versions(("numpy", "torch")),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "customers": CUSTOMERS,
        "repeats": REPEATS,
        "rows": [row for concepts in CONCEPTS for row in measure(concepts)],
    }
    asked.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(report["rows"], indent=1))


if __name__ == "__main__":
    main()
