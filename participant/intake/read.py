"""One import from files to stored events: stage, check, number, place, commit."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import duckdb
from sqlalchemy import Engine

from participant.intake import checks, erased, numbering, sources, staging
from participant.intake.faults import NothingKept
from participant.intake.mapping import CATALOGUE, TRANSACTIONS, ColumnMapping, guess
from participant.intake.report import IntakeReport
from participant.store.records_writing import ImportRecord, RecordsWriter

ROW_GROUP_ROWS: Final = 20_480
"""Small row groups, sorted by customer: one customer's history is read from one or two of them."""


def read(
    source: Iterable[Path],
    *,
    home: Path,
    engine: Engine,
    mapping: ColumnMapping | None = None,
    catalogue: Iterable[Path] = (),
    excluded: Iterable[str] = (),
    concepts: frozenset[str] | None = None,
    dry_run: bool = False,
    now: int | None = None,
) -> IntakeReport:
    """Import transactions (and their catalogue) into the node at ``home``.

    Args:
        source: Parquet or CSV files, or folders of them.
        home: the node's folder; events go to ``home/data``.
        engine: the node's database.
        mapping: columns named by hand; the others are guessed.
        catalogue: files with one row per item; without one, items carry no concept.
        excluded: categories (compared without case) whose items are left out.
        concepts: names of the vocabulary, to count what it does not cover; None counts items
            without any concept.
        dry_run: check and report only; nothing but the rejected file is written.
        now: unix seconds; later purchases are rejected. None reads the clock.

    Returns:
        The report; the same files with the same settings once more change nothing.

    Raises:
        UnknownColumn, EmptyFile, UnreadableFile, NothingKept, DiskFull, ImportRunning.
    """
    mapping = mapping or ColumnMapping()
    files, catalogue_files = sources.expand(source), tuple(catalogue)
    catalogue_files = sources.expand(catalogue_files) if catalogue_files else ()
    left_out = tuple(sorted(name.lower() for name in excluded))
    settings = repr((sorted(mapping.transactions.items()), sorted(mapping.catalogue.items()), left_out))
    digest = sources.digest((*files, *catalogue_files), str(len(files)), settings)
    writer = RecordsWriter(engine)
    data = home / "data"
    moment = now if now is not None else int(time.time())
    with staging.staged(data, visible=writer.visible_folders) as folder:
        earlier = writer.import_of(digest)
        with sources.workbench(folder) as work:
            try:
                load_catalogue(work, catalogue_files, mapping)
                _load_rows(work, files, mapping, moment, left_out, lambda: erased.find(work, home, engine))
                numbering.assign(work, writer, data)
                record, report = _summary(work, digest, concepts, dry_run=dry_run, repeated=earlier)
                rejected = folder / "rejected.csv"
                _write_rejected(work, rejected)
                if not dry_run and not earlier:
                    _write_events(work, folder)
            except duckdb.OutOfMemoryException as error:
                staging.raise_if_full(OSError(28, str(error)))
                raise
            target = data / staging.REJECTED / f"{'dry-run-' if dry_run else ''}{digest[:16]}.csv"
            if not dry_run and not earlier:
                _commit(work, writer, record, folder, data, moment)
            staging.place(rejected, target)
            return replace(report, rejected_file=target)


def load_catalogue(work: duckdb.DuckDBPyConnection, files: Sequence[Path], mapping: ColumnMapping) -> None:
    """Create ``catalogue``: one row an item; empty without ``files``."""
    work.execute(
        "CREATE TABLE catalogue (item VARCHAR, concept VARCHAR, name VARCHAR, brand VARCHAR, category VARCHAR)"
    )
    if not files:
        return
    source = sources.scan(work, files)
    found = guess(sources.columns(work, source), CATALOGUE, mapping.catalogue)
    fields = ", ".join(checks.text(found[name]) if name in found else "NULL" for name in CATALOGUE)
    work.execute(
        f"""INSERT INTO catalogue SELECT item, first(concept), first(name), first(brand), first(category)
        FROM (SELECT * FROM (SELECT {fields} FROM {source}) AS t(item, concept, name, brand, category)
              WHERE item IS NOT NULL) GROUP BY item"""
    )


def _load_rows(
    work: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    mapping: ColumnMapping,
    now: int,
    left_out: Sequence[str],
    find_erased: Callable[[], None],
) -> None:
    source = sources.scan(work, files)
    kinds = sources.columns(work, source)
    found = guess(kinds, TRANSACTIONS, mapping.transactions)
    with_catalogue = bool(work.execute("SELECT count(*) FROM catalogue").fetchall()[0][0])
    work.execute(f"CREATE TABLE raw AS {checks.normalised(found, kinds, source)}")
    find_erased()
    names = ", ".join(sources.literal(name) for name in left_out) or "NULL"
    work.execute(
        f"""CREATE TABLE judged AS
        WITH first_pass AS (SELECT *, {checks.reason(now, with_catalogue=with_catalogue)} AS reason FROM raw),
        second_pass AS (
            SELECT *, row_number() OVER (
                PARTITION BY reason, customer, basket, item, seconds ORDER BY line) AS copy
            FROM first_pass)
        SELECT p.* EXCLUDE (copy, reason),
               CASE WHEN p.reason IS NULL AND copy > 1 THEN 'duplicate-line' ELSE p.reason END AS reason,
               coalesce(lower(c.category) IN ({names}), false) AS excluded
        FROM second_pass p LEFT JOIN catalogue c USING (item)"""
    )
    if _has_rejects(work):
        work.execute(
            f"""INSERT INTO judged (line, file, reason, excluded)
            SELECT DISTINCT line, file_path, 'malformed-line', false
            FROM reject_errors JOIN reject_scans USING (scan_id, file_id)
            WHERE file_path IN ({", ".join(sources.literal(str(file)) for file in files)})"""
        )


def _has_rejects(work: duckdb.DuckDBPyConnection) -> bool:
    return bool(work.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchall())


def _summary(
    work: duckdb.DuckDBPyConnection,
    digest: str,
    concepts: frozenset[str] | None,
    *,
    dry_run: bool,
    repeated: bool,
) -> tuple[ImportRecord, IntakeReport]:
    rejected = {
        str(reason): int(rows)
        for reason, rows in work.execute(
            "SELECT reason, count(*) FROM judged WHERE reason IS NOT NULL GROUP BY reason ORDER BY reason"
        ).fetchall()
    }
    rows_read, excluded = work.execute(
        "SELECT count(*), count(*) FILTER (excluded AND reason IS NULL) FROM judged"
    ).fetchall()[0]
    accepted, first, last, customers, items = work.execute(
        "SELECT count(*), min(seconds), max(seconds), count(DISTINCT customer_key), count(DISTINCT item_key) "
        "FROM accepted"
    ).fetchall()[0]
    if not accepted:
        raise NothingKept(
            expected="at least one acceptable row",
            came=", ".join(f"{rows} x {reason}" for reason, rows in rejected.items()) or "none",
            do="check the column mapping with a dry run",
        )
    kept = int(work.execute("SELECT count(*) FROM fresh").fetchall()[0][0])
    known = "c.concept IS NOT NULL"
    if concepts is not None:
        work.execute("CREATE TEMP TABLE vocabulary (concept VARCHAR)")
        work.executemany(
            "INSERT INTO vocabulary VALUES (?)", [[name] for name in sorted(concepts)] or [[None]]
        )
        known = "c.concept IN (SELECT concept FROM vocabulary)"
    mapped = work.execute(
        f"SELECT count(*) FILTER ({known}) FROM accepted a LEFT JOIN catalogue c USING (item)"
    ).fetchall()[0][0]
    share = 1.0 - int(mapped) / int(accepted)
    record = ImportRecord(
        source_digest=digest,
        folder=digest[:32] if kept else None,
        rows_read=int(rows_read),
        kept=kept,
        already_stored=int(accepted) - kept,
        unmapped_share=share,
        first=int(first),
        last=int(last),
        rejected=rejected,
    )
    report = IntakeReport(
        rows_read=int(rows_read),
        kept=kept,
        already_stored=int(accepted) - kept,
        excluded=int(excluded),
        rejected=rejected,
        rejected_file=None,
        customers=int(customers),
        items=int(items),
        unmapped_share=share,
        first=int(first),
        last=int(last),
        dry_run=dry_run,
        repeated=repeated,
    )
    return record, report


def _write_rejected(work: duckdb.DuckDBPyConnection, target: Path) -> None:
    work.execute(
        "COPY (SELECT file, line, reason, customer, item, basket, time, quantity FROM judged "
        f"WHERE reason IS NOT NULL AND reason <> '{erased.ERASED}' ORDER BY file, line) TO {sources.literal(str(target))} (HEADER, FORMAT csv)"
    )
    target.chmod(0o600)


def _write_events(work: duckdb.DuckDBPyConnection, folder: Path) -> None:
    events = folder / staging.EVENTS
    events.mkdir(mode=0o700)
    work.execute(
        "COPY (SELECT customer_key, item_key, basket, seconds, units, store, paid, reduced FROM fresh ORDER BY customer_key, seconds) "
        f"TO {sources.literal(str(events / 'events.parquet'))} (FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
    )


def _commit(
    work: duckdb.DuckDBPyConnection,
    writer: RecordsWriter,
    record: ImportRecord,
    folder: Path,
    data: Path,
    at: int,
) -> None:
    """Rows into the database and the staged folder into place, or neither."""

    def place() -> None:
        if record.folder is not None:
            staging.place(folder / staging.EVENTS, data / staging.EVENTS / record.folder)

    writer.store(
        record,
        customers=numbering.new_customers(work),
        seen_earlier=numbering.seen_earlier(work),
        items=numbering.changed_items(work),
        before_commit=place,
        at=at,
    )
