"""Run the tests of one mutant after the other in a copy of the tree.

The parent imports what every test run needs but nothing of ours, and forks for each mutant: a run then takes
the time of its tests. A child has a limit of CPU seconds and of memory, so that a loaded machine never makes
a mutant look killed and an endless loop never stays.
"""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import hypothesis  # imported once, before the forks
import numpy as np  # noqa: F401
import pytest

from tests.mutation.modules import Module
from tests.mutation.operators import Mutant

ROOT = Path(__file__).resolve().parents[2]
CPU_SECONDS = 45
"""Three times what the slowest module's tests take on a busy machine."""
MEMORY_BYTES = 3 * 2**30
WALL_SECONDS = 1500
"""A child that a loaded machine starves this long is not judged."""
OPTIONS = (
    *("-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:socket", "-p", "no:timeout"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # hypothesis was imported before the fork
)


@contextlib.contextmanager
def copied() -> Iterator[Path]:
    """A copy of what the tests of ``protocols`` need, in a temporary folder."""
    listed = subprocess.run(
        ("git", "ls-files", "-z", "protocols", "tests/protocols", "README.md"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    with tempfile.TemporaryDirectory(prefix="altrove-mutants-") as folder:
        tree = Path(folder)
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).exists():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, tree / name)
        settings = (ROOT / "pyproject.toml").read_text()
        (tree / "pyproject.toml").write_text(settings.replace("\ntimeout", "\n# timeout"))
        yield tree


def killed_by(tree: Path, module: Module, mutant: Mutant) -> tuple[str, float]:
    """What noticed ``mutant``: the first test that failed, "cpu" or "wall" for a limit, "" for nothing; CPU s."""
    target = tree / module.path
    original = target.read_bytes()
    target.write_text(mutant.source)
    try:
        return verdict(tree, module.tests)
    finally:
        target.write_bytes(original)


def verdict(tree: Path, tests: tuple[str, ...], limit_s: int = CPU_SECONDS) -> tuple[str, float]:
    """Run ``tests`` in a child: "" if all pass, else the first that fails or the limit it ran into; CPU seconds."""
    log = tree / "run.log"
    child = os.fork()
    if child == 0:
        _run(tree, tests, log, limit_s)
    status, spent_s = _wait(child)
    return _words(status, log), spent_s


def _words(status: int | None, log: Path) -> str:
    if status is None:
        return "wall"
    if os.WIFSIGNALED(status):
        return "cpu" if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL) else "crash"
    if os.WEXITSTATUS(status) == 0:
        return ""
    said = log.read_text(errors="replace").splitlines()
    failed = [line.split(" - ")[0] for line in said if line.startswith(("FAILED ", "ERROR "))]
    return failed[0].removeprefix("FAILED ").removeprefix("ERROR ") if failed else "collection"


def _run(tree: Path, tests: tuple[str, ...], log: Path, limit_s: int) -> None:
    """In the child: the tree instead of the repository, then pytest; never returns."""
    code = 70
    try:
        with log.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 5))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        os.chdir(tree)
        sys.dont_write_bytecode = True
        sys.path[:] = [str(tree), *(path for path in sys.path if path and Path(path).resolve() != ROOT)]
        for name in [name for name in sys.modules if name.split(".")[0] in ("tests", "protocols")]:
            del sys.modules[name]
        hypothesis.settings.register_profile(
            "unhurried",
            deadline=None,  # a busy machine must not make a mutant look killed
            suppress_health_check=[hypothesis.HealthCheck.too_slow],
        )
        hypothesis.settings.load_profile("unhurried")
        code = int(pytest.main([*OPTIONS, f"--rootdir={tree}", "--hypothesis-seed=0", *tests]))
    except BaseException:  # noqa: BLE001  # the log is all that leaves a child
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int) -> tuple[int | None, float]:
    """The child's status, None if it had to be killed, and the CPU seconds that it took."""
    end = time.monotonic() + WALL_SECONDS
    while time.monotonic() < end:
        done, status, used = os.wait4(child, os.WNOHANG)
        if done:
            return status, used.ru_utime + used.ru_stime
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    _, _, used = os.wait4(child, 0)
    return None, used.ru_utime + used.ru_stime
