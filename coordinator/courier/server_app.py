"""The thin Flower ServerApp: lease work at the dock, carry envelopes out and sealed bytes back.

It runs alone inside the app bundle, in the courier, so it imports only Flower and the standard library.
It decides nothing: the dock says which nodes get an envelope and for how long it is good; each reply is
pulled by itself and handed on as it comes; what it means is the daemon's business. A dock that answers
410 has a newer run: this one ends quietly. No failure of the dock, of Flower or of a reply ends the run.
"""

import http.client
import json
import socket
import time
import urllib.parse
from dataclasses import dataclass, field

import httpx
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp
from flwr.supercore.inflatable.inflatable_object import UnexpectedObjectContentError
from flwr.supercore.inflatable.inflatable_utils import ObjectPushError

LEASE_WAIT_S = 20
"""Long poll for work while nothing is outstanding."""
LEASE_EVERY_S = 1.0
"""Pause between questions for more work while replies are outstanding; it also says "I am alive"."""
SWEEP = 8
"""Replies asked for in one step; more nodes take turns, so that a waiting round costs little."""
PAUSE_FIRST_S, PAUSE_MOST_S = 0.25, 1.0
"""Pause between two steps in which nothing came, doubling: a long training is not asked after in vain."""
RETRY_S = 0.5
"""Pause before bytes that the dock could not take yet (409, or no answer) are offered again."""

TIMED_OUT, NOT_SENT, UNREADABLE = 408, 503, 422
"""Codes of the errors that this app finds itself; Flower's own codes are below 100."""

FLOWER_TROUBLE = (
    *(httpx.HTTPError, ObjectPushError, UnexpectedObjectContentError),
    *(ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError),
)
"""What a lost SuperLink or a reply that a member wrote by hand may raise inside Flower."""

app = ServerApp()


class Superseded(Exception):
    """The dock serves a newer run."""


class Dock:
    """The coordinator's daemon, as HTTP over a unix socket."""

    def __init__(self, path: str, run_id: int) -> None:
        self._path = path
        self._run_id = run_id

    def call(self, method: str, target: str, body: bytes = b"", timeout_s: float = 60.0) -> tuple[int, bytes]:
        """One request: (HTTP status, body); (503, b"") when nobody answers.

        Raises:
            Superseded: the dock says 410.
        """
        separator = "&" if "?" in target else "?"
        connection = http.client.HTTPConnection("dock", timeout=timeout_s)
        try:
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(timeout_s)
            connection.sock.connect(self._path)
            connection.request(method, f"{target}{separator}run_id={self._run_id}", body)
            reply = connection.getresponse()
            status, content = reply.status, reply.read()
        except (OSError, http.client.HTTPException):
            return 503, b""
        finally:
            connection.close()
        if status == 410:
            raise Superseded
        return status, content


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request that the dock has not taken yet."""

    method: str
    target: str
    body: bytes


@dataclass(kw_only=True)
class Lease:
    """Work: which node owes the reply to each outstanding message id, and what the dock has yet to take."""

    name: str
    round: int
    attempt: int
    until: float
    waiting: dict[str, str] = field(default_factory=dict)
    held: list[Delivery] = field(default_factory=list)

    def hold_vector(self, node: str, body: bytes) -> None:
        """Keep a node's sealed bytes until the dock has them."""
        self.held.append(Delivery("PUT", f"/dock/vectors/{self.round}/{self.attempt}/{node}", body))

    def hold_error(self, node: str, code: int, reason: str) -> None:
        """Keep the news that no bytes of a node come, until the dock has it."""
        target = f"/dock/vectors/{self.round}/{self.attempt}/{node}/error"
        self.held.append(Delivery("POST", target, json.dumps({"code": code, "reason": reason}).encode()))


class Carrier:
    """Carries leased work; one :meth:`step` after the other, in one thread."""

    def __init__(self, grid: Grid, dock: Dock) -> None:
        self._grid = grid
        self._dock = dock
        self._leases: dict[str, Lease] = {}
        self._next_lease = 0.0
        self._next_offer = 0.0

    def step(self) -> bool:
        """Lease, pull, deliver; whether anything moved."""
        moved = self._lease()
        moved |= self._pull()
        moved |= self._deliver()
        return self._close() or moved

    def _lease(self) -> bool:
        if time.monotonic() < self._next_lease:
            return False
        wait_s = 0 if self._leases else LEASE_WAIT_S
        status, body = self._dock.call("POST", f"/dock/lease?wait_s={wait_s}", timeout_s=wait_s + 30)
        idle = status == 204 and not self._leases
        self._next_lease = time.monotonic() + (0.0 if idle or status == 200 else LEASE_EVERY_S)
        if status != 200:
            return False
        try:
            work = json.loads(body)
            lease = Lease(
                name=str(work["lease"]),
                round=int(work["round"]),
                attempt=int(work["attempt"]),
                until=time.monotonic() + float(work["ttl_s"]),
            )
            nodes = [int(node) for node in work["nodes"]]
        except (KeyError, TypeError, ValueError):
            self._next_lease = time.monotonic() + LEASE_EVERY_S
            return False
        if lease.name not in self._leases:
            self._leases[lease.name] = lease
            self._send(lease, nodes, float(work["ttl_s"]))
        return True

    def _send(self, lease: Lease, nodes: list[int], ttl_s: float) -> None:
        """One envelope to each of exactly these nodes: round and attempt, nothing else."""
        for node in nodes:
            envelope = RecordDict(
                {"envelope": ConfigRecord({"round": lease.round, "attempt": lease.attempt})}
            )
            try:
                message = Message(envelope, dst_node_id=node, message_type="query", ttl=ttl_s)
                pushed = list(self._grid.push_messages([message]))
            except FLOWER_TROUBLE:
                pushed = []
            if pushed and pushed[0]:
                lease.waiting[pushed[0]] = str(node)
            else:
                lease.hold_error(str(node), NOT_SENT, "Flower did not take the envelope")

    def _pull(self) -> bool:
        """Ask for the replies one id at a time, so that one reply is in memory and handed on at a time."""
        moved = False
        for lease in self._leases.values():
            for message_id in list(lease.waiting)[:SWEEP]:
                node = lease.waiting.pop(message_id)
                replies, trouble = self._pull_one(message_id)
                ours = [reply for reply in replies if reply.metadata.reply_to_message_id == message_id]
                if ours:
                    self._take(lease, node, ours[0])
                    moved = True
                elif trouble == UNREADABLE:
                    lease.hold_error(node, UNREADABLE, "the reply cannot be read")
                    moved = True
                elif time.monotonic() >= lease.until:
                    lease.hold_error(node, TIMED_OUT, "no reply within the time of the envelope")
                else:
                    lease.waiting[message_id] = node
        return moved

    def _pull_one(self, message_id: str) -> tuple[list[Message], int]:
        try:
            return list(self._grid.pull_messages([message_id])), 0
        except (httpx.HTTPError, OSError):
            return [], NOT_SENT
        except FLOWER_TROUBLE:
            return [], UNREADABLE

    def _take(self, lease: Lease, node: str, reply: Message) -> None:
        """Keep the bytes of a reply until the dock has them, or report why there are none."""
        if reply.has_error():
            reason = (reply.error.reason or "").encode("ascii", "replace").decode("ascii")
            lease.hold_error(node, reply.error.code, reason[:300])
            return
        try:
            sealed = reply.content.array_records["y"]["y"].data
        except FLOWER_TROUBLE:
            lease.hold_error(node, UNREADABLE, "the reply carries no bytes")
            return
        lease.hold_vector(node, sealed)
        self._next_offer = 0.0

    def _deliver(self) -> bool:
        """Offer to the dock what it has not taken; 409 means that the header is not there yet."""
        if time.monotonic() < self._next_offer:
            return False
        moved = False
        for lease in self._leases.values():
            kept = []
            for delivery in lease.held:
                status, _ = self._dock.call(delivery.method, delivery.target, delivery.body)
                again = status in (409, 429) or status >= 500
                if again and time.monotonic() < lease.until:
                    kept.append(delivery)
                moved |= not again
            lease.held = kept
        self._next_offer = time.monotonic() + RETRY_S
        return moved

    def _close(self) -> bool:
        """Acknowledge finished leases; one that the dock did not hear about is acknowledged again later."""
        moved = False
        for lease in [one for one in self._leases.values() if not one.waiting and not one.held]:
            status, _ = self._dock.call(
                "POST", f"/dock/leases/{urllib.parse.quote(lease.name, safe='')}/done"
            )
            if status < 500 or time.monotonic() >= lease.until:
                del self._leases[lease.name]
                self._next_lease, moved = 0.0, True
        return moved


@app.main()
def carry(grid: Grid, context: Context) -> None:
    """Carry work until the dock serves a newer run."""
    carrier = Carrier(grid, Dock(str(context.run_config["dock"]), context.run_id))
    pause_s = PAUSE_FIRST_S
    try:
        while True:
            if carrier.step():
                pause_s = PAUSE_FIRST_S
                continue
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MOST_S)
    except Superseded:
        return
