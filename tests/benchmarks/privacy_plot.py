"""The plot of quality against epsilon: *explore* and *surprise* at product types, one line a population, as SVG."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from protocols.questions.planner import NOISE_AWARE, PLAIN
from tests.benchmarks.privacy_verdicts import EXPLORE, SURPRISE, TYPES, find, value

Json = dict[str, Any]
EPSILONS: tuple[float | None, ...] = (None, 8.0, 4.0, 2.0, 1.0)
POPULATIONS = (1, 10, 100)
ARMS = (NOISE_AWARE, PLAIN)
FLOORS = (("own model", "#444"), ("popularity", "#999"))
WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM = 640, 340, 60, 150, 30, 40
"""Of one panel, in pixels: its size and its margins."""


def at(points: Sequence[Json], level: str, arm: str, epsilon: float | None, population: int) -> Json | None:
    """The point there; without noise a population is like another."""
    if epsilon is None:
        return find(points, level=level, arm=arm, epsilon=None)
    return find(points, level=level, arm=arm, epsilon=epsilon, population=population)


def plot(points: Sequence[Json]) -> str:
    """Both metrics, one panel below the other."""
    size = f'viewBox="0 0 {WIDE} {2 * HIGH}" font-family="sans-serif" font-size="12"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f'<rect width="{WIDE}" height="{2 * HIGH}" fill="white"/>',
            *_panel(points, SURPRISE, 0),
            *_panel(points, EXPLORE, HIGH),
            "</svg>",
            "",
        ]
    )


def _panel(points: Sequence[Json], metric: str, top: int) -> Iterator[str]:
    across = {e: LEFT + place * (WIDE - LEFT - RIGHT) / 4 for place, e in enumerate(EPSILONS)}
    known = [p for p in points if p["level"] == TYPES and p["arm"] in (*ARMS, *dict(FLOORS))]
    values = [value(p, metric) for p in known]
    low, most = min(values) * 0.95, max(values) * 1.03

    def down(y: float) -> float:
        return top + TOP + (most - y) / (most - low) * (HIGH - TOP - BOTTOM)

    yield f'<text x="{LEFT}" y="{top + 18}">{metric} nDCG@10 against epsilon: {TYPES}, five companies</text>'
    for epsilon, x in across.items():
        says = "no noise" if epsilon is None else f"{epsilon:g}"
        yield f'<text x="{x:.0f}" y="{top + HIGH - 20}" text-anchor="middle">{says}</text>'
    step = 0.01 if most - low < 0.1 else 0.02
    for tick in np.arange(np.ceil(low / step) * step, most, step):
        y = down(float(tick))
        yield f'<line x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:.2f}</text>'
    labels = []
    for arm, colour in FLOORS:
        if point := find(points, level=TYPES, arm=arm):
            y = down(value(point, metric))
            yield f'<line x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-dasharray="2 3"/>'
            labels.append((y, colour, arm))
    for arm, dash in zip(ARMS, ("", ' stroke-dasharray="6 4"'), strict=True):
        for population, colour in zip(POPULATIONS, ("#c0392b", "#d68910", "#1e8449"), strict=True):
            found = {epsilon: at(points, TYPES, arm, epsilon, population) for epsilon in EPSILONS}
            spots = [(across[e], down(value(p, metric))) for e, p in found.items() if p]
            if len(spots) < 2:
                continue
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
            yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
            labels.append((spots[-1][1], colour, f"x{population}, {arm}"))
    for y, colour, says in _apart(labels):
        yield f'<text x="{WIDE - RIGHT + 8}" y="{y + 4:.1f}" fill="{colour}">{says}</text>'


def _apart(labels: list[tuple[float, str, str]]) -> Iterator[tuple[float, str, str]]:
    """Labels at the right edge, each at least a line of text below the one above it."""
    floor = -np.inf
    for y, colour, says in sorted(labels):
        floor = max(y, floor + 13)
        yield floor, colour, says
