"""The plot of validation by round: a panel for each number of companies and scenario, a line for each part, as SVG."""

from collections.abc import Iterator, Sequence
from itertools import product

from tests.benchmarks.encoder_rows import SCENARIOS, Part, curve, find

COLOURS = {"federated": "#1e8449", "pooled": "#c0392b"}
WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM = 480, 280, 60, 20, 40, 40
"""Of one panel, in pixels: its size and its margins."""


def plot(parts: Sequence[Part]) -> str:
    """All panels, those of one scenario in a column."""
    sizes = sorted({part["companies"] for part in parts if part["part"] in COLOURS and part["validation"]})
    wide, high = WIDE * len(SCENARIOS), HIGH * len(sizes)
    panels = [
        line
        for (row, companies), (column, scenario) in product(enumerate(sizes), enumerate(SCENARIOS))
        for line in _panel(parts, companies, scenario, column * WIDE, row * HIGH)
    ]
    size = f'viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="12"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f'<rect width="{wide}" height="{high}" fill="white"/>',
            *panels,
            "</svg>",
            "",
        ]
    )


def _panel(parts: Sequence[Part], companies: int, scenario: str, left: int, top: int) -> Iterator[str]:
    lines = {
        (side, part["seed"]): curve(part, scenario, "encoder")
        for side in COLOURS
        for part in find(parts, side, companies)
    }
    values = [value for line in lines.values() for value in line]
    low, high, rounds = min(values), max(values), max(map(len, lines.values()))
    spare = max((high - low) * 0.05, 1e-4)
    low, high = low - spare, high + spare

    def x(number: int) -> float:
        return left + LEFT + number * (WIDE - LEFT - RIGHT) / max(rounds - 1, 1)

    def y(value: float) -> float:
        return top + TOP + (high - value) / (high - low) * (HIGH - TOP - BOTTOM)

    yield f'<text x="{left + LEFT}" y="{top + 18}">{scenario}, {companies} companies: nDCG@10 of the encoder by round</text>'
    for share in (0.0, 0.5, 1.0):
        value = low + share * (high - low)
        yield f'<line x1="{x(0):.0f}" x2="{left + WIDE - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>'
        yield f'<text x="{x(0) - 8:.0f}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3f}</text>'
    for number in range(rounds):
        yield f'<text x="{x(number):.1f}" y="{top + HIGH - 20}" text-anchor="middle">{number + 1}</text>'
    for (side, _), line in lines.items():
        spots = " ".join(f"{x(number):.1f},{y(value):.1f}" for number, value in enumerate(line))
        yield f'<polyline points="{spots}" fill="none" stroke="{COLOURS[side]}" stroke-width="2"/>'
    for place, (side, colour) in enumerate(COLOURS.items()):
        spot = f'x="{left + LEFT + 90 * place}" y="{top + 34}" fill="{colour}"'
        yield f"<text {spot}>{side}</text>"
