"""What both couriers share: the environment, the secret and the ports of Flower's processes.

It starts nothing and imports no Flower. The environment is explicit: a Flower process sees these
variables and none of the daemon's.
"""

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SECRET_BYTES: Final = 32
"""Between a SuperLink or SuperNode and its SuperExec, so that nobody else on the machine takes a task."""


def entry_point(name: str) -> str:
    """The command ``name`` of the environment that this daemon runs in, whatever PATH says."""
    return str(Path(sys.executable).with_name(name))


COLLECTING: Final = """
import gc, runpy, sys, threading, time

def collect():
    gc.collect()
    gc.freeze()
    while True:
        time.sleep(5)
        gc.collect()

sys.argv = sys.argv[1:]
timer = threading.Timer(10, collect)
timer.daemon = True
timer.start()
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def collecting(name: str) -> tuple[str, ...]:
    """The command ``name`` with the garbage of its cycles collected every five seconds.

    SuperNode leaves a third of what it carried in cycles of futures and byte strings, which Python's own
    collector does not see as much: 460 MB after 950 MB carried, against 140 MB. What is there ten seconds
    after the start is frozen, so that a collection takes under ten milliseconds instead of 400.
    """
    return (sys.executable, "-P", "-c", COLLECTING, entry_point(name))


def environment(home: Path) -> Mapping[str, str]:
    """The whole environment of one Flower process with ``home`` as its own folder.

    Telemetry, the update check and the installation of an app's dependencies are off. PATH starts with
    our own commands, because SuperExec starts ``flwr-clientapp`` and ``flwr-serverapp`` by name. The three
    MALLOC settings give the pieces of a large vector back to the system once they have passed.
    """
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "FLWR_HOME": str(home / "flwr"),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": "1048576",
        "MALLOC_TRIM_THRESHOLD_": "1048576",
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
    }


def write_secret(path: Path, secret: bytes) -> None:
    """Write ``secret``, :data:`SECRET_BYTES` of them, for this user alone."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)


def free_port() -> int:
    """A TCP port of the loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
