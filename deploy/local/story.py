"""The demo as a story: what happens in which order, and what a person reads on the way."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from deploy.local import clean, data, headline, preflight, results, screenshots
from deploy.local.companies import companies
from deploy.local.consortium import Consortium, policy
from deploy.local.cycle import Cycle
from deploy.local.guided import open_again, stop_in_mid_round
from deploy.local.memory import MemoryWatch, megabytes
from deploy.local.processes import Processes
from deploy.local.progress import Progress
from protocols.errors import BadInput
from protocols.limits import COHORT_MIN

NAME: Final = "Altrove demo"
COMPANIES_MOST: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the person asked for."""

    home: Path
    companies: int
    unattended: bool
    generated: bool
    results: Path
    pictures: Path | None = None

    def __post_init__(self) -> None:
        if not COHORT_MIN <= self.companies <= COMPANIES_MOST:
            raise BadInput(
                expected=f"{COHORT_MIN} to {COMPANIES_MOST} companies",
                came=str(self.companies),
                do="say --companies 5",
            )


def tell(options: Options, console: Console) -> None:
    """Run everything; whatever happens, end every process that was started."""
    clean.mark(options.home)
    members = companies(options.companies)
    plan = preflight.preflight(options.home, members)
    clean.forget_earlier_run(options.home)
    preflight.show(plan, console)
    progress = Progress(console=console, members=members)
    with (
        Processes(folder=options.home, environment=policy(len(members))) as processes,
        MemoryWatch(processes=processes, seen=progress.memory_seen) as memory,
    ):
        with progress.shown():
            with progress.step("Prepare every company's own files") as step:
                prepared = data.prepare(options.home / "data", members, generated=options.generated)
                step.note = f"{sum(prepared.lines):,} lines, {prepared.concepts:,} concepts"
            if not prepared.real:
                progress.announce("THESE ARE GENERATED NUMBERS. They mean nothing; install the extra `demo`.")
            cycle = Cycle(Consortium(plan=plan, processes=processes, data=prepared), progress)
            run_rounds(cycle)
            with progress.step("Measure every company on its last weeks"):
                lines = cycle.headline()
            surprises = cycle.surprises()
        progress.round = None
        if options.pictures is not None:
            console.export_text(clear=True)  # the picture begins here
        headline.show_headline(lines, prepared.origin, console)
        headline.show_surprises(surprises, console)
        drawn = console.export_svg(title="make demo") if options.pictures is not None else ""
        aftermath = None
        notes = {"guided step": "left out: three companies cannot spare one"}
        if len(members) > COHORT_MIN:
            aftermath = stop_in_mid_round(cycle, console, _pause(console, unattended=options.unattended))
            notes = {"guided step": aftermath.sentence}
        measured = results.Measured(
            origin=prepared.origin,
            rounds=tuple(cycle.figures),
            headline=tuple(line.as_json() for line in lines),
            notes=notes,
        )
        if prepared.real:
            results.write(options.results, measured, progress, memory)
            console.print(f"\nFigures of this run: {options.results}")
        console.print(
            f"{progress.elapsed_s:.0f} s; at most {megabytes(memory.peak_total_bytes)} of memory (PSS of all processes)."
        )
        if aftermath is not None:
            console.print(open_again(cycle, aftermath.company), markup=False)
        if options.pictures is not None:
            shown = screenshots.pages(cycle.consortium, surprises[0])
            for picture in screenshots.take(options.pictures, drawn, shown):
                console.print(f"Picture: {picture}")
        if not options.unattended:
            for address in progress.addresses:
                console.print(address, markup=False)
            console.print("\nLook around as long as you like. [bold]Ctrl-C[/] stops everything.")
            _wait_for_interrupt()
    console.print(
        f"Everything has ended. Logs: {options.home / 'logs'}; `make demo-clean` removes all of it."
    )


def run_rounds(cycle: Cycle) -> None:
    """From an empty folder to models in use at every company."""
    progress, consortium = cycle.progress, cycle.consortium
    members = consortium.members
    with progress.step("Start the coordinator"):
        consortium.start_coordinator(NAME)
        consortium.publish_vocabulary()
    progress.announce(f"Coordinator: {consortium.plan.url('coordinator')}")
    with progress.step("Companies join: keys are made at each, only public keys leave"):
        consortium.for_each(consortium.join)
    with progress.step("Each company reads its own sales in"):
        consortium.for_each(consortium.connect)
    with progress.step("Every officer accepts the roster by its hash") as step:
        step.note = consortium.found()[:16] + "..."
    with progress.step("Start the companies' nodes and couriers"):
        consortium.start_nodes()
        cycle.wait_for_couriers()
    for member in members:
        progress.announce(f"{member.letter}  {member.name}: {consortium.plan.url(member.slug)}")
    with progress.step("Round 1: taste until week 33") as step:
        first = cycle.release_a()
        step.note = f"{first.elements:,} numbers from each, {megabytes(first.vector_bytes)} masked"
    with progress.step("Round 2: which setting ranks best, by everybody's validation weeks"):
        cycle.choose_lambda(first.release)
    with progress.step("Round 3: taste until week 40"):
        second = cycle.release_b()
    with progress.step("Every company trains, compares and decides"):
        cycle.wait_for_models(second.release)


def _pause(console: Console, *, unattended: bool) -> Callable[[str], None]:
    def proceed(sentence: str) -> None:
        console.print(sentence)
        if not unattended:
            console.input("[dim]Enter goes on ...[/]")

    return proceed


def _wait_for_interrupt() -> None:
    asleep = threading.Event()
    while not asleep.wait(1.0):
        pass
