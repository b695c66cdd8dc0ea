"""The thin Flower ClientApp: fetch the sealed bytes at the node's door and hand them to Flower.

It runs alone inside the app bundle, in the courier, so it imports only Flower and the standard library.
It reads round, attempt and offset from the message and ignores everything else in it; it never learns what
the bytes mean. The envelope arrives before the answer exists, so it waits at the door; the door answers
204 (not yet), 200 (here are the bytes from the offset on, at most one piece of the vector and the same ones
at every call) or 410 (nothing comes).
"""

import http.client
import socket
import time

from flwr.app import Array, ArrayRecord, Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp

WAIT_S = 20
"""One long poll at the door."""
RETRY_S = 0.5
"""Pause when the door does not answer: the node's daemon restarts."""
CLOSED = 410
"""Error code of a reply without bytes; the reason is a constant, so that it says nothing more."""

app = ClientApp()


def ask(path: str, target: str, timeout_s: float) -> tuple[int, bytes]:
    """One GET at the door, a unix socket: (HTTP status, body); (503, b"") when nobody answers."""
    door = http.client.HTTPConnection("door", timeout=timeout_s)
    try:
        door.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        door.sock.settimeout(timeout_s)
        door.sock.connect(path)
        door.request("GET", target)
        reply = door.getresponse()
        return reply.status, reply.read()
    except (OSError, http.client.HTTPException):
        return 503, b""
    finally:
        door.close()


def wait_at_door(path: str, round_: int, attempt: int, offset: int, until: float) -> bytes:
    """The sealed bytes of (round, attempt) from ``offset`` on, one piece.

    Empty when the door is closed or ``until`` (unix s) passes.
    """
    while (left := until - time.time()) > 0:
        wait_s = max(1, int(min(WAIT_S, left)))
        target = f"/door/vectors/{round_}/{attempt}?offset={offset}&wait_s={wait_s}"
        status, body = ask(path, target, wait_s + 30)
        if status == 200 and body:
            return body
        if 400 <= status < 500:  # nothing comes, or no vector has such numbers
            return b""
        if status != 204:
            time.sleep(RETRY_S)
    return b""


@app.query()
def collect(message: Message, context: Context) -> Message:
    """Reply with one array ``y`` of raw bytes, which Flower streams in objects of at most 5 MiB.

    An envelope without three numbers is answered as a closed door is: what Python says of it would travel
    as the reason of Flower's own error.
    """
    try:
        envelope = message.content.config_records["envelope"]
        round_, attempt, offset = (int(str(envelope[name])) for name in ("round", "attempt", "offset"))
    except (LookupError, TypeError, ValueError):
        return Message(Error(CLOSED, "closed"), reply_to=message)
    until = message.metadata.created_at + message.metadata.ttl
    sealed = wait_at_door(str(context.node_config["door"]), round_, attempt, offset, until)
    if not sealed:
        return Message(Error(CLOSED, "closed"), reply_to=message)
    dtype, words = ("uint32", len(sealed) // 4) if len(sealed) % 4 == 0 else ("uint8", len(sealed))
    array = Array(dtype=dtype, shape=(words,), stype="raw", data=sealed)
    return Message(RecordDict({"y": ArrayRecord({"y": array})}), reply_to=message)
