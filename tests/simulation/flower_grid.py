"""Flower without processes: a Grid whose nodes are ClientApps in threads of this process.

It keeps what the thin apps rely on: message ids are object ids, replies are matched by
``reply_to_message_id``, an offline node's error comes from another source id with a reason that is not
ASCII, a crashed ClientApp is error 8, and silence is silence.

>>> grid = InProcessGrid({7: NodeApp(client_app, {"door": "/run/door.sock"})})  # doctest: +SKIP
>>> run_server_app(server_app, grid, {"dock": "/run/dock.sock"})  # doctest: +SKIP
"""

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

RUN_ID = 1
LOST, OFFLINE, CRASHED = 3, 5, 8


@dataclass
class NodeApp:
    """One node: its app, its configuration, and how it misbehaves.

    ``fault``: "" answers, "offline" and "crashed" come back as Flower's errors, "silent" never does.
    """

    app: ClientApp
    node_config: Mapping[str, str]
    fault: str = ""
    received: list[Message] = field(default_factory=list)


class InProcessGrid(Grid):
    """The nodes of one run. ``close()`` waits for the threads of its ClientApps."""

    def __init__(self, nodes: Mapping[int, NodeApp]) -> None:
        TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = RUN_ID
        self.nodes = dict(nodes)
        self.pushed: list[Message] = []
        self.lost_pulls = 0
        """So many next pulls fail as if the SuperLink were away."""
        self.crashes: dict[int, set[int]] = {}
        """By node, which of its messages (0 is the first) end in a crash of the ClientApp."""
        self.losses: dict[int, set[int]] = {}
        """By node, which of its messages a SuperNode takes along as it is killed."""
        self._run = Run.create_empty(RUN_ID)
        self._replies: dict[str, Future[Message]] = {}
        self._pool = ThreadPoolExecutor(max_workers=max(1, len(nodes)))
        self._lock = threading.Lock()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def run(self) -> Run:
        return replace(self._run)

    def set_run(self, run: Run) -> None:
        self._run = run

    def create_message(self, content: RecordDict, message_type, dst_node_id, group_id, ttl=None) -> Message:
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        return list(self.nodes)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        ids = []
        for message in messages:
            message_id = message.object_id
            message.metadata.__dict__["_message_id"] = message_id
            node = self.nodes.get(message.metadata.dst_node_id)
            if node is None:
                ids.append(None)
                continue
            self.pushed.append(message)
            self._replies[message_id] = self._pool.submit(self._answer, node, message)
            ids.append(message_id)
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        with self._lock:
            if self.lost_pulls > 0:
                self.lost_pulls -= 1
                raise OSError("the SuperLink is away")
        arrived = []
        for message_id in message_ids:
            future = self._replies.get(message_id)
            if future is not None and future.done() and (reply := future.result()) is not None:
                del self._replies[message_id]
                arrived.append(reply)
        return arrived

    def send_and_receive(self, messages: Iterable[Message], *, timeout=None) -> Iterable[Message]:
        ids = [message_id for message_id in self.push_messages(messages) if message_id]
        return [self._replies[message_id].result(timeout) for message_id in ids]

    def _answer(self, node: NodeApp, message: Message) -> Message | None:
        node.received.append(message)
        index, node_id = len(node.received) - 1, message.metadata.dst_node_id
        crashed = index in self.crashes.get(node_id, ())
        if node.fault == "silent":
            return None
        if node.fault == "offline":
            reply = Message(Error(OFFLINE, "Node Unavailable \N{EN DASH} offline"), reply_to=message)
            reply.metadata.__dict__["_src_node_id"] = RUN_ID
        elif index in self.losses.get(node_id, ()):
            reply = Message(Error(LOST, "Message Unavailable"), reply_to=message)
            reply.metadata.__dict__["_src_node_id"] = RUN_ID
        elif node.fault == "crashed" or crashed:
            reply = Message(Error(CRASHED, "ClientApp crashed"), reply_to=message)
        else:
            context = Context(
                run_id=RUN_ID,
                node_id=node_id,
                node_config=dict(node.node_config),
                state=RecordDict(),
                run_config={},
            )
            reply = node.app(message=message, context=context)
        reply.metadata.__dict__["_message_id"] = reply.object_id
        return reply


def run_server_app(app: ServerApp, grid: Grid, run_config: Mapping[str, str]) -> None:
    """Run ``app`` to its end in this thread."""
    app(
        grid=grid,
        context=Context(
            run_id=RUN_ID, node_id=RUN_ID, node_config={}, state=RecordDict(), run_config=dict(run_config)
        ),
    )
