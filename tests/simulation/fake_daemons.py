"""A dock and a door that teach what the daemons promise to the courier, over real unix sockets.

The dock hands out leases once per run and takes vectors by (round, attempt, node); the door hands out
sealed bytes once somebody has put them there. Both can be made to misbehave: that is their use.
"""

import contextlib
import http.server
import json
import socketserver
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from protocols.limits import PIECE_BYTES

STEP_S = 0.05


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    daemon: "UnixDaemon"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _UnixServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, reply = self.server.daemon.answer(self.command, parts.path, query, body)
        with contextlib.suppress(ConnectionError):  # a caller may hang up while it waits
            self.send_response(status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)
            self.wfile.flush()

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - names of the standard library

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        return


class UnixDaemon:
    """HTTP on a unix socket while the ``with`` block lasts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stopped = False

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._server = _UnixServer(str(self.path), _Handler)
        self.path.chmod(0o666)
        self._server.daemon = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped = True
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.path.unlink(missing_ok=True)

    def wait(self, condition, wait_s: float) -> bool:
        until = time.monotonic() + wait_s
        while not (done := condition()) and time.monotonic() < until and not self.stopped:
            time.sleep(STEP_S)
        return bool(done)


class FakeDoor(UnixDaemon):
    """Sealed bytes by (round, attempt), a piece at a time; ``closed`` answers 410 to everything."""

    def __init__(self, path: Path, piece: int = PIECE_BYTES) -> None:
        super().__init__(path)
        self.piece = piece
        self.offsets: list[int] = []
        self.sealed: dict[tuple[int, int], bytes] = {}
        self.asked: list[tuple[int, int]] = []
        self.closed = False

    def answer(self, method, path, query, body):
        if not path.startswith("/door/vectors/"):
            return 404, b""
        if method != "GET":
            return 405, b""
        key = tuple(map(int, path.split("/")[3:]))
        self.asked.append(key)
        self.wait(lambda: self.closed or key in self.sealed, float(query["wait_s"]))
        if self.closed:
            return 410, b""
        if key not in self.sealed:
            return 204, b""
        offset = int(query.get("offset", 0))
        self.offsets.append(offset)
        body = self.sealed[key][offset : offset + self.piece]
        return (200, body) if body else (410, b"")


@dataclass(frozen=True, kw_only=True)
class Work:
    """One lease on offer: ``size`` bytes from each node, ``piece`` bytes an envelope."""

    lease: str
    round: int
    attempt: int
    nodes: tuple[str, ...]
    size: int = 4_000
    piece: int = PIECE_BYTES
    ttl_s: float = 120.0


@dataclass
class FakeDock(UnixDaemon):
    """Serves one run at a time. ``no_header`` lists nodes whose header "is not accepted yet" (409)."""

    path: Path
    run_id: str = ""
    work: list[Work] = field(default_factory=list)
    vectors: dict[tuple[int, int, str], bytearray] = field(default_factory=dict)
    errors: dict[tuple[int, int, str], tuple[int, str]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    no_header: set[str] = field(default_factory=set)
    parts: dict[tuple[int, int, str], bytearray] = field(default_factory=dict)
    sizes: dict[tuple[int, int], int] = field(default_factory=dict)
    polls: list[str] = field(default_factory=list)
    broken: int = 0
    arrived: list[tuple[str, float]] = field(default_factory=list)
    on_poll: list = field(default_factory=list)
    stopped: bool = False
    _given: set[tuple[str, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method, path, query, body):
        if self.broken > 0:
            self.broken -= 1
            return 500, b""
        run = query.get("run_id", "")
        self.polls.append(run)
        for listener in self.on_poll:
            listener(run)
        if run != self.run_id:
            return 410, b""
        match [method, *path.strip("/").split("/")]:
            case ["POST", "dock", "lease"]:
                return self._lease(run, float(query["wait_s"]))
            case ["PUT", "dock", "vectors", round_, attempt, node]:
                if node in self.no_header:
                    return 409, b""
                return self._take((int(round_), int(attempt), node), int(query["offset"]), body)
            case ["POST", "dock", "vectors", round_, attempt, node, "error"]:
                told = json.loads(body)
                self.errors[int(round_), int(attempt), node] = (told["code"], told["reason"])
                return 200, b""
            case ["POST", "dock", "leases", lease, "done"]:
                self.done.append(unquote(lease))
                return 200, b""
        return 404, b""

    def _lease(self, run: str, wait_s: float) -> tuple[int, bytes]:
        def waiting():
            return [w for w in self.work if w.lease not in self.done and (run, w.lease) not in self._given]

        self.wait(lambda: waiting() or run != self.run_id, wait_s)
        if run != self.run_id:
            return 410, b""
        if not (offers := waiting()):
            return 204, b""
        work = offers[0]
        self._given.add((run, work.lease))
        self.sizes[work.round, work.attempt] = work.size
        have = {node: len(self.parts.get((work.round, work.attempt, node), b"")) for node in work.nodes}
        return 200, json.dumps(asdict(work) | {"have": have}).encode()

    def _take(self, key: tuple[int, int, str], offset: int, body: bytes) -> tuple[int, bytes]:
        """A piece counts if it begins where the others end, or before."""
        with self._lock:
            have, size = self.parts.setdefault(key, bytearray()), self.sizes[key[:2]]
            if offset <= len(have) < offset + len(body):
                have[offset:] = body
                if len(have) >= size:
                    self.vectors.setdefault(key, have)
                    self.arrived.append((key[2], time.monotonic()))
        return 200, json.dumps({"have": len(have), "size": size}).encode()
