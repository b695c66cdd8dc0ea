"""The thin Flower ServerApp: lease work at the dock, carry envelopes out and sealed bytes back.

It runs alone inside the app bundle, in the courier, so it imports only Flower, the standard library and the
files beside it.
It decides nothing: the dock says which nodes get envelopes, for how long they are good and from which byte
on a vector is owed. An envelope asks for one piece; each reply is pulled by itself and handed on as it comes,
and the dock's answer says where to go on. What it means is the daemon's business. A dock that answers
410 has a newer run: this one ends quietly. No failure of the dock, of Flower or of a reply ends the run.
"""

import http.client
import json
import os
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

from .passages import Held, Lease, Owed, Passage
from .replies import NOT_SENT, TROUBLE, UNREADABLE, bound_flower, pull

LEASE_WAIT_S = 20
"""Long poll for work while nothing is outstanding."""
LEASE_EVERY_S = 1.0
"""Pause between questions for more work while replies are outstanding; it also says "I am alive"."""
PARENT_EVERY_S = 1.0
"""How often it is looked whether the SuperExec that started this process is still there."""
PULLERS = 8
"""Replies pulled at the same time at most: it bounds the load on the SuperLink."""
MEMORY_BYTES = 128 * 2**20
"""Pieces in memory at the same time at most: four of 32 MiB, however many nodes there are."""
HOLD_S = 5.0
"""How long a piece is kept whose header the dock has not accepted, before the node is asked again."""
STEP_S = 0.1
"""Pause between two steps in which nothing moved."""
RETRY_S = 0.5
"""Pause before bytes that the dock could not take yet (409, or no answer) are offered again."""
SEND_AGAIN_S = 1.0
"""Pause before an envelope is offered again that Flower did not take: it refuses a node that is
registered but has never been online, and takes it once the node's courier has come up."""

TIMED_OUT = 408
"""Code of an error that this app finds itself, as those of :mod:`.replies`."""
LOST = 3
"""Flower's own code of a message that is gone: its SuperNode was killed and took it along."""
FLOWERS_OWN = 100
"""Flower's own error codes are below this."""

NO_WORDS = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What a body that is not the JSON that it should be may raise."""

BODIES = {"POST": "application/json", "PUT": "application/octet-stream"}
"""What a body is, by method: the dock reads no JSON that does not say so."""

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
            kind = {"Content-Type": BODIES[method]}
            connection.request(method, f"{target}{separator}run_id={self._run_id}", body, kind)
            reply = connection.getresponse()
            status, content = reply.status, reply.read()
        except (OSError, http.client.HTTPException):
            return 503, b""
        finally:
            connection.close()
        if status == 410:
            raise Superseded
        return status, content


class Carrier:
    """Carries leased work, one :meth:`step` after the other."""

    def __init__(self, grid: Grid, dock: Dock) -> None:
        self._grid = grid
        self._dock = dock
        self._leases: dict[str, Lease] = {}
        self._next_lease = 0.0
        self._next_error = 0.0
        self._pool = ThreadPoolExecutor(max_workers=PULLERS, thread_name_prefix="pull")
        self._pulls: dict[Future[tuple[list[Message], int]], int] = {}

    def close(self) -> None:
        """Start no further pull."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def step(self) -> bool:
        """Lease, pull, deliver; whether anything moved."""
        moved = self._lease()
        moved |= self._send()
        moved |= self._pull()
        moved |= self._offer()
        moved |= self._report()
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
            lease = Lease.read(body)
        except NO_WORDS:
            self._next_lease = time.monotonic() + LEASE_EVERY_S
            return False
        self._leases.setdefault(lease.name, lease)
        return True

    def _passages(self) -> list[tuple[Lease, Passage]]:
        return [
            (lease, passage)
            for lease in self._leases.values()
            for passage in lease.passages
            if not passage.over
        ]

    def _send(self) -> bool:
        """Envelopes to exactly the leased nodes: round, attempt and offset, nothing else.

        One is ahead of the one that is being answered: SuperNode handles one message at a time, and
        sleeps when no other is waiting.
        """
        moved = False
        for lease, passage in self._passages():
            while (offset := passage.wanted()) is not None and (now := time.monotonic()) >= passage.send_at:
                if now >= lease.until:
                    lease.fail(passage, NOT_SENT, "Flower did not take the envelope")
                elif message_id := self._push(lease, passage.node, offset):
                    passage.waiting[message_id] = Owed(offset=offset)
                    moved = True
                else:
                    passage.send_at = now + SEND_AGAIN_S
        return moved

    def _push(self, lease: Lease, node: int, offset: int) -> str | None:
        """The id of the message that Flower took, or None when it took none."""
        said = ConfigRecord({"round": lease.round, "attempt": lease.attempt, "offset": offset})
        envelope = RecordDict({"envelope": said})
        ttl_s = max(1.0, lease.until - time.monotonic())
        try:
            message = Message(envelope, dst_node_id=node, message_type="query", ttl=ttl_s)
            pushed = list(self._grid.push_messages([message]))
        except TROUBLE:
            return None
        return pushed[0] or None if pushed else None

    def _pull(self) -> bool:
        """Ask for each reply by itself, so that one piece at a time comes into memory and is handed on.

        Pulls run in a few threads, because Flower blocks in one while a node has announced its reply and
        not yet uploaded it: one slow node must hold up neither the others nor the polling of the dock.
        What they bring, with what the dock has yet to take, stays within ``MEMORY_BYTES``.
        """
        now, moved = time.monotonic(), False
        self._pulls = {each: cost for each, cost in self._pulls.items() if not each.done()}
        for lease, passage in self._passages():
            if (first := passage.first_owed()) is None:
                continue
            message_id, owed = first
            if owed.pull is not None and owed.pull.done():
                moved |= self._settle(lease, passage, message_id, *owed.pull.result())
                owed.pull = None
            elif now >= lease.until:
                lease.fail(passage, TIMED_OUT, "no reply within the time of the envelope")
            elif owed.pull is None and now >= owed.next_try and self._has_room(passage.cost(owed)):
                owed.pull = self._pool.submit(pull, self._grid, message_id, passage.piece)
                self._pulls[owed.pull] = passage.cost(owed)
        return moved

    def _has_room(self, cost: int) -> bool:
        held = sum(len(each.body) for _, passage in self._passages() for each in passage.held)
        taken = held + sum(self._pulls.values())
        return len(self._pulls) < PULLERS and (not taken or taken + cost <= MEMORY_BYTES)

    def _settle(
        self, lease: Lease, passage: Passage, message_id: str, replies: list[Message], trouble: int
    ) -> bool:
        """Take what a pull brought; whether it brought anything."""
        owed = passage.waiting[message_id]
        ours = [reply for reply in replies if reply.metadata.reply_to_message_id == message_id]
        if not ours and trouble != UNREADABLE:
            owed.later()
            return False
        del passage.waiting[message_id]
        if ours:
            self._take(lease, passage, owed.offset, ours[0])
        else:
            lease.fail(passage, UNREADABLE, "the reply cannot be read")
        for other in lease.passages:
            for each in other.waiting.values():
                each.soon()
        return True

    def _take(self, lease: Lease, passage: Passage, offset: int, reply: Message) -> None:
        """Keep the bytes of a reply until the dock has them; an error ends the passage.

        Unless the envelope was lost, or pieces came before: then a courier died in mid-vector, and is asked
        again until time is up.
        """
        if reply.has_error() and reply.error.code == LOST:
            passage.later()
        elif reply.has_error():
            reason = (reply.error.reason or "").encode("ascii", "replace").decode("ascii")
            if passage.came and reply.error.code < FLOWERS_OWN:
                lease.report(passage, reply.error.code, reason[:300])
                passage.later()
            else:
                lease.fail(passage, reply.error.code, reason[:300])
        else:
            self._keep(lease, passage, offset, reply)

    @staticmethod
    def _keep(lease: Lease, passage: Passage, offset: int, reply: Message) -> None:
        try:
            sealed = reply.content.array_records["y"]["y"].data
        except TROUBLE:
            lease.fail(passage, UNREADABLE, "the reply carries no bytes")
            return
        passage.held.append(Held(offset=offset, body=sealed, since=time.monotonic()))
        passage.offer_at = 0.0

    def _offer(self) -> bool:
        """Offer to the dock the pieces that come next; 409 means that the header is not there yet."""
        moved = False
        for lease, passage in self._passages():
            for held in sorted(passage.held, key=lambda each: each.offset):
                if held.offset > passage.have or time.monotonic() < passage.offer_at:
                    break
                target = f"{lease.target(passage)}?offset={held.offset}"
                status, reply = self._dock.call("PUT", target, held.body)
                if status in (409, 429) or status >= 500:
                    self._hold(lease, passage, held, status)
                    break
                passage.held.remove(held)
                moved = True
                if not self._note(passage, status, reply):
                    passage.end()
                    break
        return moved

    @staticmethod
    def _hold(lease: Lease, passage: Passage, held: Held, status: int) -> None:
        """Offer a piece again in a while, or let it go and ask the node again: others need the room."""
        now = time.monotonic()
        passage.offer_at = now + RETRY_S
        if now >= lease.until:
            passage.end()
        elif status == 409 and now - held.since > HOLD_S:
            passage.held.remove(held)
            passage.send_at = now + SEND_AGAIN_S

    @staticmethod
    def _note(passage: Passage, status: int, reply: bytes) -> bool:
        """Note what the dock has after taking a piece; False when it wants nothing more."""
        try:
            passage.took(int(json.loads(reply)["have"]))
        except NO_WORDS:
            return False
        return status == 200 and passage.have < passage.size

    def _report(self) -> bool:
        """Tell the dock which vectors do not come this way."""
        if time.monotonic() < self._next_error:
            return False
        moved = False
        for lease in self._leases.values():
            kept = []
            for target, body in lease.errors:
                status, _ = self._dock.call("POST", target, body)
                again = status in (409, 429) or status >= 500
                if again and time.monotonic() < lease.until:
                    kept.append((target, body))
                moved |= not again
            lease.errors = kept
        self._next_error = time.monotonic() + RETRY_S
        return moved

    def _close(self) -> bool:
        """Acknowledge finished leases; one that the dock did not hear about is acknowledged again later."""
        moved = False
        for lease in list(self._leases.values()):
            if lease.errors or not all(passage.over for passage in lease.passages):
                continue
            status, _ = self._dock.call("POST", f"/dock/leases/{lease.name}/done")
            if status < 500 or time.monotonic() >= lease.until:
                del self._leases[lease.name]
                self._next_lease, moved = 0.0, True
        return moved


def end_with(parent: int) -> None:
    """End this process, whatever it is doing, once ``parent`` is no longer its parent.

    Flower asks once, by an interrupt that its own code may swallow, and then asks a SuperLink that is gone
    for ever.
    """
    while os.getppid() == parent:
        time.sleep(PARENT_EVERY_S)
    os._exit(1)


@app.main()
def carry(grid: Grid, context: Context) -> None:
    """Carry work until the dock serves a newer run."""
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    bound_flower()
    carrier = Carrier(grid, Dock(str(context.run_config["dock"]), context.run_id))
    try:
        while True:
            if not carrier.step():
                time.sleep(STEP_S)
    except Superseded:
        return
    finally:
        carrier.close()
