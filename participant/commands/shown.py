"""Tables and lines for the terminal: plain when piped, with rich on a terminal."""

import json
from collections.abc import Iterable
from dataclasses import asdict, is_dataclass

from rich.console import Console
from rich.table import Table

from participant.budget import BudgetStanding
from participant.commands.dry_run import Rehearsal
from participant.console import budget_words
from participant.console import nonbuyers as nonbuyers_words
from participant.console.view import Departure, NodeStatus
from participant.intake import IntakeReport
from participant.nonbuyers.report import Report
from participant.serving import Served
from participant.store.records_check import DAY_S, Totals
from protocols.errors import AltroveError
from protocols.service.clock import iso

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)
GAPS_SHOWN = 5


def as_json(value: object) -> None:
    """Print a dataclass, or several, as JSON."""
    plain = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    print(json.dumps(plain, indent=1, default=str))  # noqa: T201 - machine output must not be wrapped


def error(problem: AltroveError) -> None:
    """One message in three parts; no traceback."""
    err.print(f"[bold red]error[/] {type(problem).code}", markup=True)
    for label, text in (("expected", problem.expected), ("came", problem.came), ("do", problem.do)):
        err.print(f"  {label:9} {text}", markup=False)


def imported(report: IntakeReport, *, dry: bool) -> None:
    """What an import kept and what it refused."""
    out.print(report.summary, markup=False)
    table = Table("refused because", "rows", box=None)
    for reason, rows in report.rejected.items():
        table.add_row(reason, f"{rows:,}")
    if report.rejected:
        out.print(table)
        out.print(f"The refused rows are in {report.rejected_file}", markup=False)
    if dry:
        out.print("This was a trial: nothing was stored.")


def checked(found: Totals, status: NodeStatus, unmapped: float | None, todo: Iterable[str]) -> None:
    """Row counts, gaps, duplicates, unmapped share, what to fix."""
    table = Table("", "", box=None, show_header=False)
    table.add_row("rows read", f"{found.rows_read:,}")
    table.add_row("rows kept", f"{found.kept:,}")
    table.add_row("stored before", f"{found.already_stored:,}")
    for reason, rows in found.rejected.items():
        table.add_row(f"refused: {reason}", f"{rows:,}")
    table.add_row("duplicates", f"{found.rejected.get('duplicate-line', 0):,}")
    table.add_row("customers", f"{status.customers:,} ({status.opted_out:,} opted out and left out)")
    if status.first_purchase:
        table.add_row("purchases", f"{iso(status.first_purchase)} to {iso(status.last_purchase)}")
    table.add_row("days without a sale", f"{sum(gap.days for gap in found.gaps):,}")
    for gap in sorted(found.gaps, key=lambda gap: -gap.days)[:GAPS_SHOWN]:
        table.add_row("  gap", f"{iso(gap.first)[:10]} to {iso(gap.last + DAY_S)[:10]}, {gap.days} days")
    table.add_row(
        "rows without a shared concept", "no vocabulary yet" if unmapped is None else f"{unmapped:.1%}"
    )
    out.print(table)
    todo = list(todo)
    out.print("Ready." if not todo else "To fix:")
    for line in todo:
        out.print(f"  - {line}", markup=False)


def rehearsed(rehearsals: Iterable[Rehearsal]) -> None:
    """Each payload in words."""
    for each in rehearsals:
        out.print(f"[bold]{each.question}[/]", markup=True)
        out.print(f"  {each.sentence}", markup=False)
        if not each.elements:
            continue
        out.print(
            f"  {each.elements:,} numbers, {each.payload_bytes:,} bytes, from {each.customers:,} customers; "
            f"each number within {each.bound:,}, here at most {each.largest:g}.",
            markup=False,
        )
        out.print(f"  For example {'; '.join(each.examples)}.", markup=False)
        for line in each.prices:
            out.print(f"  {line}", markup=False)
        if each.refusal:
            out.print(f"  It would be refused: {each.refusal}.", markup=False)
    out.print("Nothing was sent and nothing was sealed.")


def stood(
    status: NodeStatus,
    departures: Iterable[Departure],
    refusals: Iterable[str],
    budget: BudgetStanding,
    *,
    certificate_ends: str,
) -> None:
    """How the node stands."""
    table = Table("", "", box=None, show_header=False)
    table.add_row("company", status.company)
    table.add_row("door", "STOPPED: nothing leaves" if status.stopped else "open")
    table.add_row("members", ", ".join(status.members) or "no roster accepted yet")
    table.add_row("courier", status.courier)
    table.add_row("certificate", f"ends on {certificate_ends}; nothing renews it yet")
    table.add_row("customers", f"{status.customers:,}")
    table.add_row(
        "release in use", f"round {status.release_round}" if status.release else "none: local or popularity"
    )
    table.add_row("privacy budget", budget_words.standing(budget))
    if status.release:
        table.add_row("its sum", status.looked_at)
        table.add_row("one customer in it", status.privacy)
    out.print(table)
    for line in (*status.waiting, *status.undone):
        out.print(line, markup=False)
    for alarm in status.alarms:
        out.print(f"TELL THE OTHER MEMBERS. {alarm}", markup=False)
    lines = list(departures)
    out.print("What left:" if lines else "Nothing has left yet.")
    for each in lines:
        out.print(
            f"  {iso(each.at)} round {each.round}.{each.attempt} {each.question}: {each.elements:,} numbers, "
            f"{each.bytes_sent:,} bytes, {each.outcome.value}; {each.privacy}",
            markup=False,
        )
    for line in refusals:
        out.print(f"  ended without this company: {line}", markup=False)


def spent(budget: BudgetStanding) -> None:
    """The budget's burn-down: what each answer cost, and what it made of the whole."""
    out.print(budget_words.standing(budget), markup=False)
    for line in budget_words.notes(budget):
        out.print(line, markup=False)
    if not budget.spendings:
        return
    table = Table("when", "round", "asked", "this answer", "its quarter then", "lifetime then", box=None)
    for each in budget.spendings:
        alone, quarter, lifetime = budget_words.costs(each, budget)
        number = f"{each.round}.{each.attempt}" if each.round else "unknown"
        table.add_row(iso(each.at), number, " ".join(each.questions), alone, quarter, lifetime)
    out.print(table)
    for note in dict.fromkeys(each.note for each in budget.spendings if each.note):
        out.print(f"{sum(each.note == note for each in budget.spendings)} of them {note}.", markup=False)


def recommended(served: Served) -> None:
    """A customer's suggestions with their reasons."""
    table = Table("product", "concept", "surprise", "chance", "why", box=None)
    for item in served.items:
        why = "; ".join(f"{why.text} ({why.support_band})" for why in item.reasons)
        table.add_row(
            item.item_name or item.item_id, item.concept, f"{item.surprise:.2f}", f"{item.relevance:.2f}", why
        )
    out.print(table)
    if served.degraded:
        out.print("Degraded: bestsellers, for want of a model or a history.")


def reasoned(report: Report) -> None:
    """Who does not buy, and the likely reasons."""
    out.print(nonbuyers_words.sentence(report), markup=False)
    out.print(report.hypothesis, markup=False)
    counted = "customers" if report.concept else "pairs"
    table = Table("likely reason", counted, "here", "consortium", "", "who they are", box=None)
    for row in report.rows:
        name = nonbuyers_words.REASONS[row.state]
        who = nonbuyers_words.profile(row)
        table.add_row(
            name, f"{row.customers:,}", f"{row.share:.1%}", row.consortium or "not asked yet", row.beside, who
        )
    out.print(table)
    for each in report.standouts:
        reason = nonbuyers_words.REASONS[each.state].lower()
        out.print(f"  {each.concept}: {reason}, {each.share:.0%} here, {each.consortium}", markup=False)
    if report.release:
        out.print(f"The consortium's sum {report.release[:8]}: {report.privacy}.", markup=False)
