"""``altrove-coordinator plan``: what a question would say under noise, before any budget is spent.

It needs public numbers only: how many customers all companies have, and how many concepts each vocabulary
level has. No daemon is asked and nobody's ledger is touched.
"""

import json
import math
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from protocols.errors import BadInput
from protocols.limits import HASH_BYTES
from protocols.privacy import LIFETIME_EPSILON, QUARTER_EPSILON
from protocols.questions import encoder
from protocols.questions.planner import ALTERNATIVES, NOISE_AWARE, PLAIN, Level, Prospect, finest
from protocols.questions.planner import plan as foresee
from protocols.questions.taste import CUSTOMERS_CAP
from protocols.questions.training_plan import TrainingPlan, plan_training

EPSILONS = "1,2,4,8"
out = Console(soft_wrap=True, highlight=False)


def plan(
    levels: Annotated[list[str], typer.Argument(help="Vocabulary levels as NAME=CONCEPTS.")],
    customers: Annotated[int, typer.Option(min=1, help="Customers of all companies together.")],
    members: Annotated[int, typer.Option(min=3, help="Companies in the sum.")] = 5,
    epsilons: Annotated[str, typer.Option("--epsilon", help="One or several, of one release.")] = EPSILONS,
    cap: Annotated[int, typer.Option(min=1, help="Public cap on one company's customers.")] = CUSTOMERS_CAP,
    training: Annotated[
        str,
        typer.Option(
            help="ROUNDS:SAMPLE, for example 20:0.05: also what training an encoder by gradient would take."
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say which signal survives the noise, at which level, and how many customers it would take."""
    asked = [_level(word) for word in levels]
    plans = [
        foresee(asked, customers=customers, members=members, wanted=wanted, cap=cap)
        for wanted in _numbers(epsilons)
    ]
    trainings = [
        (
            level,
            wanted,
            _training(level, training, customers=customers, members=members, wanted=wanted, cap=cap),
        )
        for level in (asked if training else [])
        for wanted in _numbers(epsilons)
    ]
    if as_json:
        rows = [asdict(each) for one in plans for each in one]
        rows += [{"question": "encoder", "level": level.name, **asdict(each)} for level, _, each in trainings]
        print(json.dumps(rows, indent=2))  # noqa: T201  # for programs
        return
    out.print(f"{customers:,} customers at {members} companies, each adding its own noise; nothing is spent.")
    out.print(_table([each for one in plans for each in one]))
    for one in plans:
        out.print(advice(one))
    for level, wanted, each in trainings:
        out.print(say_training(level, wanted, each))
    out.print(measured())


def say_training(level: Level, wanted: float, made: TrainingPlan) -> str:
    """One sentence about training an encoder under noise.

    >>> made = TrainingPlan(weights=9, rounds=20, sample=0.05, noise="0.780", epsilon=1.99, drowned=9.2)
    >>> say_training(Level(name="types", concepts=3), 2.0, made).split(". ")[-1]
    'The noise of a round is 9.2 times as long as all gradients can be together: nothing is heard in a round.'
    """
    heard = "nothing is heard in a round" if made.drowned > 1 else "something may be heard"
    return (
        f"Epsilon {wanted:g}: {made.rounds} rounds of `encoder` at {escape(level.name)} on samples of {made.sample:.2%} with "
        f"noise={made.noise}. The noise of a round is {made.drowned:.2g} times as long as all gradients can be together: {heard}."
    )


def measured() -> str:
    """What else may be done with the same epsilon, in figures that were measured and no others."""
    better = [each for each in ALTERNATIVES if 2 * each.above_plain > each.beside_plain]
    offered, others = (
        "; ".join(
            f"{each.name} in {each.above_plain} of {each.beside_plain} cases measured "
            f"(above own models at about 5,700 customers: {each.above_own} of {each.beside_own})"
            for each in some
        )
        for some in (better, [each for each in ALTERNATIVES if each not in better])
    )
    return f"At equal epsilon, more surprise than the plain Gram: {offered}. In few cases or none: {others}."


def advice(prospects: tuple[Prospect, ...]) -> str:
    """One sentence: the finest level that survives and how it has to be read, or what is missing."""
    head = f"Epsilon {prospects[0].epsilon:g}:"
    plain, aware = (finest(prospects, reading) for reading in (PLAIN, NOISE_AWARE))
    if aware is None:
        tastes = [each for each in prospects if each.question == "taste"]
        nearest = min(tastes, key=lambda each: each.customers_needed[NOISE_AWARE])
        return (
            f"{head} no level survives. The nearest, {escape(nearest.level)}, would take "
            f"{nearest.customers_needed[NOISE_AWARE]:,} customers; until then the companies' own models are better."
        )
    why = "" if plain and plain.concepts == aware.concepts else " and have it read noise-aware"
    return (
        f"{head} ask for {escape(aware.level)} ({aware.concepts:,} concepts) with row_scheme=unit "
        f"noise={aware.noise}{why}. {_year(aware)}"
    )


def _year(prospect: Prospect) -> str:
    """What four such releases cost, and whether nodes pay that by default."""
    if math.isinf(prospect.a_year):
        said = "Four such releases a year have no finite epsilon."
    else:
        said = f"Four such releases a year: epsilon {prospect.a_year:.2f}."
    if prospect.epsilon <= QUARTER_EPSILON and prospect.a_year <= LIFETIME_EPSILON:
        return said
    return (
        f"{said} Nodes refuse that by default ({QUARTER_EPSILON:g} a quarter, {LIFETIME_EPSILON:g} over the lifetime "
        "of the data): every company's officer would have to raise its budget."
    )


def _table(prospects: list[Prospect]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (
        "epsilon",
        "question",
        "level",
        "concepts",
        "told from noise",
        "plain",
        "noise-aware",
        "needs",
    ):
        table.add_column(heading, overflow="fold")
    for each in prospects:
        if each.question == "taste":
            told = f"1 row in {1 / each.limit:,.0f}" if each.limit < 1 else "nothing"
        else:
            told = f"nDCG by {each.limit:.2g}"
        table.add_row(
            f"{each.epsilon:g}",
            each.question,
            escape(each.level),
            f"{each.concepts:,}",
            told,
            _says(each, PLAIN),
            _says(each, NOISE_AWARE),
            f"{min(each.customers_needed.values()):,} customers",
        )
    return table


def _says(prospect: Prospect, reading: str) -> str:
    if reading not in prospect.survives:
        return "-"
    return "survives" if prospect.survives[reading] else "drowns"


def _level(word: str) -> Level:
    name, _, concepts = word.partition("=")
    if not concepts.isdecimal():
        raise BadInput(expected="a level as NAME=CONCEPTS", came=word[:80], do="write for example types=2221")
    return Level(name=name, concepts=int(concepts))


def _training(
    level: Level, typed: str, *, customers: int, members: int, wanted: float, cap: int
) -> TrainingPlan:
    rounds, _, sample = typed.partition(":")
    try:
        count, chance = int(rounds), float(sample)
    except ValueError:
        raise BadInput(
            expected="a training as ROUNDS:SAMPLE", came=typed[:80], do="write for example 20:0.05"
        ) from None
    shape = encoder.parse({"taste": "00" * HASH_BYTES, "until": 1}).shape(level.concepts)
    return plan_training(
        weights=shape.size,
        customers=customers,
        members=members,
        wanted=wanted,
        cap=cap,
        rounds=count,
        sample=chance,
    )


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise BadInput(expected="epsilons as 1,2,4", came=text[:80], do="correct --epsilon") from None
