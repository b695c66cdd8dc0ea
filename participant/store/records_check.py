"""What has been imported, in counts: rows, refusals, days without a sale. Read by `check`."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, func, select

from participant.store.record_tables import imports, rejected
from participant.store.records_events import Events
from protocols.service.unit_of_work import reading

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Days in a row without one purchase, both ends included (unix seconds at 00:00 UTC)."""

    first: int
    last: int

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.last - self.first) // DAY_S + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """All imports together."""

    rows_read: int
    kept: int
    already_stored: int
    rejected: Mapping[str, int]
    gaps: tuple[Gap, ...]


def totals(home: Path, db: Engine) -> Totals:
    """Count what all imports brought, and find the days on which nothing was sold."""
    with reading(db) as connection:
        sums = connection.execute(
            select(
                func.sum(imports.c.rows_read), func.sum(imports.c.kept), func.sum(imports.c.already_stored)
            )
        ).one()
        reasons = connection.execute(
            select(rejected.c.reason, func.sum(rejected.c.rows)).group_by(rejected.c.reason)
        ).all()
    events = Events(home, db)
    with events.scanning() as scan:
        days = [
            int(row[0])
            for row in scan.execute(
                f"SELECT DISTINCT seconds // {DAY_S} AS day FROM {events.relation()} ORDER BY day"
            ).fetchall()
        ]
    return Totals(
        rows_read=int(sums[0] or 0),
        kept=int(sums[1] or 0),
        already_stored=int(sums[2] or 0),
        rejected={str(row[0]): int(row[1]) for row in reasons},
        gaps=tuple(
            Gap(first=(before + 1) * DAY_S, last=(after - 1) * DAY_S)
            for before, after in pairwise(days)
            if after - before > 1
        ),
    )
