"""Figures of the newcomer benchmarks: arms chosen on validation, test gains with paired intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks import summary

Floats = NDArray[np.float64]
Json = dict[str, object]
Gains = dict[str, list[Floats]]
"""By setting of an arm: the gains of every company's customers."""


def best(table: Gains) -> str:
    """The setting with the highest mean over companies; ties to the first."""
    return max(table, key=lambda setting: mean(table[setting]))


def mean(gains: Sequence[Floats]) -> float:
    """Mean over customers, then over companies."""
    return float(np.mean([one.mean() for one in gains]))


def compare(arms: Mapping[str, list[Floats]], chosen: Mapping[str, str], baseline: str) -> list[Json]:
    """One row an arm: its figure, and the paired difference from ``baseline`` with its interval."""
    base = summary.figure(arms[baseline])
    rows: list[Json] = []
    for arm, gains in arms.items():
        apart = summary.figure([a - b for a, b in zip(gains, arms[baseline], strict=True)])
        rows.append(
            {
                "arm": arm,
                "setting": chosen.get(arm, ""),
                **asdict(summary.figure(gains)),
                "customers": sum(len(one) for one in gains),
                "baseline": baseline,
                "gain": apart.value / base.value if base.value else 0.0,
                "gain_low": apart.low / base.value if base.value else 0.0,
                "gain_high": apart.high / base.value if base.value else 0.0,
                "companies_below": sum(one < 0 for one in apart.by_company),
            }
        )
    return rows


def interval_of_means(differences: Sequence[Floats]) -> Json:
    """The mean difference over companies with its 95% interval, what is averaged being resampled."""
    found = summary.figure(differences)
    return {"difference": found.value, "low": found.low, "high": found.high, "worst_company": found.worst}
