"""Flower's SuperLink in one process with two listeners: a public one for nodes, a private one for us.

The stock command serves the fleet, control and runtime paths on one port, and control has no
authentication in the open-source edition. Here the same app stands behind two uvicorn servers: the
private one (loopback) serves everything, the public one only the paths that a registered SuperNode
needs, through :class:`FleetOnly`. Run as a script with the stock arguments after two of its own:

``python -P superlink.py 0.0.0.0 9443 --host 127.0.0.1 --port 40001 --ssl-certfile ...``
"""

import asyncio
import base64
import contextlib
import functools
import importlib
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import uvicorn
from sqlalchemy import select

from protocols.service.patience import Hurried

if TYPE_CHECKING:
    from fastapi import FastAPI
    from flwr.server.superlink.linkstate.sql_linkstate import SqlLinkState
    from starlette.types import ASGIApp, Receive, Scope, Send

FLEET_PATHS: Final = frozenset(
    f"/v1/fleet/{name}"
    for name in (
        "activate-node",
        "deactivate-node",
        "send-node-heartbeat",
        "pull-messages",
        "push-messages",
        "get-run",
        "get-fab",
        "push-object",
        "pull-object",
        "confirm-message-received",
    )
)
"""What a SuperNode with a registered key calls. Registering, and everything else, is private."""

BODY_BYTES: Final = 6 * 2**20
"""Flower cuts arrays into objects of 5 MiB; a body above 6 MiB is not one of them."""


STRANGERS_PATH: Final = "/v1/fleet/activate-node"
"""Where Flower itself tells a SuperNode whose key is not registered that it cannot come in, and it ends."""

STRANGERS_BYTES: Final = 4096
"""A request to be activated holds a public key and little else."""


class FleetOnly:
    """ASGI filter: POST on :data:`FLEET_PATHS` with a stated length up to :data:`BODY_BYTES`, else 404.

    Flower reads a body before it asks who sent it, so strangers could fill its memory. Here ``knows`` is asked
    first (scope -> whether a registered key signed the request's time); 401 for everybody else, but for a
    short request to be activated.
    """

    def __init__(self, app: "ASGIApp", knows: Callable[["Scope"], bool]) -> None:
        self._app = app
        self._knows = knows

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass an allowed request on; ignore what is not HTTP."""
        if scope["type"] != "http":
            return
        status = 404
        if _allowed(scope):
            brief = scope["path"] == STRANGERS_PATH and _length(scope) <= STRANGERS_BYTES
            if brief or await asyncio.to_thread(self._knows, scope):
                await self._app(scope, receive, send)
                return
            status = 401
        headers = [(b"content-length", b"0"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def registered(app: "FastAPI") -> Callable[["Scope"], bool]:
    """Whether a request's headers carry the signed time of a registered node, as Flower checks it once more."""
    from flwr.common.constant import SYSTEM_TIME_TOLERANCE, TIMESTAMP_HEADER, TIMESTAMP_TOLERANCE
    from flwr.supercore.constant import FLEET_HTTP_PUBLIC_KEY_HEADER, FLEET_HTTP_SIGNATURE_HEADER
    from flwr.supercore.primitives.asymmetric import bytes_to_public_key, verify_signature
    from starlette.datastructures import Headers

    def knows(scope: "Scope") -> bool:
        headers = Headers(scope=scope)
        try:
            key = base64.b64decode(headers[FLEET_HTTP_PUBLIC_KEY_HEADER], validate=True)
            signature = base64.b64decode(headers[FLEET_HTTP_SIGNATURE_HEADER], validate=True)
            said = headers[TIMESTAMP_HEADER]
            age = (datetime.now(UTC) - datetime.fromisoformat(said)).total_seconds()
            timely = -SYSTEM_TIME_TOLERANCE < age < TIMESTAMP_TOLERANCE + SYSTEM_TIME_TOLERANCE
            state = app.state.linkstate_factory.state()
            return (
                timely
                and state.get_node_id_by_public_key(key) is not None
                and verify_signature(bytes_to_public_key(key), said.encode("ascii"), signature)
            )
        except (KeyError, ValueError, TypeError):
            return False

    return knows


def _allowed(scope: "Scope") -> bool:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return (
        scope["method"] == "POST"
        and scope["path"] in FLEET_PATHS
        and not any(name == b"transfer-encoding" for name, _ in scope["headers"])
        and len(lengths) == 1
        and lengths[0].isdigit()
        and _length(scope) <= BODY_BYTES
    )


def _length(scope: "Scope") -> int:
    return next(int(value) for name, value in scope["headers"] if name == b"content-length")


def let_back_in(state: type["SqlLinkState"]) -> None:
    """Let a courier that was killed come back at once, with the key that it registered.

    The stock SuperLink takes the killed process to be online for a minute after its last sign of life and
    refuses its successor for so long. Whoever activates a node has just proved to hold its key. The messages
    that the killed process took with it are deleted: the ServerApp is told that they are unavailable (error
    3) and sends them again, where it would have waited for their time to end.
    """
    stock = state.activate_node

    def activate_node(self: "SqlLinkState", node_id: int, heartbeat_interval: float) -> bool:
        active = stock(self, node_id, heartbeat_interval)
        active = active or (self.deactivate_node(node_id) and stock(self, node_id, heartbeat_interval))
        if active:
            self.delete_messages(unanswered(self, node_id))
        return active

    state.activate_node = activate_node  # type: ignore[method-assign]


def unanswered(state: "SqlLinkState", node_id: int) -> set[str]:
    """The ids of the messages that a node took and has not answered."""
    from flwr.supercore.state.schema.linkstate_models import MessageIns, MessageRes
    from flwr.supercore.utils import uint64_to_int64

    query = select(MessageIns.message_id).where(
        MessageIns.dst_node_id == uint64_to_int64(node_id),
        MessageIns.delivered_at != "",
        MessageIns.message_id.not_in(select(MessageRes.reply_to_message_id)),
    )
    with state.session() as session:
        return set(session.scalars(query))


class _Listener(uvicorn.Server):
    """A server whose signals are handled by the other one."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def _serve(private: uvicorn.Server, public: uvicorn.Server) -> None:
    """Serve both; when one ends the other ends too."""

    async def run(server: uvicorn.Server, other: uvicorn.Server) -> None:
        try:
            await server.serve()
        finally:
            other.should_exit = True

    await asyncio.gather(run(private, public), run(public, private))


def main(public_host: str, public_port: int) -> None:
    """Serve until a signal comes. ``sys.argv`` holds the stock arguments of ``flower-superlink``.

    The module is fetched by name because its package re-exports a function of the same name; the
    parser of its arguments is a private name of flwr 1.41, which is why that version is pinned.
    """
    stock = importlib.import_module("flwr.superlink.cli.flower_superlink")
    create_app = importlib.import_module("flwr.superlink.main").create_app
    logging.getLogger("flwr").addFilter(lambda record: "ControlServicer.List" not in str(record.msg))
    let_back_in(importlib.import_module("flwr.server.superlink.linkstate.sql_linkstate").SqlLinkState)
    config = stock._parse_superlink_lifespan_config()  # noqa: SLF001 - see above
    app = create_app(config, stock.SuperLinkLifespan)
    listen = functools.partial(
        uvicorn.Config,
        ssl_certfile=config.ssl_certfile,
        ssl_keyfile=config.ssl_keyfile,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    private = uvicorn.Server(listen(app, host=config.host, port=config.port))
    filtered = FleetOnly(app, registered(app))
    public = _Listener(listen(filtered, host=public_host, port=public_port, lifespan="off", http=Hurried))
    asyncio.run(_serve(private, public))


if __name__ == "__main__":
    host, port = sys.argv[1], int(sys.argv[2])
    del sys.argv[1:3]
    main(host, port)
