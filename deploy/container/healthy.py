"""Exit 0 when the container that this runs in is well; else say what is not, and exit 1.

``python healthy.py node``. It imports nothing of the product, so that it stays quick and works in all
three images. A node is well when its process answers (whether it reaches the coordinator is for
``/readyz``: a container must not be restarted for somebody else's outage).
"""

import contextlib
import http.client
import os
import socket
import sys
import tomllib
from pathlib import Path
from typing import Any

TIMEOUT_S = 4.0
PROGRAMS = ("flower-supernode", "flower-superexec")
DOORS = ("door.sock", "fleet.sock")


def main(target: str) -> str:
    """What is wrong with ``target``; an empty string when all is well."""
    if target == "node":
        home = Path(os.environ["ALTROVE_NODE_HOME"])
        listen = table(home / "node.toml").get("listen", {})
        host = os.environ.get("ALTROVE_NODE_LISTEN__HOST") or listen.get("host", "127.0.0.1")
        return alive(host, int(os.environ.get("ALTROVE_NODE_LISTEN__PORT") or listen.get("port", 8470)))
    if target == "coordinator":
        home = Path(os.environ["ALTROVE_COORDINATOR_HOME"])
        chosen = table(home / "coordinator.toml")
        host = os.environ.get("ALTROVE_COORDINATOR_ADMIN_HOST") or chosen.get("admin_host", "127.0.0.1")
        port = os.environ.get("ALTROVE_COORDINATOR_ADMIN_PORT") or chosen.get("admin_port", 7400)
        return alive(host, int(port))
    if target == "courier":
        return missing() or silent(Path(os.environ["ALTROVE_NODE_HOME"]) / "run")
    return f"expected node, courier or coordinator; came: {target}"


def table(file: Path) -> dict[str, Any]:
    """The settings in ``file``; none when there is no such file yet."""
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


def alive(host: str, port: int) -> str:
    """Ask the daemon whether it lives."""
    asked = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        asked.request("GET", "/healthz")
        status = asked.getresponse().status
    except (OSError, http.client.HTTPException) as trouble:
        return f"http://{host}:{port}/healthz: {trouble}"
    finally:
        asked.close()
    return "" if status == 200 else f"http://{host}:{port}/healthz: status {status}"


def missing() -> str:
    """Whether Flower's two programs run in this container."""
    running = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has just ended
            running += path.read_bytes()
    gone = [program for program in PROGRAMS if program.encode() not in running]
    return f"not running: {', '.join(gone)}" if gone else ""


def silent(folder: Path) -> str:
    """Whether the node's daemon holds its two sockets open."""
    for name in DOORS:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(TIMEOUT_S)
            try:
                probe.connect(str(folder / name))
            except OSError as trouble:
                return f"{folder / name}: {trouble}"
    return ""


if __name__ == "__main__":
    wrong = main(sys.argv[1] if len(sys.argv) == 2 else "nothing")
    if wrong:
        sys.exit(wrong)
