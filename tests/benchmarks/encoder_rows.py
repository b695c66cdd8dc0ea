"""Figures out of the parts of the encoder's measurement, as the page and the plot want them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from protocols.questions.server_step import FEDAVG

SCENARIOS: Final = ("surprise", "explore")
SHARE: Final = 0.95
Part = Mapping[str, Any]


def find(parts: Iterable[Part], side: str, companies: int, *, every_server: bool = False) -> list[Part]:
    """Parts of one side of one consortium that have a curve, by seed; by FedAvg, unless every server is wanted."""
    found = [
        part
        for part in parts
        if (part["part"], part["companies"]) == (side, companies)
        and part["validation"]
        and (every_server or (part["server"], part["server_rate"]) == (FEDAVG, 1_000_000))
    ]
    return sorted(found, key=lambda part: part["seed"])


def curve(part: Part, scenario: str, kind: str) -> list[float]:
    """Validation nDCG@10 by round."""
    return [row[scenario][kind] for row in part["validation"]]


def best(part: Part, scenario: str, kind: str) -> float:
    """The best of all rounds."""
    return max(curve(part, scenario, kind))


def by_arm(parts: Sequence[Part], companies: int, scenario: str) -> dict[str, list[dict[str, Any]]]:
    """Test weeks by arm, one row a seed. Companies that trained alone are one row, if all of them did."""
    found: dict[str, list[dict[str, Any]]] = {}
    for side in ("federated", "pooled"):
        for part in find(parts, side, companies):
            for arm, row in part.get("test", {}).get(scenario, {}).items():
                found.setdefault(arm, []).append(row)
    alone = [part for part in find(parts, "local", companies) if "test" in part]
    if len(alone) == companies:
        for arm in alone[0]["test"][scenario]:
            values = [part["test"][scenario][arm]["mean"] for part in alone]
            found[arm] = [{"mean": float(np.mean(values)), "worst": min(values)}]
    return found


def reached(part: Part, pooled: Sequence[Part], scenario: str) -> str:
    """After how many rounds the federated encoder has its share of the best pooled one, of as many rounds.

    >>> def made(*values):
    ...     return {"validation": [{"explore": {"encoder": value}} for value in values]}
    >>> reached(
    ...     made(0.5, 0.94, 0.96), [made(0.9, 1.0, 0.9, 2.0)], "explore"
    ... )  # the fourth pooled round is one more
    '3'
    >>> reached(made(0.5, 0.94), [made(0.9, 1.0)], "explore")
    'not in 2'
    """
    values = curve(part, scenario, "encoder")
    aim = SHARE * np.mean([max(curve(each, scenario, "encoder")[: len(values)]) for each in pooled])
    rounds = next((number for number, value in enumerate(values, 1) if value >= aim), None)
    return f"not in {len(values)}" if rounds is None else str(rounds)


def spread(values: Sequence[float]) -> str:
    """Mean over seeds, with the lowest and highest where they differ; a dash for none.

    >>> spread([0.08, 0.09]), spread([0.08, 0.08]), spread([])
    ('.0850 (.0800 to .0900)', '.0800', '-')
    """
    if not values:
        return "-"
    mean, low, high = (within(float(value)) for value in (np.mean(values), min(values), max(values)))
    return mean if low == high else f"{mean} ({low} to {high})"


def within(value: float) -> str:
    """A score below one.

    >>> within(0.18264)
    '.1826'
    """
    return f"{value:.4f}".removeprefix("0")


def in_order(words: Iterable[str]) -> str:
    """Each once, as they come.

    >>> in_order(["8", "7", "8"])
    '8, 7'
    """
    return ", ".join(dict.fromkeys(words))
