"""The page of the encoder benchmark, made from its JSON file and nothing else.

    python -m tests.benchmarks.encoder_table

writes ``results/encoder.md``.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.markdown import table

RESULTS = Path(__file__).parent / "results"
SCENARIOS = ("surprise", "explore")
SHARE = 0.95
Row = Mapping[str, Any]


def spread(values: Sequence[float]) -> str:
    """Mean over seeds, with the lowest and highest where there are several.

    >>> spread([0.08, 0.09]), spread([0.08])
    ('.0850 (.0800 to .0900)', '.0800')
    """
    said = [f"{value:.4f}".removeprefix("0") for value in (np.mean(values), min(values), max(values))]
    return said[0] if len(values) == 1 else f"{said[0]} ({said[1]} to {said[2]})"


def arms(report: Row, scenario: str) -> str:
    """Test weeks: every arm."""
    tests = [seed["test"][scenario] for seed in report["seeds"]]
    of = {arm: [test[arm] for test in tests if arm in test] for arm in tests[0]}
    order = sorted(of, key=lambda arm: -np.mean([each["mean"] for each in of[arm]]))
    rows = [
        (
            f"**{arm}**" if arm == order[0] else arm,
            spread([each["mean"] for each in of[arm]]),
            spread([each["worst"] for each in of[arm]]),
            ", ".join(str(each.get("rounds", "-")) for each in of[arm]),
            "; ".join(dict.fromkeys(each.get("mixture", "-") for each in of[arm])),
        )
        for arm in order
    ]
    return table(
        f"{scenario}, test weeks",
        "nDCG@10, mean over five companies: mean over seeds (lowest to highest). Rounds and mixture were chosen on "
        "validation weeks.",
        ("arm", "nDCG@10", "worst company", "rounds", "mixture"),
        rows,
    )


def curves(report: Row, scenario: str) -> str:
    """Validation weeks by round."""
    rows = []
    for number in range(len(report["seeds"][0]["federated validation"])):
        cells = [
            spread([seed[f"{side} validation"][number][scenario][kind] for seed in report["seeds"]])
            for side in ("federated", "pooled")
            for kind in ("encoder", "mixture")
        ]
        rows.append((number + 1, *cells))
    return table(
        f"{scenario}, validation weeks by round",
        f"Pooled over customers. {reached(report, scenario)}",
        ("round", "federated encoder", "with EASE", "pooled encoder", "with EASE"),
        rows,
    )


def reached(report: Row, scenario: str) -> str:
    """After how many rounds the federated encoder has 95% of the best pooled one."""
    said = []
    for seed in report["seeds"]:
        best = max(row[scenario]["encoder"] for row in seed["pooled validation"])
        rounds = [
            row["round"] for row in seed["federated validation"] if row[scenario]["encoder"] >= SHARE * best
        ]
        said.append(str(rounds[0]) if rounds else "not reached")
    return (
        f"Rounds until the encoder alone has {SHARE:.0%} of the best pooled one (of as many rounds), by seed: "
        f"{', '.join(said)}."
    )


def main() -> None:
    """Write the page."""
    report = json.loads((RESULTS / "encoder.json").read_text(encoding="utf-8"))
    seconds = [seed["federated seconds a round"] for seed in report["seeds"]]
    head = (
        "# Encoder\n\nFive companies; every round a real secure sum in one process, every choice that of the real "
        f"`evaluation` sum. {len(report['seeds'])} seed(s). A federated round, all five companies' training one after the "
        f"other on the machine of this run: {spread_s(seconds)}.\n\n"
    )
    parts = [make(report, scenario) for scenario in SCENARIOS for make in (arms, curves)]
    tail = (
        f"Command `{report['command']}`, commit {report['commit']}, data: {report['data']}; "
        + ", ".join(f"{name} {number}" for name, number in report["versions"].items())
        + ".\n"
    )
    (RESULTS / "encoder.md").write_text(head + "".join(parts) + tail, encoding="utf-8")


def spread_s(seconds: Sequence[float]) -> str:
    """Seconds, lowest to highest.

    >>> spread_s([20.4, 31.0])
    '20 to 31 s'
    """
    low, high = f"{min(seconds):.0f}", f"{max(seconds):.0f}"
    return f"{low} s" if low == high else f"{low} to {high} s"


if __name__ == "__main__":
    main()
