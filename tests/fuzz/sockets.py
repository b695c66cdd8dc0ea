"""Requests at the two unix sockets: the node's door and the coordinator's dock, as their real apps answer.

A courier may write what it likes there. Nothing from 500 on may come back.
"""

import asyncio
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

from coordinator.app import build_apps
from coordinator.store.members import Members
from participant.api.door import door_router
from participant.door import Carriage
from protocols.service.app import create_app
from protocols.service.jobs import Jobs
from protocols.service.unit_of_work import transaction
from tests.fuzz.couriers import SIZE, Broken, refused

RUN = "run-1"


def door_request(data: bytes) -> None:
    """A request at the door's socket: method and target in the first line, then the body."""
    _answered(_door(), data)


def dock_request(data: bytes) -> None:
    """A request at the dock's socket, of a round that takes vectors, on the coordinator's real app."""
    _answered(_dock(), data)


def _answered(app: object, data: bytes) -> None:
    line, _, body = data.partition(b"\n")
    method, _, target = line.partition(b" ")
    if not (method.isalpha() and target.startswith(b"/") and target.isascii()):
        raise refused("a request line")
    path, _, query = target.partition(b"?")
    scope = {
        "type": "http",
        "method": method.decode().upper(),
        "scheme": "http",
        "path": unquote(path.decode()),
        "raw_path": path,
        "query_string": query,
        "server": ("door", None),
        "client": None,
        "headers": [(b"host", b"door"), (b"content-type", b"application/json")],
    }
    status = _loop().run_until_complete(_status(app, scope, body))
    if status >= 500:
        raise Broken(f"answered {status}")
    if status >= 300:
        raise refused(f"a request that is answered, not by {status}")


async def _status(app: object, scope: dict[str, object], body: bytes) -> int:
    said: list[int] = []
    rest = [{"type": "http.request", "body": body}]

    async def receive() -> dict[str, object]:
        return rest.pop() if rest else {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            said.append(int(str(message["status"])))

    await app(scope, receive, send)  # type: ignore[operator]
    if len(said) != 1:
        raise Broken(f"{len(said)} answers")
    return said[0]


class _Looks:
    """A bell that nobody waits for."""

    @staticmethod
    async def wait(look: Callable[[], object], *, seconds: float) -> object:
        del seconds
        return look()


class _Piece:
    size_bytes, is_last = SIZE, True

    @staticmethod
    def read() -> list[bytes]:
        return [bytes(SIZE)]


@cache
def _door() -> object:
    states = {(1, 1): Carriage.READY, (1, 2): Carriage.NOT_YET}
    door = SimpleNamespace(
        carriage=lambda number, attempt: states.get((number, attempt), Carriage.CLOSED),
        piece=lambda number, attempt, *, offset: _Piece(),
    )
    exchange = SimpleNamespace(is_over=lambda number, attempt: False, fetched=lambda *_, is_last: None)
    return create_app("door", routers=(door_router(door, exchange, _Looks()),), describes_itself=False)  # type: ignore[arg-type]


@cache
def _dock() -> object:
    from tests.simulation.rig import founded

    rig = founded(Path(tempfile.mkdtemp(prefix="altrove-fuzz-")) / "home")
    with transaction(rig.services.db) as connection:
        for index, member in enumerate(rig.members):
            Members(connection).set_flower_node(member.id, str(1000 + index))
    rig.services.dock.serve_run(RUN)
    rig.ask()
    for member in rig.members:
        member.withholds_bytes = True
    for _ in range(3):
        rig.turn()
    rig.services.news.changes = _Looks()  # type: ignore[assignment]
    return build_apps(rig.services, Jobs(rig.clock)).dock


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()
