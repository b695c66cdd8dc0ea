"""Reads what surrounds a purchase: weather, kind of place and local events, by day and store.

These are facts about days and places and not about customers. Every column but one word is optional, and so is
the file. What is read in later about the same day and store takes the place of what was known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
from sqlalchemy import Engine

from participant.intake import checks, sources, staging
from participant.intake.faults import NothingKept
from participant.intake.mapping import SURROUNDINGS, ColumnMapping, guess
from participant.store.records_writing import RecordsWriter
from participant.store.surroundings import EVERY_DAY, EVERY_STORE, KINDS, SurroundingRow, tell
from protocols.questions.moments import FACETS, weather_of

REASONS: Final = {
    "wrong-day": "the day is not a date (2017-08-14 or 20170814)",
    "no-day-or-store": "neither a day nor a store",
    "unknown-weather": "the weather is none of " + ", ".join(FACETS["weather"]),
    "wrong-temperature": "temperature or rain is not a number, or one is there without the other",
    "unknown-location": "the kind of place is none of " + ", ".join(FACETS["location"]),
    "unknown-event": "the event is none of " + ", ".join(FACETS["event"]),
    "nothing-said": "no weather, place or event",
}
"""Why a row is refused; the first that applies."""

BATCH: Final = 10_000
Row = tuple[str | int | float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurroundingsReport:
    """Counts of one import: ``rows_read == kept + sum(rejected.values())``; ``known`` rows for each kind."""

    rows_read: int
    kept: int
    known: Mapping[str, int]
    rejected: Mapping[str, int]

    @property
    def summary(self) -> str:
        """One sentence for the terminal."""
        said = ", ".join(f"{count:,} of {kind}" for kind, count in self.known.items() if count)
        refused = ", ".join(f"{rows:,} {reason}" for reason, rows in self.rejected.items()) or "none"
        return (
            f"{self.rows_read:,} rows of surroundings read: {self.kept:,} kept ({said}); rejected: {refused}"
        )


def read_surroundings(
    source: Iterable[Path],
    *,
    home: Path,
    engine: Engine,
    mapping: ColumnMapping | None = None,
    dry_run: bool = False,
) -> SurroundingsReport:
    """Import what surrounds purchases into the node at ``home``; the same files once more change nothing.

    Args:
        source: Parquet or CSV files, a row per day, store or both.
        home: the node's folder.
        engine: the node's database.
        mapping: columns named by hand; the others are guessed.
        dry_run: check and report only.

    Raises:
        UnknownColumn, EmptyFile, UnreadableFile, NothingKept, DiskFull, ImportRunning.
    """
    files = sources.expand(source)
    kept, read = 0, 0
    known, rejected = dict.fromkeys(KINDS, 0), dict.fromkeys(REASONS, 0)
    told: list[SurroundingRow] = []
    with (
        staging.staged(home / "data", visible=RecordsWriter(engine).visible_folders) as folder,
        sources.workbench(folder) as work,
    ):
        cursor = work.execute(_query(work, sources.scan(work, files), mapping or ColumnMapping()))
        while rows := cursor.fetchmany(BATCH):
            for row in rows:
                read += 1
                found = _judge(row)
                if isinstance(found, str):
                    rejected[found] += 1
                    continue
                kept += 1
                told += found
                for each in found:
                    known[each.kind] += 1
        refused = {reason: count for reason, count in rejected.items() if count}
        if not kept:
            raise NothingKept(
                expected="at least one acceptable row of surroundings",
                came=", ".join(f"{count} x {reason}" for reason, count in refused.items()),
                do="correct the words, or name the columns with --column surroundings.FIELD=COLUMN",
            )
        if not dry_run:
            tell(engine, told)
    return SurroundingsReport(rows_read=read, kept=kept, known=known, rejected=refused)


def _query(work: duckdb.DuckDBPyConnection, source: str, mapping: ColumnMapping) -> str:
    kinds = sources.columns(work, source)
    found = guess(kinds, SURROUNDINGS, mapping.surroundings)
    fields = [checks.text(found[name]) if name in found else "NULL" for name in SURROUNDINGS]
    days = f"{checks.seconds(found['day'], kinds[found['day']])} // 86400" if "day" in found else "NULL"
    return f"SELECT {days}, {', '.join(fields)} FROM {source}"


def _judge(row: Row) -> list[SurroundingRow] | str:
    """The words of a row, or the first of :data:`REASONS` against it."""
    days, said, store, weather, temperature, rain, location, event = (
        None if value is None else str(value) for value in row
    )
    if said is not None and (days is None or int(days) < 0):
        return "wrong-day"
    if said is None and store is None:
        return "no-day-or-store"
    if weather is None and (temperature is not None or rain is not None):
        numbers = (_number(temperature), _number(rain))
        if numbers[0] is None or numbers[1] is None:
            return "wrong-temperature"
        weather = weather_of(numbers[0], numbers[1])
    words = {"weather": weather, "location": location, "event": event}
    for kind, word in words.items():
        if word is not None and word.lower() not in FACETS[kind]:
            return f"unknown-{kind}"
    day = EVERY_DAY if days is None else int(days)
    found = [
        SurroundingRow(kind=kind, day=day, store=store or EVERY_STORE, band=word.lower())
        for kind, word in words.items()
        if word is not None
    ]
    return found or "nothing-said"


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and abs(number) < 10_000 else None
