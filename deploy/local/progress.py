"""What a person sees while the demo works: steps with their times, and the round as it goes.

On a terminal it is a live table; in a file or a log every change is one line.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.local.companies import Company
from deploy.local.memory import megabytes


@dataclass(slots=True, kw_only=True)
class Step:
    """One line of the table."""

    title: str
    started: float
    ended: float | None = None
    note: str = ""
    failed: bool = False

    @property
    def seconds(self) -> float:
        """Wall seconds so far."""
        return (self.ended if self.ended is not None else time.monotonic()) - self.started


@dataclass(slots=True, kw_only=True)
class RoundView:
    """The round that is open: its question and what each company has done in which phase."""

    title: str
    phases: tuple[str, ...] = ()
    done: dict[str, set[str]] = field(default_factory=dict)
    phase: str = ""


@dataclass(slots=True)
class Progress:
    """Steps, the open round and the browser addresses."""

    console: Console
    members: tuple[Company, ...]
    steps: list[Step] = field(default_factory=list)
    round: RoundView | None = None
    addresses: list[str] = field(default_factory=list)
    memory_bytes: int = 0
    started: float = field(default_factory=time.monotonic)
    _live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator["Progress"]:
        """Show the table while the block runs."""
        if not self.console.is_terminal:
            yield self
            return
        with Live(get_renderable=self.render, console=self.console, refresh_per_second=4) as live:
            self._live = live
            yield self
        self._live = None

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Time one step; an error marks it as failed and goes on."""
        step = Step(title=title, started=time.monotonic())
        self.steps.append(step)
        self._say(f"{self.elapsed_s:6.1f} s  {title} ...")
        step.failed = True
        try:
            yield step
            step.failed = False
        finally:
            step.ended = time.monotonic()
            outcome = "failed" if step.failed else "done"
            self._say(
                f"{self.elapsed_s:6.1f} s  {title}: {outcome} in {step.seconds:.1f} s. {step.note}".rstrip()
            )

    @property
    def elapsed_s(self) -> float:
        """Wall seconds since the demo began."""
        return time.monotonic() - self.started

    def memory_seen(self, total_bytes: int) -> None:
        """Note how much memory all processes take now."""
        self.memory_bytes = total_bytes

    def announce(self, sentence: str) -> None:
        """Something to keep in sight: a browser address."""
        self.addresses.append(sentence)
        self._say(f"{self.elapsed_s:6.1f} s  {sentence}")

    def round_changed(self, sentence: str) -> None:
        """One line of the round for logs; the live table shows the same from ``round``."""
        self._say(f"{self.elapsed_s:6.1f} s    {sentence}")

    def _say(self, line: str) -> None:
        if self._live is None:
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def render(self) -> RenderableType:
        """The whole picture as it stands."""
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(width=2)
        table.add_column(min_width=34)
        table.add_column(justify="right", width=8)
        table.add_column(style="dim")
        for step in self.steps:
            mark = (
                "[red]✗[/]" if step.failed and step.ended else "[green]✓[/]" if step.ended else "[yellow]…[/]"
            )
            table.add_row(mark, step.title, f"{step.seconds:.1f} s", Text(step.note))
        parts: list[RenderableType] = [table]
        if self.round is not None:
            parts += [Text(), self._round_table(self.round)]
        parts += [Text(), *(Text(sentence) for sentence in self.addresses)]
        parts.append(
            Text(f"{self.elapsed_s:.0f} s; {megabytes(self.memory_bytes)} in use (PSS)", style="dim")
        )
        return Group(*parts)

    def _round_table(self, view: RoundView) -> Table:
        table = Table(box=None, title=view.title, title_justify="left", header_style="dim", pad_edge=False)
        table.add_column("company", min_width=24)
        for phase in view.phases:
            table.add_column(phase, justify="center")
        for member in self.members:
            cells = []
            for phase in view.phases:
                there = member.name in view.done.get(phase, set())
                waiting = phase == view.phase
                cells.append("[green]✓[/]" if there else "[yellow]·[/]" if waiting else "[dim]-[/]")
            table.add_row(f"[{member.colour}]■[/] {member.name}", *cells)
        return table
