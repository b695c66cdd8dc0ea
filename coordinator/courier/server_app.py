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
from concurrent.futures import Future, ThreadPoolExecutor
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
PULLERS = 8
"""Replies pulled at the same time at most; it bounds the memory and the load on the SuperLink."""
STEP_S = 0.1
"""Pause between two steps in which nothing moved."""
PAUSE_FIRST_S, PAUSE_MOST_S = 0.25, 1.0
"""Pause before the same reply is asked for again, doubling: a long training is not asked after in vain."""
RETRY_S = 0.5
"""Pause before bytes that the dock could not take yet (409, or no answer) are offered again."""
SEND_AGAIN_S = 1.0
"""Pause before an envelope is offered again that Flower did not take: it refuses a node that is
registered but has never been online, and takes it once the node's courier has come up."""

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


@dataclass
class Owed:
    """A reply that ``node`` owes: when to ask for it next, and the pull that is under way."""

    node: str
    next_try: float = 0.0
    pause_s: float = PAUSE_FIRST_S
    pull: Future[tuple[list[Message], int]] | None = None


@dataclass(kw_only=True)
class Lease:
    """Work: ``unsent`` nodes and when to try them, who owes which reply, what the dock has yet to take."""

    name: str
    round: int
    attempt: int
    until: float
    unsent: dict[int, float] = field(default_factory=dict)
    waiting: dict[str, Owed] = field(default_factory=dict)
    held: list[Delivery] = field(default_factory=list)

    def hold_vector(self, node: str, body: bytes) -> None:
        """Keep a node's sealed bytes until the dock has them."""
        self.held.append(Delivery("PUT", f"/dock/vectors/{self.round}/{self.attempt}/{node}", body))

    def hold_error(self, node: str, code: int, reason: str) -> None:
        """Keep the news that no bytes of a node come, until the dock has it."""
        target = f"/dock/vectors/{self.round}/{self.attempt}/{node}/error"
        self.held.append(Delivery("POST", target, json.dumps({"code": code, "reason": reason}).encode()))


class Carrier:
    """Carries leased work, one :meth:`step` after the other."""

    def __init__(self, grid: Grid, dock: Dock) -> None:
        self._grid = grid
        self._dock = dock
        self._leases: dict[str, Lease] = {}
        self._next_lease = 0.0
        self._next_offer = 0.0
        self._pool = ThreadPoolExecutor(max_workers=PULLERS, thread_name_prefix="pull")
        self._pulls: set[Future[tuple[list[Message], int]]] = set()

    def close(self) -> None:
        """Start no further pull."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def step(self) -> bool:
        """Lease, pull, deliver; whether anything moved."""
        moved = self._lease()
        moved |= self._send()
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
            lease.unsent = {int(node): 0.0 for node in work["nodes"]}
        except (KeyError, TypeError, ValueError):
            self._next_lease = time.monotonic() + LEASE_EVERY_S
            return False
        self._leases.setdefault(lease.name, lease)
        return True

    def _send(self) -> bool:
        """One envelope to each of exactly the leased nodes: round and attempt, nothing else."""
        now, moved = time.monotonic(), False
        for lease in self._leases.values():
            for node in [node for node, due in lease.unsent.items() if now >= due]:
                message_id = self._push(lease, node) if now < lease.until else ""
                if message_id is None:
                    lease.unsent[node] = time.monotonic() + SEND_AGAIN_S
                    continue
                del lease.unsent[node]
                moved = True
                if message_id:
                    lease.waiting[message_id] = Owed(str(node))
                else:
                    lease.hold_error(str(node), NOT_SENT, "Flower did not take the envelope")
        return moved

    def _push(self, lease: Lease, node: int) -> str | None:
        """The id of the message that Flower took, or None when it took none."""
        envelope = RecordDict({"envelope": ConfigRecord({"round": lease.round, "attempt": lease.attempt})})
        ttl_s = max(1.0, lease.until - time.monotonic())
        try:
            message = Message(envelope, dst_node_id=node, message_type="query", ttl=ttl_s)
            pushed = list(self._grid.push_messages([message]))
        except FLOWER_TROUBLE:
            return None
        return pushed[0] or None if pushed else None

    def _pull(self) -> bool:
        """Ask for each reply by itself, so that one reply at a time comes into memory and is handed on.

        Pulls run in a few threads, because Flower blocks in one while a node has announced its reply and
        not yet uploaded it: one slow node must hold up neither the others nor the polling of the dock.
        """
        now, moved = time.monotonic(), False
        self._pulls = {pull for pull in self._pulls if not pull.done()}
        for lease in self._leases.values():
            for message_id, owed in list(lease.waiting.items()):
                if owed.pull is not None and owed.pull.done():
                    moved |= self._settle(lease, message_id, owed, *owed.pull.result())
                    owed.pull = None
                elif now >= lease.until:
                    del lease.waiting[message_id]
                    lease.hold_error(owed.node, TIMED_OUT, "no reply within the time of the envelope")
                elif owed.pull is None and now >= owed.next_try and len(self._pulls) < PULLERS:
                    owed.pull = self._pool.submit(self._pull_one, message_id)
                    self._pulls.add(owed.pull)
        return moved

    def _settle(
        self, lease: Lease, message_id: str, owed: Owed, replies: list[Message], trouble: int
    ) -> bool:
        """Take what a pull brought; whether it brought anything."""
        ours = [reply for reply in replies if reply.metadata.reply_to_message_id == message_id]
        if not ours and trouble != UNREADABLE:
            owed.next_try = time.monotonic() + owed.pause_s
            owed.pause_s = min(2 * owed.pause_s, PAUSE_MOST_S)
            return False
        del lease.waiting[message_id]
        if ours:
            self._take(lease, owed.node, ours[0])
        else:
            lease.hold_error(owed.node, UNREADABLE, "the reply cannot be read")
        for other in lease.waiting.values():
            other.next_try, other.pause_s = 0.0, PAUSE_FIRST_S
        return True

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
        for lease in [one for one in self._leases.values() if not (one.unsent or one.waiting or one.held)]:
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
    try:
        while True:
            if not carrier.step():
                time.sleep(STEP_S)
    except Superseded:
        return
    finally:
        carrier.close()
