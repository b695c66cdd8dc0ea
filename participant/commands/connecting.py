"""The command ``connect``: a company's own files, read into its node."""

from collections.abc import Sequence
from pathlib import Path

import typer

from participant.commands import shown
from participant.intake import ColumnMapping, read, read_shelf, read_surroundings
from participant.node import Node
from protocols.errors import BadInput


def connect(
    node: Node,
    *,
    sources: Sequence[Path],
    catalogue: Sequence[Path],
    shelf: Sequence[Path],
    surroundings: Sequence[Path],
    mapping: ColumnMapping,
    exclude: Sequence[str],
    dry_run: bool,
) -> None:
    """Read whatever is named, and say what came of each.

    Raises:
        BadInput: a catalogue by itself, of which nothing would be kept.
        UnknownColumn, EmptyFile, UnreadableFile, NothingKept, DiskFull, ImportRunning.
    """
    if catalogue and not (sources or shelf):
        raise BadInput(
            expected="purchases or a shelf beside the catalogue",
            came="a catalogue by itself",
            do="name the files of purchases as well: rows that are stored are recognised, new items are taken in",
        )
    vocabulary = node.standing.renew_vocabulary()
    typer.echo(f"Vocabulary {vocabulary.name!r} version {vocabulary.version}: {len(vocabulary):,} concepts.")
    if sources:
        report = read(
            sources,
            home=node.home.root,
            engine=node.db,
            mapping=mapping,
            catalogue=catalogue,
            excluded=exclude,
            concepts=frozenset(vocabulary.concepts),
            dry_run=dry_run,
        )
        shown.imported(report, dry=dry_run)
    if shelf:
        shelves = read_shelf(
            shelf,
            home=node.home.root,
            engine=node.db,
            mapping=mapping,
            catalogue=catalogue,
            dry_run=dry_run,
        )
        typer.echo(shelves.summary)
    if surroundings:
        days = read_surroundings(
            surroundings, home=node.home.root, engine=node.db, mapping=mapping, dry_run=dry_run
        )
        typer.echo(days.summary)
