"""What the thin apps read: the envelope in the ClientApp; a reply, and the dock's lease, in the ServerApp.

Flower decodes its own objects; what is looked for is what the apps do with whatever comes out. They may raise
nothing at all.
"""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache
from hashlib import sha256
from types import SimpleNamespace
from unittest.mock import patch

from flwr.app import Context, Message, RecordDict
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents
from flwr.supercore.task_identity import TaskIdentity

from coordinator.courier.server_app import Carrier
from participant.courier import client_app
from protocols.errors import MalformedMessage

CLASSES = ("Message", "RecordDict", "ArrayRecord", "ConfigRecord", "MetricRecord", "Array", "ArrayChunk")
NODE = 2**63 + 5
SIZE, PIECE = 64, 64
VECTOR = re.compile(r"/door/vectors/-?[0-9]+/-?[0-9]+\?offset=-?[0-9]+&wait_s=[0-9]+")
"""The one thing that the ClientApp asks for."""
MOST_STEPS = 12
"""Steps after which a carrier has taken whatever a pull brought."""


class Broken(Exception):
    """Something other than what is promised came out."""


def objects(data: bytes) -> bytes | dict[str, bytes]:
    """Deflated Flower objects by their id, the root last.

    Each is a class, the number of its children and which earlier objects these are (a byte each), then the
    length (4 bytes) and the body, in which "@" and a digit stand for an earlier object's id.
    """
    found: dict[str, bytes] = {}
    ids: list[str] = []
    at = 0
    while at + 2 <= len(data) and len(ids) < 10:
        name, count = CLASSES[data[at] % len(CLASSES)], data[at + 1] % 8
        at += 2
        children = [ids[each % len(ids)] for each in data[at : at + count]] if ids else []
        at += count
        length = int.from_bytes(data[at : at + 4])
        at += 4
        body = data[at : at + length]
        at += length
        for index, known in enumerate(ids):
            body = body.replace(b"@%d" % index, known.encode())
        whole = f"{name} {','.join(children)} {len(body)}".encode() + b"\0" + body
        ids.append(sha256(whole).hexdigest())
        found.pop(ids[-1], None)
        found[ids[-1]] = whole
    return found


def packed(*each: tuple[str, Sequence[int], bytes]) -> bytes:
    """The input of :func:`objects` for (class, children, body)."""
    return b"".join(
        bytes([CLASSES.index(name), len(children), *children]) + len(body).to_bytes(4) + body
        for name, children, body in each
    )


def inflated(data: bytes) -> Message:
    """The message that Flower makes of ``data``.

    Raises:
        Exception: whatever Flower raises where it is none, as it would in a pull.
    """
    found = objects(data)
    message = inflate_object_from_contents(list(found)[-1], found)
    if not isinstance(message, Message):
        raise TypeError("Expected object of type Message")
    return message


def envelope(data: bytes) -> None:
    """A message to the ClientApp: it replies, and asks the door for nothing but a vector by its numbers."""
    try:
        message = inflated(data)
    except Exception:  # noqa: BLE001  # Flower's business: no app sees it
        raise refused("a message that Flower reads") from None
    asked: list[str] = []

    def ask(_path: str, target: str, _timeout_s: float) -> tuple[int, bytes]:
        asked.append(target)
        return 200, b"sealed"

    with patch.object(client_app, "ask", ask):
        reply = client_app.collect(message, _context())
    if reply.has_error():
        if asked or (reply.error.code, reply.error.reason) != (410, "closed"):
            raise Broken(f"{reply.error} after {asked}")
        raise refused("round, attempt and offset")
    if len(asked) != 1 or reply.content.array_records["y"]["y"].data != b"sealed":
        raise Broken(f"asked {asked}")
    if not VECTOR.fullmatch(asked[0]):
        raise Broken(asked[0])


def reply(data: bytes) -> None:
    """A reply to the ServerApp's one envelope: its bytes, or one report of an error, reach the dock."""
    heard = carried(work(NODE), data)
    puts, reports = heard["PUT"], heard["POST"]
    if reports:
        from coordinator.api.dock import CourierError
    for body in reports:
        CourierError.model_validate_json(body)
    if len(puts) + len(reports) > 1:
        raise Broken(f"{len(puts)} pieces and {len(reports)} reports of one reply")
    if not puts:
        raise refused("a piece" if reports else "a reply to this envelope")


def lease(data: bytes) -> None:
    """Work as the dock words it is read, or passed over."""
    if not carried(data, b"")["pushed"]:
        raise refused("work")


def work(node: int) -> bytes:
    """A lease of one vector of one node, as the dock words it."""
    sizes = b'"size":%d,"piece":%d,"ttl_s":30}' % (SIZE, PIECE)
    return b'{"lease":"l","round":1,"attempt":1,"nodes":["%d"],"have":{},' % node + sizes


def carried(given: bytes, data: bytes) -> dict[str, list[bytes]]:
    """What a dock that leases ``given`` once hears, when every envelope is answered by ``data``."""
    heard: dict[str, list[bytes]] = {"PUT": [], "POST": [], "pushed": []}
    leased = [given]

    def call(method: str, target: str, body: bytes = b"", timeout_s: float = 0.0) -> tuple[int, bytes]:
        del timeout_s
        target.encode("ascii")  # as the HTTP client does
        if target.startswith("/dock/lease?"):
            return (200, leased.pop()) if leased else (204, b"")
        if not target.endswith("/done"):
            heard[method].append(bytes(body))
        whole = method == "PUT" and len(body) == SIZE
        return (
            (200, b'{"have":%d,"size":%d}' % (SIZE, SIZE))
            if whole
            else (200 if method == "POST" else 422, b"")
        )

    def push(messages: Sequence[Message]) -> list[str]:
        numbers = range(len(heard["pushed"]), len(heard["pushed"]) + len(messages))
        heard["pushed"] += [each.object_id.encode() for each in messages]
        return [f"m{number or ''}" for number in numbers]

    TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1
    grid = SimpleNamespace(push_messages=push, pull_messages=lambda _ids: [inflated(data)])
    carrier = Carrier(grid, SimpleNamespace(call=call))  # type: ignore[arg-type]
    carrier._pool = _AtOnce()  # type: ignore[assignment]
    for _ in range(MOST_STEPS):
        carrier._next_error = 0.0  # without the pause between two reports
        if not carrier.step():
            break
    return heard


class _AtOnce:
    """An executor without threads."""

    @staticmethod
    def submit(work: Callable[..., object], *given: object) -> Future[object]:
        done: Future[object] = Future()
        done.set_result(work(*given))
        return done


@cache
def _context() -> Context:
    return Context(run_id=1, node_id=NODE, node_config={"door": "door"}, state=RecordDict(), run_config={})


def refused(expected: str) -> MalformedMessage:
    return MalformedMessage(expected=expected, came="another", do="refuse it")
