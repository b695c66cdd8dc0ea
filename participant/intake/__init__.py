"""The only reader of raw events and catalogues: customer ids of the shop stop here.

It reads Parquet and CSV through DuckDB in bounded memory, refuses rows one by one with a reason,
and stores what it keeps in one step or not at all.
"""

from participant.intake.checks import REASONS
from participant.intake.mapping import ColumnMapping
from participant.intake.read import read
from participant.intake.report import IntakeReport
from participant.intake.shelf import ShelfReport, read_shelf
from participant.intake.surroundings import SurroundingsReport, read_surroundings

__all__ = [
    "REASONS",
    "ColumnMapping",
    "IntakeReport",
    "ShelfReport",
    "SurroundingsReport",
    "read",
    "read_shelf",
    "read_surroundings",
]
