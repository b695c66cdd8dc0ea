"""Tries everything that is not the courier's business and reports what came of each attempt.

It runs inside the courier as a ClientApp, so it imports Flower and the standard library only.
"""

import contextlib
import ctypes
import json
import os
import socket
import subprocess
from pathlib import Path

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

app = ClientApp()


def connect(family, address):
    with socket.socket(family) as peer:
        peer.settimeout(3)
        peer.connect(address)
    return "connected"


def door(path, request):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(10)
        peer.connect(path)
        peer.sendall(request.encode())
        return peer.recv(200).split(b"\r\n")[0].decode()


def environments():
    found = []
    for process in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(PermissionError):
            found += [part.split("=")[0] for part in process.read_text(errors="replace").split("\0") if part]
    return sorted(set(found))


def namespace():
    if ctypes.CDLL(None).unshare(0x10000000) != 0:  # CLONE_NEWUSER
        raise PermissionError
    return "every capability"


def fill(folder):
    """Bytes that fit into files of ``folder``; they are removed again."""
    files, filled = [Path(folder, f"hostile{number}") for number in range(64)], 0
    try:
        for file in files:
            with file.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
                for _ in range(16):
                    filled += stream.write(bytes(2**22))
    except OSError:
        if not filled:
            raise
    finally:
        for file in files:
            file.unlink(missing_ok=True)
    return filled


def fork():
    """How many processes can be made; they are ended again. Small ones: copies of this one would be too much memory."""
    made = []
    try:
        while len(made) < 1000:
            made.append(subprocess.Popen(["/usr/bin/sleep", "300"]))
    except BlockingIOError:
        return len(made)
    finally:
        for child in made:
            child.kill()
            child.wait()
    return len(made)


def attempts(targets):
    yield from (
        (f"read {path}", lambda path=path: Path(path).read_bytes()[:20].hex()) for path in targets["files"]
    )
    yield from (
        (f"list {path}", lambda path=path: sorted(each.name for each in Path(path).iterdir()))
        for path in targets["folders"]
    )
    yield from (
        (f"tcp {host}:{port}", lambda host=host, port=port: connect(socket.AF_INET, (host, port)))
        for host, port in targets["tcp"]
    )
    yield from ((f"unix {path}", lambda path=path: connect(socket.AF_UNIX, path)) for path in targets["unix"])
    yield "dns", lambda: socket.getaddrinfo("example.com", 443)[0][4][0]
    yield "udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53))
    yield "environment", lambda: sorted(os.environ)
    yield "environments", environments
    yield "user namespace", namespace
    yield "become root", lambda: os.setuid(0)
    yield "write system", lambda: Path("/usr/altrove").write_text("x")
    yield "write python", lambda: Path(os.__file__).with_name("altrove").write_text("x")
    yield "kill", lambda: os.kill(targets["pid"], 0)
    yield from (
        (f"door {request.split(' HTTP')[0]}", lambda request=request: door(targets["door"], request))
        for request in targets["requests"]
    )
    yield from ((f"fill {folder}", lambda folder=folder: fill(folder)) for folder in targets["disks"])
    yield "fork", fork


@app.query()
def attack(message: Message, context: Context) -> Message:
    findings = {"user": os.getuid()}
    for name, attempt in attempts(json.loads(str(context.run_config["targets"]))):
        try:
            findings[name] = attempt()
        except OSError as refusal:
            findings[name] = f"refused: {type(refusal).__name__}"
    said = ConfigRecord({"findings": json.dumps(findings)})
    return Message(RecordDict({"said": said}), reply_to=message)
