"""``altrove-coordinator plan``: what a question would say under noise, before any budget is spent.

It needs public numbers only: how many customers all companies have, and for each vocabulary level a
text file with one concept a line, the number of its buyers first (a published statistic, a pilot, or an
earlier release). No daemon is asked and nobody's ledger is touched.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from protocols.errors import BadInput
from protocols.questions.planner import NOISE_AWARE, PLAIN, Counts, Prospect, finest
from protocols.questions.planner import plan as foresee
from protocols.questions.taste import CUSTOMERS_CAP

EPSILONS = "1,2,4,8"
out = Console(soft_wrap=True, highlight=False)


def plan(
    counts: Annotated[list[Path], typer.Argument(help="A file a level: lines of BUYERS CONCEPT.")],
    customers: Annotated[int, typer.Option(min=1, help="Customers of all companies together.")],
    counted: Annotated[int, typer.Option(min=1, help="Customers that the counts are of.")],
    members: Annotated[int, typer.Option(min=3, help="Companies in the sum.")] = 5,
    epsilons: Annotated[str, typer.Option("--epsilon", help="One or several, of one release.")] = EPSILONS,
    cap: Annotated[int, typer.Option(min=1, help="Public cap on one company's customers.")] = CUSTOMERS_CAP,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say which signal survives the noise, at which level, and how many customers it would take."""
    levels = [_read(path, counted) for path in counts]
    plans = [
        foresee(levels, customers=customers, members=members, wanted=wanted, cap=cap)
        for wanted in _numbers(epsilons)
    ]
    if as_json:
        print(json.dumps([asdict(each) for one in plans for each in one], indent=2))  # noqa: T201  # for programs
        return
    out.print(f"{customers:,} customers at {members} companies, each adding its own noise; nothing is spent.")
    out.print(_table([each for one in plans for each in one]))
    for one in plans:
        out.print(advice(one))


def advice(prospects: tuple[Prospect, ...]) -> str:
    """One sentence: the finest level that survives and how it has to be read, or what is missing."""
    wanted = prospects[0].epsilon
    for reading in (PLAIN, NOISE_AWARE):
        if best := finest(prospects, reading):
            finer = finest(prospects, NOISE_AWARE) if reading == PLAIN else None
            more = (
                f" Read noise-aware, {escape(finer.level)} survives as well."
                if finer and finer.concepts > best.concepts
                else ""
            )
            return (
                f"Epsilon {wanted:g}: ask for {escape(best.level)} ({best.concepts:,} concepts, {reading} reading)."
                f"{more} Four such releases a year: epsilon {best.a_year:.2f}."
            )
    nearest = min(
        (each for each in prospects if each.question == "taste"),
        key=lambda each: each.customers_needed[NOISE_AWARE],
    )
    return (
        f"Epsilon {wanted:g}: no level survives. The nearest, {escape(nearest.level)}, would take "
        f"{nearest.customers_needed[NOISE_AWARE]:,} customers; until then the companies' own models are better."
    )


def _table(prospects: list[Prospect]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (
        "epsilon", "question", "level", "concepts", "heard", "plain", "noise-aware", "customers it would take"
    ):  # fmt: skip
        table.add_column(heading)
    for each in prospects:
        heard = f"{each.heard:.0%}" if each.question == "taste" else f"differences of {each.heard:.4f}"
        needed = [f"{number:,}" for number in each.customers_needed.values()]
        table.add_row(
            f"{each.epsilon:g}",
            each.question,
            escape(each.level),
            f"{each.concepts:,}",
            heard,
            _says(each, PLAIN),
            _says(each, NOISE_AWARE),
            " or ".join(needed),
        )
    return table


def _says(prospect: Prospect, reading: str) -> str:
    if reading not in prospect.survives:
        return "-"
    return "survives" if prospect.survives[reading] else "drowns"


def _read(path: Path, counted: int) -> Counts:
    try:
        lines = path.read_text("utf-8").splitlines()
        buyers = tuple(int(line.split(maxsplit=1)[0]) for line in lines if line.strip())
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise BadInput(
            expected="a text file with BUYERS CONCEPT a line", came=str(error)[:200], do="correct the file"
        ) from None
    return Counts(level=path.stem, buyers=buyers, counted=counted)


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise BadInput(expected="epsilons as 1,2,4", came=text[:80], do="correct --epsilon") from None
