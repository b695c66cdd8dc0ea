"""The kill matrix: every process killed, stopped and disconnected in every phase of a real round.

    python -m tests.matrix                              everything (make kill-matrix)
    python -m tests.matrix --only serverapp/*/kill      cells by name, with * and ?
    python -m tests.matrix --write                      and keep the rows for `python -m tests.matrix.table`

Rows are written as they come, so that an interrupted run keeps them.
"""

import argparse
import shutil
import sys
import tempfile
import time
from fnmatch import fnmatch
from pathlib import Path

from tests.matrix import table
from tests.matrix.cells import CELLS, Outcome
from tests.matrix.play import carried_again, play
from tests.matrix.stand import Stand
from tests.matrix.ways import WAYS


def main(words: list[str]) -> int:
    """Play the wanted cells; 0 when all are well."""
    said = argparse.ArgumentParser(prog="python -m tests.matrix")
    said.add_argument("--only", action="append", default=[], metavar="PROCESS/PHASE/KIND")
    said.add_argument("--keep", type=Path, help="folder for homes and logs, kept")
    said.add_argument("--write", action="store_true", help="write the rows where the results are kept")
    given = said.parse_args(words)

    def wanted(name: str) -> bool:
        return not given.only or any(fnmatch(name, pattern) for pattern in given.only)

    folder = given.keep or Path(tempfile.mkdtemp(prefix="altrove-matrix-"))
    began = time.monotonic()
    outcomes: list[Outcome] = []

    def note(outcome: Outcome) -> None:
        outcomes.append(outcome)
        print(line(outcome), flush=True)
        if given.write:
            table.write(outcomes, time.monotonic() - began)

    with Stand(folder / "stand") as stand:
        carried_again(stand, "set-up", time.monotonic())
        print(f"set up in {time.monotonic() - began:.0f} s: {folder}", flush=True)
        for cell in CELLS:
            if wanted(str(cell)):
                note(play(stand, cell))
        for name, way in WAYS.items():
            if wanted(name):
                note(way(stand))
    if not given.keep:
        shutil.rmtree(folder, ignore_errors=True)
    bad = [outcome for outcome in outcomes if not outcome.well]
    print(f"{len(outcomes) - len(bad)} well, {len(bad)} not; {time.monotonic() - began:.0f} s")
    return 1 if bad else 0


def line(outcome: Outcome) -> str:
    """One cell in one line."""
    mark = "" if outcome.well else "  <- NOT WELL"
    return (
        f"{outcome.cell:45} {outcome.outcome:12} over {outcome.over_s:5.1f} s by {outcome.route or '-':6} "
        f"carried {outcome.carried_s:5.1f} s (+{outcome.rounds_over_api}) wall {outcome.wall_s:5.1f} "
        f"{' '.join(outcome.causes)} {outcome.why} {' '.join((*outcome.audit, *outcome.orphans))}{mark}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
