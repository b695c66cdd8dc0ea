"""What a hostile process tries inside a courier's container; prints what came of it as JSON.

Read by `python -` in the container, with the courier's user and rights, so it imports nothing of the tests.
Its one argument is JSON: ``tcp`` (host, port) to connect to, ``names`` to resolve, ``files`` to read.
"""

import ctypes
import json
import os
import socket
import sys
from pathlib import Path

HOME = Path("/var/lib/altrove")
PR_CAPBSET_READ, PR_GET_NO_NEW_PRIVS = 23, 39
CLONE_NEWNS_NEWUSER, MS_REMOUNT_BIND = 0x10020000, 0x1020


def status() -> dict[str, str]:
    """The kernel's word on this process: users, groups, capabilities, seccomp."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def reach(host: str, port: int) -> str:
    """Connect; "connected", or the error."""
    try:
        with socket.create_connection((host, port), timeout=3):
            return "connected"
    except OSError as error:
        return type(error).__name__


def resolve(name: str) -> str:
    """Ask for an address; the address, or the error."""
    try:
        return str(socket.getaddrinfo(name, 443)[0][4][0])
    except OSError as error:
        return type(error).__name__


def read(path: str) -> str:
    """Read a file; "read", or the error."""
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError as error:
        return type(error).__name__
    return "read"


def write(folder: str) -> str:
    """Make a file in ``folder``; "written", or the error."""
    try:
        path = Path(folder, ".hostile")
        path.write_text("x")
        path.unlink()
    except OSError as error:
        return type(error).__name__
    return "written"


def become_root() -> str:
    """Take root's id; "root", or the error."""
    try:
        os.setuid(0)
    except OSError as error:
        return type(error).__name__
    return "root"


def namespaced(libc: ctypes.CDLL, tried: dict[str, list[str]]) -> list[str]:
    """The same with every capability that a user namespace of its own gives, where the kernel lets it have one."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        libc.unshare(CLONE_NEWNS_NEWUSER)
        for point in (b"/", bytes(HOME / "run"), bytes(HOME / "courier")):
            libc.mount(None, point, None, MS_REMOUNT_BIND, None)
        got = [write(folder) for folder in tried["folders"]] + [read(path) for path in tried["files"]]
        got += [reach(host, int(port)) for host, port in tried["tcp"][:2]]
        os.write(writing, json.dumps(got).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        found: list[str] = json.loads(said.read())
    return found


def seen() -> dict[str, list[str]]:
    """Every file below the home that can be listed, by folder."""
    return {
        str(Path(folder).relative_to(HOME)): sorted(files)
        for folder, _, files in os.walk(HOME)
        if files or Path(folder) != HOME
    }


def mounts() -> dict[str, str]:
    """Mount point -> its first option, ro or rw, where something is mounted that is not the kernel's."""
    kernel = ("/proc", "/sys", "/dev")
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point, options = line.split()[4:6]
        if not point.startswith(kernel):
            found[point] = options.split(",")[0]
    return found


def ask_door(line: str) -> list[object]:
    """One request at the door: status, and the body as far as it says anything."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.settimeout(10)
        door.connect(str(HOME / "run" / "door.sock"))
        door.sendall(f"{line}\r\nHost: door\r\nConnection: close\r\n\r\n".encode())
        return answer(door)


def ask_fleet(line: str) -> list[object]:
    """One request through the pipe to the coordinator's fleet listener."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as pipe:
            pipe.settimeout(10)
            pipe.connect(str(HOME / "run" / "fleet.sock"))
            head = f"{line}\r\nHost: fleet\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
            pipe.sendall(f"{head}{{}}".encode())
            return answer(pipe)
    except OSError as error:
        return [type(error).__name__, 0]


def answer(connection: socket.socket) -> list[object]:
    """Status and length of the body of what comes back."""
    said = b""
    try:
        while piece := connection.recv(65536):
            said += piece
    except OSError as error:
        return [type(error).__name__, 0]
    head, _, body = said.partition(b"\r\n\r\n")
    return [int(head.split()[1]) if head else 0, len(body)]


def main(tried: dict[str, list[str]]) -> dict[str, object]:
    """Try everything."""
    libc = ctypes.CDLL(None)
    return {
        "status": status(),
        "bounding": [number for number in range(41) if libc.prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1],
        "no_new_privs": libc.prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
        "root": become_root(),
        "namespaced": namespaced(libc, tried),
        "interfaces": [name for _, name in socket.if_nameindex()],
        "tcp": {f"{host}:{port}": reach(host, int(port)) for host, port in tried["tcp"]},
        "names": {name: resolve(name) for name in tried["names"]},
        "files": {path: read(path) for path in tried["files"]},
        "seen": seen(),
        "mounts": mounts(),
        "writes": {folder: write(folder) for folder in tried["folders"]},
        "environment": sorted(
            word.partition("=")[0] for word in Path("/proc/1/environ").read_text().split("\0") if word
        ),
        "door": {line: ask_door(line) for line in tried["door"]},
        "fleet": {line: ask_fleet(line) for line in tried["fleet"]},
        "programs": [
            name for name in tried["programs"] if any(Path(p, name).exists() for p in os.get_exec_path())
        ],
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
