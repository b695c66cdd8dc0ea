"""Where a figure comes from: the commit that was measured, with a mark if the tree had changes.

Results and pictures do not count as changes: measuring writes them.
"""

import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = (":!tests/benchmarks/results", ":!deploy/local/pictures")


def commit() -> str:
    """The short hash of HEAD; "+changes" where tracked files differ from it."""
    changed = _git("status", "--porcelain", "-uno", "--", ".", *WRITTEN)
    return _git("rev-parse", "--short", "HEAD") + ("+changes" if changed else "")


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions; a package whose files were only copied has none."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


def _git(*words: str) -> str:
    done = subprocess.run(("git", *words), cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
