"""The page of the encoder benchmark, made from its JSON file and nothing else.

    python -m tests.benchmarks.encoder_table

writes ``results/encoder.md`` and ``results/encoder.svg``.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.encoder_plot import plot
from tests.benchmarks.encoder_rows import (
    SCENARIOS,
    SHARE,
    Part,
    best,
    by_arm,
    curve,
    find,
    in_order,
    reached,
    spread,
    within,
)
from tests.benchmarks.markdown import table

RESULTS = Path(__file__).parent / "results"
HEAD = """# Encoder

Federated training of the customer autoencoder beside training on everybody's customers (*pooled*) and on one company's
(*local*). Every round is a real secure sum in one process, every choice that of the real `evaluation` sum.

![validation by round](encoder.svg)

"""


def arms(parts: Sequence[Part], companies: int, scenario: str) -> str:
    """Test weeks: every arm of one consortium."""
    found = by_arm(parts, companies, scenario)
    order = sorted(found, key=lambda arm: -np.mean([each["mean"] for each in found[arm]]))
    rows = [
        (
            f"**{arm}**" if arm == order[0] else arm,
            spread([each["mean"] for each in found[arm]]),
            spread([each["worst"] for each in found[arm]]),
            in_order(str(each.get("rounds") or "-") for each in found[arm]),
            "; ".join(dict.fromkeys(each.get("mixture", "-") for each in found[arm])),
        )
        for arm in order
    ]
    return table(
        f"{scenario}, {companies} companies, test weeks",
        "nDCG@10, mean over companies: mean over seeds (lowest to highest). Rounds, ridge and mixture were chosen on "
        "validation weeks, rounds by seed.",
        ("arm", "nDCG@10", "worst company", "rounds", "mixture"),
        rows,
    )


def curves(parts: Sequence[Part], companies: int, scenario: str) -> str:
    """Validation weeks by round: federated and pooled."""
    sides = {side: find(parts, side, companies) for side in ("federated", "pooled")}
    longest = max(len(part["validation"]) for some in sides.values() for part in some)
    rows = []
    for number in range(longest):
        cells = [
            spread(
                [
                    values[number]
                    for part in sides[side]
                    if len(values := curve(part, scenario, kind)) > number
                ]
            )
            for side in sides
            for kind in ("encoder", "mixture")
        ]
        rows.append((number + 1, *cells))
    says = ", ".join(reached(part, sides["pooled"], scenario) for part in sides["federated"])
    return table(
        f"{scenario}, {companies} companies, validation weeks by round",
        f"nDCG@10 over all customers. Rounds until the federated encoder alone has {SHARE:.0%} of the best pooled one of as "
        f"many rounds, by seed: {says}.",
        ("round", "federated encoder", "in a mixture", "pooled encoder", "in a mixture"),
        rows,
    )


def servers(parts: Sequence[Part], companies: int, scenario: str) -> str:
    """Validation weeks: what the server does with a sum."""
    found = [part for part in find(parts, "federated", companies, every_server=True) if part["seed"] == 0]
    order = sorted(found, key=lambda part: -best(part, scenario, "mixture"))
    rows = [
        (
            f"{part['server']}, rate {part['server_rate'] / 1e6:g}",
            within(best(part, scenario, "encoder")),
            within(best(part, scenario, "mixture")),
            ", ".join(within(each) for each in curve(part, scenario, "encoder")),
        )
        for part in order
    ]
    return table(
        f"{scenario}, {companies} companies, server optimiser, validation weeks",
        "nDCG@10 by the members' `evaluation`, seed 0, the best of all rounds; first the one with the best mixture.",
        ("server", "encoder", "in a mixture", "encoder by round"),
        rows,
    )


def times(parts: Sequence[Part]) -> str:
    """What a round takes."""
    rows = []
    for companies, side in sorted({(part["companies"], part["part"]) for part in parts}):
        some = find(parts, side, companies, every_server=True)
        cpu, wall = (
            [each for part in some for each in part[key]]
            for key in ("cpu_seconds_by_round", "seconds_by_round")
        )
        rows.append(
            (companies, side, len(some), between(cpu), between(wall), in_order(p["trained_on"] for p in some))
        )
    return table(
        "Seconds of a round",
        "Training of all companies in turn, the secure sum and the step, in one process beside the others: lowest to highest. "
        "The first round makes the start as well.",
        ("companies", "side", "parts", "CPU seconds", "wall seconds", "trained on"),
        rows,
    )


def speed(report: dict[str, Any]) -> str:
    """What a GPU does."""
    rows = [
        (
            f"{row['concepts']:,}",
            row["arm"],
            f"{row['seconds']:.2f} ({row['fastest']:.2f} to {row['slowest']:.2f})",
        )
        for row in report["rows"]
    ]
    return table(
        "Local training with and without a GPU",
        f"Seconds of two epochs over {report['customers']:,} customers: median of {report['repeats']} (fastest to slowest). "
        f"GPU: {report['gpu']}. Command `{report['command']}`, commit {report['commit']}.",
        ("concepts", "arm", "seconds"),
        rows,
    )


def oracle(report: dict[str, Any]) -> str:
    """Beside Opacus."""
    rows = [
        (row["what"], row["case"], f"{row['largest_difference']:.1e}", f"{row['largest_value']:.2g}")
        for row in report["rows"]
    ]
    return table(
        "Clipped gradients beside Opacus",
        f"Largest difference to {report['oracle'][0].replace('==', ' ')} of any cell, {report['says']}; at most "
        f"{report['tolerance']:.0e} is let pass. Command `{report['command']}`, commit {report['commit']}.",
        ("what", "case", "largest difference", "largest value"),
        rows,
    )


def between(values: Sequence[float]) -> str:
    """Lowest to highest.

    >>> between([20.44, 31.0]), between([7.0, 7.0])
    ('20.4 to 31.0', '7.0')
    """
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}"


def page(report: dict[str, Any], more: Sequence[str] = ()) -> str:
    """The whole page; ``more`` are sections of other measurements."""
    parts = list(report["parts"].values())
    sections = [HEAD]
    for companies in sorted({part["companies"] for part in parts}):
        for scenario in SCENARIOS:
            if by_arm(parts, companies, scenario):
                sections.append(arms(parts, companies, scenario))
            if find(parts, "federated", companies) and find(parts, "pooled", companies):
                sections.append(curves(parts, companies, scenario))
            if len({part["server"] for part in find(parts, "federated", companies, every_server=True)}) > 1:
                sections.append(servers(parts, companies, scenario))
    stopped = [part["name"] for part in parts if not part["complete"]]
    sections += [times(parts), *more, f"Stopped before the end: {', '.join(stopped)}.\n\n" if stopped else ""]
    versions = in_order(f"{name} {number}" for part in parts for name, number in part["versions"].items())
    commits = in_order(part["commit"] for part in parts)
    sections.append(f"Command `{report['command']}`, commit {commits}, data: {report['data']}; {versions}.\n")
    return "".join(sections)


def main() -> None:
    """Write the page and the plot."""
    report = json.loads((RESULTS / "encoder.json").read_text(encoding="utf-8"))
    more = [
        make(json.loads(path.read_text(encoding="utf-8")))
        for name, make in (("encoder_speed", speed), ("encoder_oracle", oracle))
        if (path := RESULTS / f"{name}.json").exists()
    ]
    (RESULTS / "encoder.md").write_text(page(report, more), encoding="utf-8")
    (RESULTS / "encoder.svg").write_text(plot(list(report["parts"].values())), encoding="utf-8")


if __name__ == "__main__":
    main()
