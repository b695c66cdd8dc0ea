"""Remove everything the demo wrote, after ending what it left running."""

import shutil
from pathlib import Path

from rich.console import Console

from deploy.local.faults import AlreadyThere
from deploy.local.processes import end, left_behind

MARKER = ".altrove-demo"
"""Only a folder with this file in it is ever removed."""


def mark(home: Path) -> None:
    """Say that this folder belongs to the demo.

    Raises:
        AlreadyThere: the folder holds something else.
    """
    if home.exists() and any(home.iterdir()) and not (home / MARKER).exists():
        raise AlreadyThere(
            expected=f"an empty folder or an earlier demo at {home}",
            came="other files",
            do="name another folder with --home",
        )
    home.mkdir(parents=True, exist_ok=True)
    (home / MARKER).write_text("Written by `make demo`, removed by `make demo-clean`.\n")


def clean(home: Path, console: Console) -> None:
    """End what still runs and remove the folder; a folder that is not the demo's is left alone."""
    if not (home / MARKER).exists():
        console.print(f"Nothing to remove: no demo at {home}.")
        return
    running = left_behind(home)
    end(running)
    shutil.rmtree(home)
    ended = f" and ended {len(running)} processes it had left running" if running else ""
    console.print(f"Removed {home}{ended}.")


def forget_earlier_run(home: Path) -> None:
    """Remove what an earlier, ended run wrote, but keep the prepared data."""
    for path in home.iterdir():
        if path.name in (MARKER, "data"):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
