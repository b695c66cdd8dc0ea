"""Plots as SVG made by the server: no script, legible at every width, in light and dark.

Horizontal positions are percentages and labels are text that wraps, so that a plot of 320 px is not
a shrunken one. Colours come from classes of the style sheet. Every plot goes with a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LEFT, RIGHT = 0.0, 100.0
"""Where the scale begins and ends, in per cent of the width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One estimate on a line: a dot with its interval, in the colour class ``kind``."""

    name: str
    kind: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an interval plot: what is measured, and the estimates to compare."""

    label: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One horizontal bar; ``text`` is what stands at its end."""

    label: str
    value: float
    text: str
    kind: str


def interval_plot(lines: Sequence[Line], *, unit: str, description: str) -> str:
    """Dots with intervals on one common scale that starts at zero, axis labelled with ``unit``."""
    ticks = nice_ticks(max((mark.high for line in lines for mark in line.marks), default=1.0))
    parts: list[str] = []
    for line in lines:
        height = 22 * len(line.marks)
        grid = [
            f'<line class="grid" x1="{_x(t, ticks[-1])}" x2="{_x(t, ticks[-1])}" y1="0" y2="{height}"/>'
            for t in ticks
        ]
        marks = [_mark(mark, 22 * row, ticks[-1]) for row, mark in enumerate(line.marks)]
        parts += [f'<p class="label">{escape(line.label)}</p>', _svg(height, [*grid, *marks])]
    return _figure(description, [*parts, *_axis(ticks, unit)])


def bar_plot(bars: Sequence[Bar], *, unit: str, description: str, reach: float = 0.0) -> str:
    """Horizontal bars from zero, each with its figure, axis labelled with ``unit``, up to ``reach`` at least."""
    ticks = nice_ticks(max((bar.value for bar in bars), default=0.0) or 1.0)
    ticks = ticks if ticks[-1] >= reach else nice_ticks(reach)
    parts: list[str] = []
    for bar in bars:
        width = _percent(bar.value, ticks[-1]) - LEFT
        label = f'<p class="label"><span>{escape(bar.label)}</span><span>{escape(bar.text)}</span></p>'
        track = f'<rect class="track" x="{LEFT}%" width="{RIGHT - LEFT}%" height="8" rx="2"/>'
        filled = f'<rect class="{bar.kind}" x="{LEFT}%" width="{width:.2f}%" height="8" rx="2"/>'
        parts += [label, _svg(8, [track, filled])]
    return _figure(description, [*parts, *_axis(ticks, unit)])


def nice_ticks(highest: float) -> tuple[float, ...]:
    """Round ticks from zero up to at least ``highest``: steps of 1, 2 or 5 times a power of ten.

    >>> nice_ticks(7.3)
    (0.0, 2.0, 4.0, 6.0, 8.0)
    >>> nice_ticks(0.091)
    (0.0, 0.02, 0.04, 0.06, 0.08, 0.1)
    """
    step = 1e-9
    while highest / step > 5:
        step *= 2.5 if f"{step:e}".startswith("2") else 2
        step = float(f"{step:.0e}")
    n = -int(-highest // step)
    return tuple(float(f"{i * step:.6g}") for i in range(n + 1))


def _mark(mark: Mark, y: int, highest: float) -> str:
    x, low, high = (_x(v, highest) for v in (mark.value, mark.low, mark.high))
    title = f"{mark.name}: {_number(mark.value)} (95% interval {_number(mark.low)} to {_number(mark.high)})"
    return (
        f'<g class="{mark.kind}"><title>{escape(title)}</title>'
        f'<line class="interval" x1="{low}" x2="{high}" y1="{y + 11}" y2="{y + 11}"/>'
        f'<circle cx="{x}" cy="{y + 11}" r="5"/></g>'
    )


def _axis(ticks: Sequence[float], unit: str) -> tuple[str, str]:
    """The numbers under the scale and, as text that wraps, what they count."""
    numbers = [
        f'<text class="tick" x="{_x(t, ticks[-1])}" y="14" text-anchor="{_anchor(i, len(ticks))}">{_number(t)}</text>'
        for i, t in enumerate(ticks)
    ]
    return _svg(18, numbers), f'<p class="tick">{escape(unit)}</p>'


def _figure(description: str, parts: Sequence[str]) -> str:
    return f'<div class="plot" role="img" aria-label="{escape(description)}">' + "".join(parts) + "</div>"


def _svg(height: int, parts: Sequence[str]) -> str:
    return f'<svg width="100%" height="{height}">' + "".join(parts) + "</svg>"


def _anchor(index: int, count: int) -> str:
    return "start" if index == 0 else "end" if index == count - 1 else "middle"


def _percent(value: float, highest: float) -> float:
    return LEFT + (RIGHT - LEFT) * value / highest


def _x(value: float, highest: float) -> str:
    return f"{_percent(value, highest):.2f}%"


def _number(value: float) -> str:
    return f"{value:.3g}"
