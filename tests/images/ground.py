"""What the images are built from where no image registry is: a base of Debian's packages, and wheels.

``ALTROVE_TEST_BASE`` names an image to build on instead, for machines that reach a registry.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from tests.images.engine import Engine

ROOT: Final = Path(__file__).resolve().parents[2]
TARGETS: Final = ("node", "courier", "coordinator")
SUITE: Final = "bookworm"
BUILD_TOOLS: Final = ("setuptools>=77", "wheel")


def make_base(engine: Engine) -> str:
    """Name of an image with Python 3.11 and its venv module."""
    if named := os.environ.get("ALTROVE_TEST_BASE", ""):
        return named
    if shutil.which("mmdebstrap") is None:
        pytest.skip("mmdebstrap is not installed and ALTROVE_TEST_BASE names no image to build on")
    archive = engine.folder / "base.tar"
    words = (
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        "--include=python3,python3-venv",
        SUITE,
        str(archive),
    )
    engine.run(words, within_s=600)
    engine.podman("import", str(archive), "localhost/altrove-base:test", within_s=300)
    archive.unlink()
    return "localhost/altrove-base:test"


def collect_wheels(folder: Path) -> None:
    """Every wheel that a build asks for, from wherever this machine's pip gets them."""
    wanted = {
        line
        for target in TARGETS
        for line in subprocess.run(
            (sys.executable, "deploy/container/requirements.py", target),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    }
    words = (sys.executable, "-m", "pip", "wheel", "-qq", "--constraint", "constraints.txt")
    subprocess.run((*words, "--wheel-dir", str(folder), *sorted(wanted), *BUILD_TOOLS), cwd=ROOT, check=True)


@contextmanager
def package_index(folder: Path) -> Iterator[str]:
    """Serve the wheels in ``folder`` on the loopback; yields a pip.conf that knows nothing else."""
    handler: Any = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield f"[global]\nno-index = true\nfind-links = http://127.0.0.1:{server.server_port}/\n"
        server.shutdown()
        serving.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""
