"""No file of an import keeps a row of an erased customer: event files are written anew without it, rejected rows too.

New event folders are placed beside the old ones, one transaction makes them visible in their place, and only then
the old ones are removed. Killed in between, the next try or the next import sweeps whatever is not visible. It
works under the lock of imports: none can run meanwhile.
"""

import csv
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import uuid4

import duckdb
from sqlalchemy import Engine

from participant.intake import sources, staging
from participant.intake.read import ROW_GROUP_ROWS
from participant.store.records_lock import removing_events
from participant.store.records_writing import RecordsWriter
from protocols.service import durable


def count(customer_key: int, *, home: Path, engine: Engine) -> int:
    """Stored purchases of one customer."""
    folders = RecordsWriter(engine).visible_folders()
    with duckdb.connect() as work:
        return sum(_rows(work, _events(home / "data", folder), customer_key) for folder in folders)


def count_rejected(external_id: str, *, home: Path) -> int:
    """Rejected rows of one customer, in all files."""
    return sum(_is_of(row, external_id) for file in _rejected(home / "data") for row in _lines(file))


def scrub(external_id: str, customer_key: int | None, *, home: Path, engine: Engine) -> None:
    """Remove every row of the customer from every file; again and again it changes nothing more.

    Raises:
        ImportRunning: wait for the import to end.
        RecordsInUse: somebody reads purchases and does not end.
        DiskFull: there is no room for the new files; the old ones are still in their place.
    """
    data, writer = home / "data", RecordsWriter(engine)
    with staging.staged(data, visible=writer.visible_folders) as folder:
        if customer_key is not None:
            replaced = _write_anew(customer_key, folder, data, sorted(writer.visible_folders()))
            writer.replace_folders(replaced)
            with removing_events(data):
                for old in replaced:
                    shutil.rmtree(data / staging.EVENTS / old, ignore_errors=True)
                shutil.rmtree(data / "spill", ignore_errors=True)  # what a killed reader left there
        for file in _rejected(data):
            _scrub_rejected(file, external_id, folder)
        for name in (staging.EVENTS, staging.REJECTED):
            if (data / name).is_dir():
                durable.sync_folder(data / name)


def _write_anew(customer_key: int, folder: Path, data: Path, visible: Iterable[str]) -> dict[str, str | None]:
    """Place a new folder for every event file that holds the customer; returns what takes which place."""
    replaced: dict[str, str | None] = {}
    with sources.workbench(folder) as work:
        for old in visible:
            source = _events(data, old)
            if not _rows(work, source, customer_key):
                continue
            new = uuid4().hex
            (folder / new).mkdir(mode=0o700)
            file = folder / new / "events.parquet"
            kept = f"SELECT * FROM read_parquet({sources.literal(str(source))}) WHERE customer_key <> {customer_key:d}"
            options = f"(FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
            work.execute(f"COPY ({kept}) TO {sources.literal(str(file))} {options}")
            left = work.execute(f"SELECT count(*) FROM read_parquet({sources.literal(str(file))})").fetchall()
            replaced[old] = new if left[0][0] else None
            if left[0][0]:
                staging.place(folder / new, data / staging.EVENTS / new)
    return replaced


def _rows(work: duckdb.DuckDBPyConnection, source: Path, customer_key: int) -> int:
    query = f"SELECT count(*) FROM read_parquet({sources.literal(str(source))}) WHERE customer_key = ?"
    return int(work.execute(query, [customer_key]).fetchall()[0][0])


def _events(data: Path, folder: str) -> Path:
    return data / staging.EVENTS / folder / "events.parquet"


def _rejected(data: Path) -> list[Path]:
    return sorted((data / staging.REJECTED).glob("*.csv"))


def _lines(file: Path) -> Iterator[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        yield from csv.DictReader(stream)


def _is_of(row: dict[str, str], external_id: str) -> bool:
    return row["customer"] == external_id


def _scrub_rejected(file: Path, external_id: str, folder: Path) -> None:
    if not any(_is_of(row, external_id) for row in _lines(file)):
        return
    aside = folder / file.name
    with file.open(newline="", encoding="utf-8") as old, aside.open("w", newline="", encoding="utf-8") as new:
        rows = csv.DictReader(old)
        written = csv.DictWriter(new, rows.fieldnames or ())
        written.writeheader()
        written.writerows(row for row in rows if not _is_of(row, external_id))
    aside.chmod(0o600)
    staging.place(aside, file)
