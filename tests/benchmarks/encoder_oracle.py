"""Opacus as an oracle of the encoder's answer under noise: every customer's own gradient, clipped.

    python -m tests.benchmarks.encoder_oracle

The same small network, written a second time with torch's layers, goes through Opacus's `GradSampleModule` and the
clipping of its `DPOptimizer`; customers, dropout and the latent point's noise are the same. Opacus wants nothing but
torch: it is installed from its pinned list in `oracles/` the first time, without dependencies, into a folder of its own
under `.altrove/bench/`, and only its process sees it. Writes ``results/encoder_oracle.json``; fails above the tolerance.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from participant.answers.autoencoder import Autoencoder, Rows
from protocols.limits import FRACTION_BITS
from protocols.questions.encoder import MILLION, Parameters, clip_row, parse
from protocols.questions.network import Shape
from protocols.questions.spectral import start
from tests.benchmarks.provenance import ROOT, commit, versions

HERE: Final = Path(__file__).parent
TARGET: Final = HERE / "results" / "encoder_oracle.json"
PINS: Final = HERE / "oracles" / "opacus.txt"
KEPT: Final = ROOT / ".altrove" / "bench" / "oracles" / "opacus"
TOLERANCE: Final = 1e-6
SHAPE: Final = Shape(concepts=200, hidden=32, latent=8)
CUSTOMERS: Final = 64
LIMITS: Final = (MILLION, 30 * MILLION)
"""One that clips everybody, and one that leaves some as they are."""
Arrays = dict[str, NDArray[np.floating]]


def folder() -> Path:
    """Where Opacus is, installed the first time."""
    done = KEPT / ".pins"
    if not done.exists() or done.read_text() != PINS.read_text():
        typed = ("install", "--quiet", "--no-deps", "--upgrade", "--target", str(KEPT), "-r", str(PINS))
        subprocess.run((sys.executable, "-m", "pip", *typed), check=True)
        done.write_text(PINS.read_text())
    return KEPT


def opacus(given: dict[str, object]) -> Arrays:
    """What Opacus makes of ``given``."""
    with tempfile.TemporaryDirectory() as room:
        there, back = Path(room) / "in.npz", Path(room) / "out.npz"
        np.savez(there, **given)  # type: ignore[arg-type]
        subprocess.run(
            (sys.executable, "-W", "ignore", str(HERE / "oracles" / "with_opacus.py"), str(there), str(back)),
            env=os.environ | {"PYTHONPATH": str(folder())},
            check=True,
        )
        with np.load(back) as found:
            return dict(found)


def customers() -> Rows:
    """Rows of different lengths, some concepts far more popular than others."""
    rng = np.random.default_rng(2017)
    popular = 1.0 / np.arange(1, SHAPE.concepts + 1)
    rows = [
        np.sort(rng.choice(SHAPE.concepts, rng.integers(1, 60), replace=False, p=popular / popular.sum()))
        for _ in range(CUSTOMERS)
    ]
    return Rows(indptr=np.cumsum([0, *map(len, rows)]), indices=np.concatenate(rows).astype(np.int64))


def compare(limit: int) -> list[dict[str, object]]:
    """Largest differences between theirs and ours, for one clipping norm (in millionths)."""
    rows = customers()
    dense = rows.dense(np.arange(CUSTOMERS), SHAPE.concepts)
    asked = parse({"taste": "ab" * 32, "until": 9, "mode": "gradient", "limit": limit})
    weights = start((dense.T @ dense).astype(np.float64), SHAPE)
    network = Autoencoder(SHAPE, weights)
    seeds = [bytes([u]) * 32 for u in range(CUSTOMERS)]
    ours = np.stack([network.gradient(rows.one(u), asked, seed) for u, seed in enumerate(seeds)])
    clipped = np.stack([clip_row(asked, each) for each in ours]) / 2.0**FRACTION_BITS
    theirs = opacus(
        {
            **SHAPE.split(weights),
            **_chances(network, asked, seeds),
            "rows": dense,
            "beta": asked.beta / 100,
            "limit": limit / MILLION,
        }
    )
    norm, longest = limit / MILLION, float(np.linalg.norm(ours, axis=1).max())
    long = int((np.linalg.norm(ours, axis=1) > norm).sum())
    said = f"limit {norm:g}, {long} of {CUSTOMERS} customers clipped"
    return [
        _row("gradient of a customer", said, theirs["gradients"] / longest, ours / longest),
        _row(
            "clipped gradient of a customer",
            said,
            theirs["clipped"] / norm,
            clipped / norm,
        ),
        _row(
            "sum of all clipped, by customer",
            said,
            theirs["total"] / norm / CUSTOMERS,
            clipped.sum(0) / norm / CUSTOMERS,
        ),
    ]


def _chances(network: Autoencoder, asked: Parameters, seeds: list[bytes]) -> Arrays:
    """The random numbers that each customer's gradient draws, in the order in which it does."""
    kept, drawn = [], []
    for seed in seeds:
        chance = network._generator(seed)
        kept.append(torch.rand((1, SHAPE.concepts), generator=chance) >= asked.dropout / 100)
        drawn.append(torch.randn((1, SHAPE.latent), generator=chance))
    return {"kept": torch.cat(kept).float().numpy(), "drawn": torch.cat(drawn).numpy()}


def _row(what: str, said: str, theirs: NDArray[np.floating], ours: NDArray[np.floating]) -> dict[str, object]:
    return {
        "what": what,
        "case": said,
        "largest_difference": float(np.abs(theirs - ours).max()),
        "largest_value": float(np.abs(theirs).max()),
    }


def main() -> int:
    """Compare and write the file; 1 if a difference is above the tolerance."""
    rows = [row for limit in LIMITS for row in compare(limit)]
    report = {
        "command": "python -m tests.benchmarks.encoder_oracle",
        "commit": commit(),
        "oracle": PINS.read_text().split(),
        "versions": versions(("numpy", "torch")),
        "says": "in units of the longest gradient, of the clipping norm, and of the clipping norm times the customers",
        "tolerance": TOLERANCE,
        "rows": rows,
    }
    TARGET.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(rows, indent=1))
    return int(any(float(str(row["largest_difference"])) > TOLERANCE for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
