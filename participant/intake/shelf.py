"""What was on the shelves: which store stocked which item when, whether it was shown, and its price.

These are the company's own facts and not its customers': an item enters because it is on the list, never because
somebody bought it. Items of the catalogue that nobody has bought yet get their keys here.
"""

import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
from sqlalchemy import Engine

from participant.intake import checks, numbering, sources, staging
from participant.intake.faults import NothingKept
from participant.intake.mapping import SHELF, ColumnMapping, guess
from participant.intake.read import ROW_GROUP_ROWS, load_catalogue
from participant.store.records_writing import RecordsWriter, ShelfRecord

WEEK_S: Final = 7 * 86_400
"""How long a row holds that does not say until when."""

NOT_SHOWN: Final = "('0', 'false', 'f', 'no', 'n')"
"""Places of a display or leaflet that mean: none; and no value at all."""

REASONS: Final = {
    "missing-item": "no item id",
    "missing-store": "no store",
    "wrong-time": "since is not a time, or until is not after it",
    "wrong-price": "the price is not a positive number",
    "unknown-item": "the item is neither in the catalogue nor was it ever sold",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfReport:
    """Counts of one import: ``rows_read == kept + sum(rejected.values())``, or all were stored before."""

    rows_read: int
    kept: int
    shown: int
    stores: int
    rejected: Mapping[str, int]
    repeated: bool

    @property
    def summary(self) -> str:
        """One sentence for the terminal."""
        refused = ", ".join(f"{rows:,} {reason}" for reason, rows in self.rejected.items()) or "none"
        again = "; the same files were read before, nothing changed" if self.repeated else ""
        return (
            f"{self.rows_read:,} shelf rows read: {self.kept:,} kept, {self.shown:,} of them on display or in a "
            f"leaflet, {self.stores:,} stores; rejected: {refused}{again}"
        )


def read_shelf(
    source: Iterable[Path],
    *,
    home: Path,
    engine: Engine,
    mapping: ColumnMapping | None = None,
    catalogue: Iterable[Path] = (),
    dry_run: bool = False,
    now: int | None = None,
) -> ShelfReport:
    """Import what was on the shelves into the node at ``home``; the same files once more change nothing.

    Args:
        source: Parquet or CSV files, a row per item, store and span of time.
        home: the node's folder.
        engine: the node's database.
        mapping: columns named by hand; the others are guessed.
        catalogue: files with one row per item.
        dry_run: check and report only.
        now: unix seconds of the import; None reads the clock.

    Raises:
        UnknownColumn, EmptyFile, UnreadableFile, NothingKept, DiskFull, ImportRunning.
    """
    mapping = mapping or ColumnMapping()
    files, listed = sources.expand(source), tuple(catalogue)
    listed = sources.expand(listed) if listed else ()
    settings = repr(("shelf", sorted(mapping.shelf.items()), sorted(mapping.catalogue.items())))
    digest = sources.digest((*files, *listed), str(len(files)), settings)
    writer, data = RecordsWriter(engine), home / "data"
    moment = now if now is not None else int(time.time())
    with staging.staged(data, visible=writer.visible_folders) as folder, sources.workbench(folder) as work:
        repeated = writer.shelf_of(digest)
        try:
            load_catalogue(work, listed, mapping)
            _load_rows(work, files, mapping, writer)
            report = _report(work, repeated=repeated)
            if dry_run or repeated:
                return report
            _write(work, folder / "placed")
        except duckdb.OutOfMemoryException as error:
            staging.raise_if_full(OSError(28, str(error)))
            raise
        target = data / staging.SHELVES / digest[:32]

        def place() -> None:
            shutil.rmtree(target, ignore_errors=True)  # no row names it: a crash left it
            staging.place(folder / "placed", target)

        record = ShelfRecord(
            source_digest=digest, folder=digest[:32], rows_read=report.rows_read, kept=report.kept
        )
        writer.store_shelf(record, items=numbering.changed_items(work), before_commit=place, at=moment)
        return report


def _load_rows(
    work: duckdb.DuckDBPyConnection, files: Iterable[Path], mapping: ColumnMapping, writer: RecordsWriter
) -> None:
    """Create ``judged`` and ``item_keys``."""
    source = sources.scan(work, tuple(files))
    kinds = sources.columns(work, source)
    found = guess(kinds, SHELF, mapping.shelf)
    ended = "CAST(NULL AS BIGINT)"
    if "until" in found:
        ended = checks.seconds(found["until"], kinds[found["until"]])
    price = checks.text(found["price"]) if "price" in found else "CAST(NULL AS VARCHAR)"
    numbering.load_known_items(work, writer)
    work.execute(
        f"""CREATE TABLE judged AS
        WITH given AS (
            SELECT * FROM (
                SELECT {checks.text(found["item"])}, {checks.text(found["store"])},
                       {checks.seconds(found["since"], kinds[found["since"]])}, {ended}, {_shown(found)}, {price}
                FROM {source}) AS t(item, store, since, ended, shown, words)),
        raw AS (
            SELECT *, coalesce(ended, since + {WEEK_S}) AS until, TRY_CAST(words AS DOUBLE) AS price FROM given)
        SELECT item, store, since, until, shown, price, false AS excluded, CASE
            WHEN item IS NULL OR length(item) > 255 THEN 'missing-item'
            WHEN store IS NULL THEN 'missing-store'
            WHEN since IS NULL OR since < 0 OR until <= since THEN 'wrong-time'
            WHEN words IS NOT NULL AND (price IS NULL OR NOT isfinite(price) OR price <= 0) THEN 'wrong-price'
            WHEN item NOT IN (SELECT item FROM catalogue UNION ALL SELECT id FROM known_items) THEN 'unknown-item'
            END AS reason
        FROM raw"""
    )
    numbering.number_items(work)


def _shown(found: Mapping[str, str]) -> str:
    places = [
        f"lower(coalesce({checks.text(found[name])}, '0')) NOT IN {NOT_SHOWN}"
        for name in ("display", "leaflet")
        if name in found
    ]
    return f"({' OR '.join(places)})" if places else "false"


def _report(work: duckdb.DuckDBPyConnection, *, repeated: bool) -> ShelfReport:
    rejected = {
        str(reason): int(rows)
        for reason, rows in work.execute(
            "SELECT reason, count(*) FROM judged WHERE reason IS NOT NULL GROUP BY reason ORDER BY reason"
        ).fetchall()
    }
    rows, kept, shown, stores = work.execute(
        """SELECT count(*), count(*) FILTER (reason IS NULL), count(*) FILTER (reason IS NULL AND shown),
        count(DISTINCT store) FILTER (reason IS NULL) FROM judged"""
    ).fetchall()[0]
    if not kept:
        raise NothingKept(
            expected="at least one acceptable shelf row",
            came=", ".join(f"{rows} x {reason}" for reason, rows in rejected.items()) or "none",
            do="check the column mapping; items must be in the catalogue",
        )
    return ShelfReport(
        rows_read=int(rows),
        kept=int(kept),
        shown=int(shown),
        stores=int(stores),
        rejected=rejected,
        repeated=repeated,
    )


def _write(work: duckdb.DuckDBPyConnection, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    work.execute(
        "COPY (SELECT k.key AS item_key, j.store, j.since, j.until, j.shown, j.price FROM judged j "
        "JOIN item_keys k ON k.id = j.item WHERE j.reason IS NULL ORDER BY j.store, j.since) "
        f"TO {sources.literal(str(folder / 'shelf.parquet'))} (FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
    )
