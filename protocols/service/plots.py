"""Plots as SVG made by the server: no script, legible at every width, in light and dark.

Horizontal positions are percentages and text keeps its size, so that a plot of 320 px is not a
shrunken one. Colours come from classes of the style sheet. Every plot goes with a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LEFT, RIGHT = 0.0, 99.0
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
    highest = max((mark.high for line in lines for mark in line.marks), default=1.0)
    ticks = nice_ticks(highest)
    parts: list[str] = []
    height_of_mark, y = 22, 0
    for line in lines:
        parts.append(_text(0, y + 16, line.label, "label", "start"))
        y += 30
        for mark in line.marks:
            parts.append(_mark(mark, y, ticks[-1]))
            y += height_of_mark
        y += 14
    axis = y + 2
    grid = [
        f'<line class="grid" x1="{_x(t, ticks[-1])}" x2="{_x(t, ticks[-1])}" y1="22" y2="{axis}"/>'
        for t in ticks
    ]
    labels = [
        _text(_percent(t, ticks[-1]), axis + 18, _number(t), "tick", _anchor(i, len(ticks)))
        for i, t in enumerate(ticks)
    ]
    unit_label = _text(LEFT, axis + 38, unit, "tick", "start")
    return _svg(axis + 46, description, [*grid, *parts, *labels, unit_label])


def bar_plot(bars: Sequence[Bar], *, unit: str, description: str) -> str:
    """Horizontal bars from zero, each with its figure, axis labelled with ``unit``."""
    highest = max((bar.value for bar in bars), default=0.0) or 1.0
    ticks = nice_ticks(highest)
    parts: list[str] = []
    y = 0
    for bar in bars:
        width = max(_percent(bar.value, ticks[-1]) - LEFT, 0.0)
        parts.append(_text(LEFT, y + 14, bar.label, "label", "start"))
        parts.append(_text(RIGHT, y + 14, bar.text, "value", "end"))
        parts.append(
            f'<rect class="track" x="{LEFT}%" y="{y + 20}" width="{RIGHT - LEFT}%" height="8" rx="2"/>'
        )
        parts.append(
            f'<rect class="{bar.kind}" x="{LEFT}%" y="{y + 20}" width="{width:.2f}%" height="8" rx="2"/>'
        )
        y += 42
    labels = [
        _text(_percent(t, ticks[-1]), y + 12, _number(t), "tick", _anchor(i, len(ticks)))
        for i, t in enumerate(ticks)
    ]
    return _svg(y + 40, description, [*parts, *labels, _text(LEFT, y + 32, unit, "tick", "start")])


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
        f'<line class="interval" x1="{low}" x2="{high}" y1="{y + 6}" y2="{y + 6}"/>'
        f'<circle cx="{x}" cy="{y + 6}" r="5"/></g>'
    )


def _svg(height: int, description: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="plot" role="img" width="100%" height="{height}" aria-label="{escape(description)}">'
        + "".join(parts)
        + "</svg>"
    )


def _text(x_percent: float, y: int, text: str, kind: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x_percent:.2f}%" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _anchor(index: int, count: int) -> str:
    return "start" if index == 0 else "end" if index == count - 1 else "middle"


def _percent(value: float, highest: float) -> float:
    return LEFT + (RIGHT - LEFT) * value / highest


def _x(value: float, highest: float) -> str:
    return f"{_percent(value, highest):.2f}%"


def _number(value: float) -> str:
    return f"{value:.3g}"
