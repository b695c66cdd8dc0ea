"""Opening Parquet and CSV files in DuckDB, in bounded memory, without trusting any of them."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import duckdb

from participant.intake.faults import EmptyFile, UnreadableFile

SUFFIXES: Final = {".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".csv.gz": "csv", ".tsv.gz": "csv"}
MEMORY_LIMIT: Final = "512MB"
"""DuckDB spills to the import's own staging folder beyond this."""


def workbench(folder: Path, memory_limit: str = MEMORY_LIMIT) -> duckdb.DuckDBPyConnection:
    """A DuckDB database file in ``folder`` that stays within ``memory_limit`` and asks no network."""
    connection = duckdb.connect(str(folder / "work.duckdb"))
    connection.execute(f"SET memory_limit = '{memory_limit}'")
    connection.execute(f"SET temp_directory = {literal(str(folder / 'spill'))}")
    connection.execute("SET threads = 2")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET autoinstall_known_extensions = false")
    return connection


def literal(text: str) -> str:
    """A SQL string literal.

    >>> literal("O'Brien")
    "'O''Brien'"
    """
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A quoted SQL identifier.

    >>> identifier('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def expand(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Every file behind ``paths``: folders give their Parquet and CSV files, in order of name.

    Raises:
        UnreadableFile: nothing there, or a file of another kind.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(file for file in path.iterdir() if _kind(file))
        elif path.is_file() and _kind(path):
            files.append(path)
        else:
            raise UnreadableFile(
                expected="a Parquet or CSV file, or a folder of them",
                came=f"{path} ({'of another kind' if path.exists() else 'not there'})",
                do="check the path and its ending (.parquet, .csv, .csv.gz, .tsv)",
            )
    if not files:
        raise UnreadableFile(expected="at least one file", came="none", do="name the files to import")
    return tuple(files)


def digest(files: Sequence[Path], *extra: str) -> str:
    """SHA-256 over the files' contents and the settings of the import: the same import, the same digest."""
    whole = hashlib.sha256("\x00".join(extra).encode())
    for file in files:
        with file.open("rb") as stream:
            whole.update(hashlib.file_digest(stream, "sha256").digest())
    return whole.hexdigest()


def scan(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> str:
    """Return the SQL of a table function over ``files``, which must all be of one kind.

    Raises:
        UnreadableFile: mixed kinds, or bytes that are not what the ending says.
        EmptyFile: no row in any of them.
    """
    kinds = {_kind(file) for file in files}
    if len(kinds) != 1:
        raise UnreadableFile(
            expected="files of one kind", came="Parquet and CSV mixed", do="import them apart"
        )
    names = "[" + ", ".join(literal(str(file)) for file in files) + "]"
    if kinds == {"parquet"}:
        source = f"read_parquet({names}, union_by_name = true, filename = true)"
    else:
        if all(file.stat().st_size == 0 for file in files):
            raise EmptyFile(expected="at least one row", came=f"none in {files[0]}", do="check the export")
        source = (
            f"read_csv({names}, filename = true, all_varchar = true, header = true, store_rejects = true)"
        )
    try:
        rows = connection.execute(f"SELECT 1 FROM {source} LIMIT 1").fetchall()
    except duckdb.Error as error:
        raise UnreadableFile(
            expected=f"{kinds.pop()} files",
            came=str(error).splitlines()[0][:200],
            do="check the file by opening it with another tool",
        ) from error
    if not rows:
        raise EmptyFile(expected="at least one row", came="none", do="check the export")
    return source


def columns(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """Column names and DuckDB types of ``source``."""
    described = connection.execute(f"DESCRIBE SELECT * EXCLUDE (filename) FROM {source}").fetchall()
    return {str(row[0]): str(row[1]) for row in described}


def _kind(path: Path) -> str | None:
    endings = "".join(path.suffixes[-2:]).lower()
    return SUFFIXES.get(endings) or SUFFIXES.get(path.suffix.lower())
