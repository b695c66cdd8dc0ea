"""A plot of one case as SVG: every arm's *explore* across and *surprise* upwards, with both intervals."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
EXPLORE, SURPRISE = "explore nDCG@10", "surprise nDCG@10"
WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM = 760, 460, 70, 200, 40, 50
COLOURS = (("local", "#888"), ("best", "#444"), ("pooled", "#2b6cb0"), ("", "#c05621"))
"""By how an arm's name begins; the last is what the exchange serves."""


def name(report: Json) -> str:
    """The file's name."""
    return f"comparison_{report['case'].replace('-', '_')}.svg"


def plot(report: Json) -> str:
    """The whole picture."""
    across, upwards = (
        {row["arm"]: row for row in report["rows"] if row["metric"] == m} for m in (EXPLORE, SURPRISE)
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" font-family="sans-serif" font-size="11">',
            f'<rect width="{WIDE}" height="{HIGH}" fill="white"/>',
            f'<text x="{LEFT}" y="20" font-size="14">{report["title"]}</text>',
            *_marks(across, upwards),
            "</svg>",
            "",
        ]
    )


def _marks(across: dict[str, Json], upwards: dict[str, Json]) -> Iterator[str]:
    (x0, x1), (y0, y1) = _edges(across), _edges(upwards)

    def x(value: float) -> float:
        return LEFT + (value - x0) / (x1 - x0) * (WIDE - LEFT - RIGHT)

    def y(value: float) -> float:
        return HIGH - BOTTOM - (value - y0) / (y1 - y0) * (HIGH - TOP - BOTTOM)

    yield f'<path d="M{LEFT} {TOP}V{HIGH - BOTTOM}H{WIDE - RIGHT}" fill="none" stroke="#444"/>'
    yield f'<text x="{(LEFT + WIDE - RIGHT) / 2}" y="{HIGH - 12}" text-anchor="middle">{EXPLORE}</text>'
    yield f'<text transform="translate(16 {HIGH / 2}) rotate(-90)" text-anchor="middle">{SURPRISE}</text>'
    for step in range(5):
        at_x, at_y = x0 + (x1 - x0) * step / 4, y0 + (y1 - y0) * step / 4
        yield f'<text x="{x(at_x):.0f}" y="{HIGH - BOTTOM + 16}" text-anchor="middle">{at_x:.3f}</text>'
        yield f'<text x="{LEFT - 6}" y="{y(at_y) + 4:.0f}" text-anchor="end">{at_y:.3f}</text>'
    for place, (arm, row) in enumerate(across.items()):
        other = upwards[arm]
        colour = next(colour for start, colour in COLOURS if arm.startswith(start))
        middle = (x(row["value"]), y(other["value"]))
        yield (
            f'<path d="M{x(row["low"]):.1f} {middle[1]:.1f}H{x(row["high"]):.1f}M{middle[0]:.1f} {y(other["low"]):.1f}'
            f'V{y(other["high"]):.1f}" stroke="{colour}" stroke-opacity=".25"/>'
        )
        yield f'<circle cx="{middle[0]:.1f}" cy="{middle[1]:.1f}" r="8" fill="{colour}"/>'
        number = f'text-anchor="middle" fill="white" font-size="10">{place + 1}</text>'
        yield f'<text x="{middle[0]:.1f}" y="{middle[1] + 3.5:.1f}" {number}'
        yield f'<text x="{WIDE - RIGHT + 12}" y="{TOP + 12 + 17 * place}" fill="{colour}">{place + 1} {arm}</text>'


def _edges(rows: dict[str, Json]) -> tuple[float, float]:
    values = [row[edge] for row in rows.values() for edge in ("low", "high")]
    margin = (max(values) - min(values)) * 0.05
    return min(values) - margin, max(values) + margin
