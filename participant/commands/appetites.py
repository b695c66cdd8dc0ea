"""The verbs of `altrove-node appetite`."""

from pathlib import Path

from participant.appetites import AppetiteDesk
from participant.commands.shown import out
from participant.intake.questionnaire import read_questionnaire
from participant.node import Node


def show(node: Node, customer: str, language: str) -> None:
    """Print what the customer is shown."""
    found = _desk(node).known(customer, language)
    for sentence in found.sentences:
        out.print(sentence, markup=False)
    if found.level >= 0:
        out.print("Lists depend on it." if found.used else "No list depends on it.", markup=False)
    if found.level >= 0 or found.consented_at:
        out.print(found.how_to_remove, markup=False)


def remove(node: Node, customer: str) -> None:
    """Remove it and say so."""
    _desk(node).remove(customer)
    out.print("Removed: nothing is assumed of this customer's appetite, from the next request on.")


def take_in(node: Node, source: Path) -> None:
    """Read a questionnaire and say what became of its rows."""
    report = read_questionnaire(source, home=node.home.root, engine=node.db, now=node.clock.now())
    out.print(f"{report.kept} answers taken in, {report.older} older than what is known.", markup=False)
    for reason, rows in sorted(report.rejected.items()):
        out.print(f"  {rows} rows refused: {reason}", markup=False)
    if report.rejected_file is not None:
        out.print(f"The refused rows are in {report.rejected_file}.", markup=False)


def _desk(node: Node) -> AppetiteDesk:
    return AppetiteDesk(db=node.db, trainer=node.trainer, clock=node.clock)
